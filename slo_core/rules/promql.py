"""PromQL as text: durations, selectors and the layout of expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from slo_core.conventions import quoted
from slo_core.objectives.window import PeriodWindow

__all__ = [
    "aggregated",
    "and_",
    "bracketed",
    "duration_text",
    "indented",
    "labelled",
    "one_of",
    "selected",
    "window_name",
]

_UNITS = (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def duration_text(seconds: int) -> str:
    """
    A duration in Prometheus' shortest form: 28 days are `4w`, 30 days `30d`, 90 seconds `1m30s`.

    Weeks are only used where nothing is left over. Source: `model.Duration.String` of prometheus/common.
    """
    if seconds % 604_800 == 0:
        return f"{seconds // 604_800}w"
    rest, parts = seconds, []
    for unit, length in _UNITS[1:]:
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def window_name(seconds: int) -> str:
    """The window in a label; "period" for a calendar window where a rolling one of the same length is recorded, too."""
    return "period" if isinstance(seconds, PeriodWindow) else duration_text(seconds)


def selected(
    metric: str,
    labels: Mapping[str, str],
    *,
    any_of: Mapping[str, str] | None = None,
    range_seconds: int | None = None,
    offset_seconds: int | None = None,
) -> str:
    """
    A selector: `slo_target{slo="a"}[1d] offset 1h`.

    Args:
        metric: The name of the series; empty where a label says it.
        labels: The value of each label.
        any_of: A regular expression for the value of each of these labels.
        range_seconds: How far a range selector reaches back; None selects an instant.
        offset_seconds: How long ago the instant lies.
    """
    matchers = ",".join(
        f"{name}{sign}{quoted(value)}"
        for sign, values in (("=", labels), ("=~", any_of or {}))
        for name, value in values.items()
    )
    span = "" if range_seconds is None else f"[{duration_text(range_seconds)}]"
    offset = "" if offset_seconds is None else f" offset {duration_text(offset_seconds)}"
    return f"{metric}{{{matchers}}}{span}{offset}"


def indented(text: str) -> str:
    """The text, one level further in."""
    return "\n".join(f"  {line}" for line in text.split("\n"))


def aggregated(operator: str, labels: Iterable[str], body: str) -> str:
    """`max by (slo) (...)`, with the body on separate lines."""
    return f"{operator} by ({', '.join(labels)}) (\n{indented(body)}\n)"


def labelled(body: str, name: str, value: str) -> str:
    """The body, each of its series with one more label."""
    return f'label_replace(\n{indented(body)},\n  "{name}", "{value}", "", ""\n)'


def one_of(values: Iterable[object]) -> str:
    """A regular expression for a few values. Prometheus looks them up as quickly as single ones."""
    return "|".join(re.sub(r"[\\.+*?()|\[\]{}^$]", r"\\\g<0>", str(value)) for value in values)


def bracketed(body: str) -> str:
    """The body in brackets, on separate lines."""
    return f"(\n{indented(body)}\n)"


def and_(*conditions: str) -> str:
    """The conditions joined by `and`, in brackets; they must have the same labels."""
    return bracketed("\nand ".join(conditions))
