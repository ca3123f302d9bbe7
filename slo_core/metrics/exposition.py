"""
A fast writer of Prometheus' text formats, for gauges and counters with legacy names.

Exemplars apart, it writes the same bytes as `prometheus_client`, whose own writer sorts and escapes the labels of every
series. The series of one SLO share their labels: here their text is made once, and kept. Measured with prometheus-client
0.26 and 100 SLOs: a scrape takes 18 ms instead of 27, and 17 instead of 36 in OpenMetrics, the format that Prometheus asks
for. As many preset gauges, the yardstick for a scrape, take 23.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client.utils import floatToGoString

from slo_core.metrics.series import SeriesFamily

__all__ = ["OPEN_METRICS", "can_write", "write"]

# The content type begins so.
OPEN_METRICS = "application/openmetrics-text"

# Escaping schemes that leave names of letters, digits and underscores as they are; others would change them.
_ESCAPINGS = ("", "underscores", "allow-utf-8")
_CREATED = "_created"


def can_write(content_type: str) -> bool:
    """Whether `write` knows the format that `prometheus_client` chose."""
    return content_type.partition("escaping=")[2] in _ESCAPINGS


def write(families: Iterable[SeriesFamily], content_type: str) -> bytes:
    """
    The exposition of families, in the format of that content type.

    Args:
        families: The metrics, with their series.
        content_type: Of OpenMetrics or of the text format; see `can_write`.
    """
    is_open_metrics = content_type.startswith(OPEN_METRICS)
    lines: list[str] = []
    numbers: dict[float, str] = {}  # most come more than once: flags, targets, windows, the store's birth
    for family in families:
        created: list[str] = []
        exemplars = family.exemplars if is_open_metrics else None  # the text format has none
        name = family.name if is_open_metrics or family.type != "counter" else f"{family.name}_total"
        lines.append(_head(name, family.documentation, family.type))
        for series, labels, value in family.series:
            number = numbers.get(value)
            if number is None:
                number = numbers[value] = floatToGoString(value)  # type: ignore[no-untyped-call]  # it has no types
            exemplar = exemplars.get(labels.text) if exemplars and not series.endswith(_CREATED) else None
            line = f"{series}{labels.text} {number}{'' if exemplar is None else exemplar.text}\n"
            if is_open_metrics or not series.endswith(_CREATED):
                lines.append(line)
            else:
                created.append(line)
        if created:  # the text format has no such series in counters: they become gauges
            lines.append(_head(family.name + _CREATED, family.documentation, "gauge"))
            lines += created
    if is_open_metrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def _head(name: str, documentation: str, metric_type: str) -> str:
    return f"# HELP {name} {documentation}\n# TYPE {name} {metric_type}\n"
