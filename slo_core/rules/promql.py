"""PromQL as text: durations, selectors and the layout of expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from slo_core.conventions import quoted

__all__ = ["aggregated", "and_", "duration_text", "indented", "selected", "times"]

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


def selected(
    metric: str, labels: Mapping[str, str], *, range_seconds: int | None = None, offset_seconds: int | None = None
) -> str:
    """
    A selector: `slo_target{slo="a"}[1d] offset 1h`.

    Args:
        metric: The name of the series.
        labels: The value of each label.
        range_seconds: How far a range selector reaches back; None selects an instant.
        offset_seconds: How long ago the instant lies.
    """
    matchers = ",".join(f"{name}={quoted(value)}" for name, value in labels.items())
    span = "" if range_seconds is None else f"[{duration_text(range_seconds)}]"
    offset = "" if offset_seconds is None else f" offset {duration_text(offset_seconds)}"
    return f"{metric}{{{matchers}}}{span}{offset}"


def indented(text: str) -> str:
    """The text, one level further in."""
    return "\n".join(f"  {line}" for line in text.split("\n"))


def aggregated(operator: str, labels: Iterable[str], body: str) -> str:
    """`max by (slo) (...)`, with the body on separate lines."""
    return f"{operator} by ({', '.join(labels)}) (\n{indented(body)}\n)"


def times(expression: str, factor: str) -> str:
    """The product; the expression itself where the factor is 1."""
    return expression if factor == "1" else f"{factor} * {expression}"


def and_(*conditions: str) -> str:
    """The conditions joined by `and`, in brackets; they must have the same labels."""
    return "(\n" + indented("\nand ".join(conditions)) + "\n)"
