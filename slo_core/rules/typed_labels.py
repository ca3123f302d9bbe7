"""Labels, switches and severities as people type them: `NAME=VALUE`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from slo_core.errors import ConfigError, Problem

__all__ = ["parse_labels"]

_MATCH = "--match"

# `env!=prod`, `env=~prod|dev`, `{env="prod"}`, `env=prod,region=eu`: PromQL, or two labels in one option.
_PROMQL = re.compile(r"""\s*\{|[\w\s]*(!=|!~|=~)|[\w\s]*=\s*["'`]|.*,\s*\w+\s*(=|!=|!~)""", re.DOTALL)


def parse_labels(pairs: Iterable[str], *, where: str) -> dict[str, str]:
    """
    Labels from typed options.

    Args:
        pairs: `"name=value"` each.
        where: The option, for messages.

    Raises:
        ConfigError: One has no name or no equals sign, or a name is there with two values; in `--match` also, one is an
            expression of PromQL.
    """
    pairs = list(pairs)
    problems = list(_problems(pairs, where))
    if problems:
        raise ConfigError(problems)
    return dict(_split(pair) for pair in pairs)


def _problems(pairs: list[str], where: str) -> Iterator[Problem]:
    values: dict[str, str] = {}
    what, example = _EXAMPLES.get(where, ("label", "team=shop"))
    for pair in pairs:
        name, value = _split(pair)
        if where == _MATCH and _PROMQL.match(pair):
            yield Problem(
                where,
                f"expected a label and its value as they are, such as env=prod, and no expression, got {pair!r}",
                "for another label repeat the option; for every value of one there is --by",
            )
        elif not name or "=" not in pair:
            yield Problem(where, f'expected a {what} such as "{example}", got {pair!r}')
        elif values.setdefault(name, value) != value:
            hint = (
                f"write rules for each, or keep them apart: --by {name}" if where == _MATCH else "leave out one of them"
            )
            yield Problem(where, f"{name} is there with two values, {values[name]!r} and {value!r}", hint)


_EXAMPLES = {
    _MATCH: ("label", "env=prod"),
    "--alert": ("switch", "traffic=ticket"),
    "--severity": ("name of a severity", "page=critical"),
}


def _split(pair: str) -> tuple[str, str]:
    name, _, value = pair.partition("=")
    return name, value
