"""Durations as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.objectives.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30d", 2_592_000.0),
        ("1h", 3600.0),
        ("1h30m", 5400.0),
        ("1h 30m", 5400.0),
        (" 5m ", 300.0),
        ("2w", 1_209_600.0),
        ("300ms", 0.3),
        ("1.5s", 1.5),
        ("1s500ms", 1.5),
        (90, 90.0),
        (0.25, 0.25),
    ],
)
def test_a_duration_is_numbers_and_units(text: object, seconds: float) -> None:
    """Units are ms, s, m, h, d and w; a bare number is seconds."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", " ", "30", "d", "5min", "-5m", "1h,30m", "1e3s", "1month", "5 x", "½h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Text without a unit we know is not guessed at."""
    with pytest.raises(ValueError, match="expected .*duration"):
        parse_duration(text)


@pytest.mark.parametrize("value", [None, True, b"5m", [5], object()])
def test_other_types_are_refused(value: object) -> None:
    """True is not one second."""
    with pytest.raises(ValueError, match="expected seconds or a duration such as"):
        parse_duration(value)


@pytest.mark.parametrize("value", [0, -1, 0.0, math.nan, math.inf, -math.inf, 10**400, "0s", "9" * 400 + "d"])
def test_a_duration_is_finite_and_above_zero(value: object) -> None:
    """Nothing, NaN and what is beyond every float are refused, never an OverflowError."""
    with pytest.raises(ValueError, match="expected a duration above 0 seconds"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (2_592_000, "30d"),
        (5400, "1h30m"),
        (0.3, "300ms"),
        (90_061.001, "1d1h1m1s1ms"),
        (0.0001, "0.0001s"),
        (0, "0s"),
    ],
)
def test_a_duration_is_shown_in_the_units_that_say_it_exactly(seconds: float, text: str) -> None:
    """Nothing is rounded to look nice."""
    assert format_duration(seconds) == text


@given(st.integers(min_value=1, max_value=10**10))
def test_what_is_shown_reads_back(milliseconds: int) -> None:
    """Formatting and parsing are inverse down to the millisecond."""
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000
