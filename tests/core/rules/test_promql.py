"""PromQL as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.objectives.duration import parse_duration
from slo_core.rules.promql import duration_text

DAY = 86_400


@given(st.integers(min_value=1, max_value=92 * DAY))
def test_durations_read_back(seconds: int) -> None:
    """To the second."""
    assert parse_duration(duration_text(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (300, "5m"),
        (3600, "1h"),
        (5400, "1h30m"),
        (7 * DAY, "1w"),
        (28 * DAY, "4w"),
        (30 * DAY, "30d"),
        (91 * DAY, "13w"),
    ],
)
def test_durations_are_in_prometheus_shortest_form(seconds: int, text: str) -> None:
    """Weeks where they come out even."""
    assert duration_text(seconds) == text
