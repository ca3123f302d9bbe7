"""The status table that commands print. Tests of table, and of budgets/wording."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from availability import record, registry_of
from slo_core import SLORegistry
from slo_core.status.table import status_table
from slo_core.testing import FakeClock


def line_of(registry: SLORegistry) -> list[str]:
    """The cells of the first SLO's line, which two spaces or more keep apart."""
    return re.split(r" {2,}", status_table(registry).splitlines()[1])


def test_a_line_of_the_table_holds_every_number(clock: FakeClock) -> None:
    """144 bad of 10,000 at 99.9 %: success 98.56 %, 14.4 budgets spent, all rules fire."""
    registry = registry_of(clock)
    clock.advance(hours=73)
    record(registry, good=9856, bad=144)

    assert line_of(registry) == [
        "availability",
        "paging",
        "breached",
        "-1340.0%",
        "page 1h/5m 6h/30m, ticket 1d/2h 3d/6h",
        "gone",
        "14.4x/1h",
        "99.9%",
        "30d",
        "10000",
        "144",
        "98.56%",
        "3d1h of 30d",
    ]


@pytest.mark.parametrize(
    ("options", "days", "measured"),
    [
        ({"window": "month"}, 9.5, "9d12h of 31d"),  # of January, from its first on
        ({"window": "month"}, 31 + 2.0, "2d of 28d"),  # measured for a month, but of February two days
        ({"window": "month", "timezone": "Europe/Berlin"}, 59 + 30.5, "30d13h of 31d"),  # March began an hour earlier
        ({"window": "week"}, 9.0, "5d of 7d"),  # Monday was the fifth
        ({"window": "30d"}, 9.5, "9d12h of 30d"),
    ],
)
def test_how_much_is_measured_is_told_of_the_window_as_long_as_it_is(
    clock: FakeClock, options: dict[str, object], days: float, measured: str
) -> None:
    """A month in progress is not 30 days, and holds nothing of the month before."""
    clock.advance(seconds=datetime(2026, 1, 1, tzinfo=UTC).timestamp() - clock())
    registry = registry_of(clock, **options)
    clock.advance(days=days)
    record(registry, good=1, bad=0)

    assert line_of(registry)[-1] == measured


def test_success_below_the_target_never_reads_like_the_target(clock: FakeClock) -> None:
    """99.899... % is shown as 99.89 %, not rounded up to a target of 99.90 % that was missed."""
    registry = registry_of(clock)
    record(registry, good=99_899, bad=101)

    assert "99.89%" in status_table(registry)
    assert "99.90%" not in status_table(registry)


def test_a_name_cannot_break_the_table(clock: FakeClock) -> None:
    """A newline or an escape sequence in a name is shown, not obeyed."""
    registry = SLORegistry.from_config({"a\nb\x1b[31m": {"target": 0.9}}, clock=clock)

    assert len(status_table(registry).splitlines()) == 2
    assert r"a\nb\x1b[31m" in status_table(registry)


def test_no_slo_is_told_in_words() -> None:
    """An empty registry gives a sentence, not an empty screen."""
    assert status_table(SLORegistry()) == "No SLO is defined."
