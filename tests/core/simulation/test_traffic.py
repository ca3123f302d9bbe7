"""Made-up traffic: events are spread evenly, and rates and shares are what their digits say."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.simulation.traffic import Stretch, Traffic, parse_rate, parse_share


@given(
    rate=st.fractions(min_value=0, max_value=100, max_denominator=1000),
    ratios=st.lists(st.fractions(min_value=0, max_value=1, max_denominator=1000), min_size=1, max_size=4),
    seconds=st.integers(1, 50),
)
def test_events_are_spread_evenly_and_none_is_lost(rate: Fraction, ratios: list[Fraction], seconds: int) -> None:
    """Any sum is within one event of the fractions, and no second has more bad events than events."""
    stretches = [Stretch(i * seconds, (i + 1) * seconds, rate, ratio) for i, ratio in enumerate(ratios)]
    traffic = Traffic(stretches)
    exact_events = exact_bad = Fraction(0)

    for second in range(len(ratios) * seconds):
        counts = traffic.between(second, second + 1)
        assert counts.good >= 0
        assert counts.bad >= 0
        exact_events += rate
        assert 0 <= exact_events - traffic.before(second + 1).total < 1
    counted = [traffic.between(stretch.start, stretch.end) for stretch in stretches]
    exact_bad = sum((counts.total * stretch.error_ratio for counts, stretch in zip(counted, stretches)), Fraction(0))
    assert 0 <= exact_bad - sum(counts.bad for counts in counted) < 1


@given(
    rate=st.fractions(min_value=0, max_value=20, max_denominator=20),
    ratio=st.fractions(min_value=0, max_value=1, max_denominator=20),
    start=st.integers(0, 50),
    length=st.integers(0, 50),
    slack=st.integers(0, 5),
)
def test_no_part_of_a_stretch_is_beyond_its_extremes(
    rate: Fraction, ratio: Fraction, start: int, length: int, slack: int
) -> None:
    """Neither in good nor in bad events; or, of whole numbers a second, in their ratio."""
    stretch = Stretch(0, 105, rate, ratio)
    counts = Traffic([Stretch(-7, 0, Fraction(1, 3), Fraction(1, 7)), stretch]).between(start, start + length)

    best, worst = stretch.extremes(shortest=max(0, length - slack), longest=length + slack)

    assert best.bad * counts.total <= counts.bad * best.total or best.total == 0
    assert counts.bad * worst.total <= worst.bad * counts.total
    assert best.bad <= counts.bad <= worst.bad


def test_stretches_must_not_overlap() -> None:
    """An event would count twice."""
    with pytest.raises(ValueError, match="in order of time"):
        Traffic([Stretch(0, 10, Fraction(1), Fraction(0)), Stretch(9, 12, Fraction(1), Fraction(0))])


@pytest.mark.parametrize(
    ("text", "rate"),
    [("50/s", 50), ("0.2/s", "0.2"), ("9/h", "0.0025"), ("600 / min", 10), ("6/m", "0.1"), ("864/d", "0.01"), ("7", 7)],
)
def test_a_rate_is_what_its_digits_say(text: str, rate: object) -> None:
    """Exactly, as a fraction."""
    assert parse_rate(text) == Fraction(str(rate))


@pytest.mark.parametrize("text", ["", "0/s", "-1/s", "1e3", "fast", "5/fortnight", "nan/s", "2000000000/s", "1/s/s"])
def test_what_is_no_rate(text: str) -> None:
    """The message shows one."""
    with pytest.raises(ValueError, match="expected a rate"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "share"), [("15%", "0.15"), ("0.01 %", "0.0001"), ("0.5", "0.5"), ("100%", 1), ("0", 0)]
)
def test_a_share_is_what_its_digits_say(text: str, share: object) -> None:
    """A percentage, or a ratio."""
    assert parse_share(text) == Fraction(str(share))


@pytest.mark.parametrize(
    ("text", "message"),
    [("15", 'did you mean "15%"'), ("101%", "up to 100%"), ("-1%", "expected a share"), ("a", "expected")],
)
def test_what_is_no_share(text: str, message: str) -> None:
    """The message shows one, and what may have been meant."""
    with pytest.raises(ValueError, match=message):
        parse_share(text)
