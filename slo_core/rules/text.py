"""Rules as YAML that people can read: expressions in lines, not in quotes."""

from __future__ import annotations

from collections.abc import Mapping

from slo_core.budgets.wording import printable
from slo_core.errors import SLOError

__all__ = ["rules_text"]

_WIDTH = 120


def rules_text(document: Mapping[str, object], *, comment: str = "") -> str:
    """
    A document as YAML.

    Args:
        document: Plain data: `PrometheusRules.document()` or `.kubernetes(...)`.
        comment: What stands above it, for people; several lines are fine.

    Raises:
        SLOError: PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as exc:
        raise SLOError('YAML needs PyYAML, which is not installed: pip install "slo-suite[yaml]"') from exc

    class Dumper(yaml.SafeDumper):
        """Expressions stand in lines of their own; nothing refers to another place of the file."""

        def ignore_aliases(self, data: object) -> bool:
            return True

    def represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
        # A template holds queries: they are not to be broken in the middle either.
        style = "|" if "\n" in text or "{{" in text else None
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    body = yaml.dump(dict(document), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)
    above = "".join(f"# {printable(line)}".rstrip() + "\n" for line in comment.splitlines())
    return f"{above}{body}"
