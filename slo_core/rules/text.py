"""Rules as YAML that people can read, with expressions in block style."""

from __future__ import annotations

from collections.abc import Mapping

from slo_core.budgets.wording import printable
from slo_core.errors import SLOError

__all__ = ["rules_text"]

_WIDTH = 120


def rules_text(content: Mapping[str, object], *, comment: str = "") -> str:
    """
    Rules as YAML.

    Args:
        content: Plain data: `PrometheusRules.file_content()` or `.kubernetes(...)`.
        comment: A comment above it, of one or more lines.

    Raises:
        SLOError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as exc:
        raise SLOError('YAML needs PyYAML, which is not installed: pip install "slo-suite[yaml]"') from exc

    class Dumper(yaml.SafeDumper):
        """Writes expressions in block style, and no anchors."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        # Queries in templates must not be broken into lines either.
        style = "|" if "\n" in text or "{{" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    body = yaml.dump(dict(content), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    above = "".join(f"# {printable(line)}".rstrip() + "\n" for line in comment.splitlines())
    return f"{above}{body}"
