"""The series of a scrape, in a form that is cheap to fill and to write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from slo_core.conventions import quoted

__all__ = ["Exemplar", "SeriesFamily", "SeriesLabels"]


class SeriesLabels(dict[str, str]):
    """
    The labels of series, not to be changed.

    Args:
        labels: By name.

    Attributes:
        text: As it stands behind the name of a series in the text formats.
    """

    __slots__ = ("text",)

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(labels)
        pairs = ",".join([f"{name}={quoted(value)}" for name, value in sorted(labels.items())])
        self.text = f"{{{pairs}}}" if pairs else ""


class Exemplar(NamedTuple):
    """
    One event that a counter has counted, as an example.

    Attributes:
        trace_id: Its trace: 32 hexadecimal digits.
        at: When it happened, in seconds since the epoch.
    """

    trace_id: str
    at: float

    @property
    def text(self) -> str:
        """As it stands behind the value in OpenMetrics."""
        return f' # {{trace_id="{self.trace_id}"}} 1 {self.at:.3f}'


class SeriesFamily:
    """
    A metric with its series.

    Args:
        name: Its name, that of a counter without `_total`.
        documentation: Its help text.
        type: `"gauge"` or `"counter"`.

    Attributes:
        series: The name of each, its labels and its value.
        exemplars: By the text of the labels; for counters in OpenMetrics.
    """

    __slots__ = ("documentation", "exemplars", "name", "series", "type")

    def __init__(self, name: str, documentation: str, type: str) -> None:  # noqa: A002  # as in prometheus_client
        self.name = name
        self.documentation = documentation
        self.type = type
        self.series: list[tuple[str, SeriesLabels, float]] = []
        self.exemplars: dict[str, Exemplar] = {}
