"""Which buckets are read for how long events took: those of causes, in blocks of their own."""

from __future__ import annotations

import pytest

from slo_core import HTTPRule, SLODefinition
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.cause_reading import cause_reading
from slo_core.stores.causes import LATENCIES
from slo_core.stores.latency_reading import latency_reading

NOW = 1_700_000_000.0


@pytest.mark.parametrize("seconds", [1, HOUR, DAY, 30 * DAY])
def test_the_buckets_are_those_of_causes(seconds: int) -> None:
    """So the page says the same of both."""
    timed = SLODefinition("a", 0.99, http=HTTPRule(latency_seconds=1))
    reading = latency_reading(timed, seconds, now=NOW)
    causes = cause_reading("a", seconds, now=NOW, keeps_seconds=timed.kept_seconds)

    assert reading is not None
    assert (reading.since, reading.query) == (causes.since, causes.query._replace(kind=LATENCIES))
    assert (reading.threshold, reading.target) == (1.0, 0.99)


@pytest.mark.parametrize("seconds", [0, -1, True, float("nan"), float("inf"), "1h"])
def test_a_span_that_is_none_is_an_error(seconds: object) -> None:
    """It names the argument, with and without a threshold."""
    with pytest.raises(ValueError, match=r"latency\(seconds\): expected a positive number of seconds"):
        latency_reading(SLODefinition("a", 0.99), seconds, now=NOW)  # type: ignore[arg-type]


def test_without_a_threshold_nothing_is_read() -> None:
    """Neither for an SLO of HTTP requests nor for another."""
    for http in (None, HTTPRule()):
        assert latency_reading(SLODefinition("a", 0.99, http=http), HOUR, now=NOW) is None
