"""The status table and document that commands and pages print."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from slo_core import SLORegistry
from slo_core.status.json_view import status_json
from slo_core.status.service_status import status_note
from slo_core.status.state import state_of
from slo_core.status.table import status_table
from slo_core.stores.memory.store import MemoryStore
from slo_core.testing import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def registry_of(clock: FakeClock, **options: object) -> SLORegistry:
    return SLORegistry.from_config({"availability": {"target": "99.9%", **options}}, clock=clock)


def record(registry: SLORegistry, *, good: int, bad: int, name: str = "availability") -> None:
    for _ in range(good):
        registry[name].record(True)
    for _ in range(bad):
        registry[name].record(False)


def line_of(registry: SLORegistry) -> list[str]:
    """The cells of the first SLO's line, which two spaces or more keep apart."""
    return re.split(r" {2,}", status_table(registry).splitlines()[1])


def test_an_slo_without_events_says_so_instead_of_looking_perfect(clock: FakeClock) -> None:
    """A quiet service is not a perfect one."""
    registry = registry_of(clock)

    assert state_of(registry["availability"].snapshot()) == "no data"
    assert "no data" in status_table(registry)
    assert "100" not in status_table(registry)


@pytest.mark.parametrize(
    ("good", "bad", "state"),
    [(1000, 0, "met"), (1999, 1, "met"), (999, 1, "exhausted"), (998, 2, "breached")],
)
def test_the_state_is_the_gravest_that_is_true(clock: FakeClock, good: int, bad: int, state: str) -> None:
    """99.9 % of 1,000 events allow exactly one bad one: the first spends the budget, the second breaks the promise."""
    registry = registry_of(clock)
    record(registry, good=good, bad=bad)

    assert state_of(registry["availability"].snapshot()) == state


def test_a_firing_rule_with_budget_left_is_burning(clock: FakeClock) -> None:
    """2 bad of 100 in the last hour burn at 20 of 14.4, but 2 of 100,100 leave most of the budget."""
    registry = registry_of(clock)
    record(registry, good=100_000, bad=0)
    clock.advance(days=4)
    record(registry, good=98, bad=2)

    assert state_of(registry["availability"].snapshot()) == "burning"
    assert "page 1h/5m" in line_of(registry)[-1]


def test_a_line_of_the_table_holds_every_number(clock: FakeClock) -> None:
    """144 bad of 10,000 at 99.9 %: success 98.56 %, 14.4 budgets spent, all rules fire."""
    registry = registry_of(clock)
    clock.advance(hours=49)
    record(registry, good=9856, bad=144)

    assert line_of(registry) == [
        "availability",
        "99.9%",
        "30d",
        "breached",
        "10000",
        "144",
        "98.56%",
        "-1340.0%",
        "14.4x/1h",
        "0s",
        "2d1h of 30d",
        "page 1h/5m, page 6h/30m, ticket 1d/2h, ticket 3d/6h",
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

    assert line_of(registry)[-2] == measured


def test_the_document_tells_where_a_calendar_window_begins(clock: FakeClock) -> None:
    """By its time zone; a rolling window has none."""
    calendar = registry_of(clock, window="month", timezone="Asia/Tokyo")

    assert status_json(calendar)["slos"][0]["timezone"] == "Asia/Tokyo"
    assert status_json(registry_of(clock))["slos"][0]["timezone"] is None


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


def test_the_document_is_json_with_a_version(clock: FakeClock) -> None:
    """Programs can tell the shape of the document, and read unrounded numbers from it."""
    registry = registry_of(clock, runbook="https://example.com/runbook", labels={"team": "shop"})
    clock.advance(hours=2)
    record(registry, good=9856, bad=144)

    document = json.loads(json.dumps(status_json(registry)))

    assert document["version"] == 1
    assert document["service"] == "default"
    assert document["store"] == {"backend": "memory", "scope": "process", "is_up": True}
    (slo,) = document["slos"]
    assert slo["state"] == "breached"
    assert (slo["total"], slo["failures"], slo["success_ratio"]) == (10_000, 144, 0.9856)
    assert (slo["burn_rate"], slo["burn_rate_window_seconds"]) == (14.4, 3600)
    assert slo["time_to_exhaustion_seconds"] == 0.0
    assert slo["measured_seconds"] == 7200.0
    assert [alert["is_firing"] for alert in slo["alerts"]] == [True, True, True, False]
    assert slo["labels"] == {"team": "shop"}


def test_without_alert_rules_the_shortest_burn_window_is_shown(clock: FakeClock) -> None:
    """The pace of an SLO with its own burn windows only comes from the shortest of them."""
    registry = registry_of(clock, alert_rules=[], burn_rate_windows=["2h", "30m"])
    record(registry, good=999, bad=1)

    assert status_json(registry)["slos"][0]["burn_rate_window_seconds"] == 1800


def test_without_any_alert_the_window_itself_is_the_pace(clock: FakeClock) -> None:
    """An SLO without rules and burn windows burns over its own window."""
    registry = registry_of(clock, alert_rules=[], burn_rate_windows=[], window="month")
    record(registry, good=999, bad=1)

    entry = status_json(registry)["slos"][0]
    assert (entry["window"], entry["burn_rate_window_seconds"]) == ("month", 2_592_000)


def test_numbers_of_one_process_come_with_a_note() -> None:
    """Who reads a process's own store from elsewhere is told that the service's numbers are not there."""
    note = status_note(SLORegistry())

    assert note is not None
    assert "does not see" in note


def test_numbers_of_a_shared_store_need_no_note() -> None:
    """What every process sees is the truth for every reader."""

    class SharedStore(MemoryStore):
        backend = "shared"
        scope = "fleet"

    assert status_note(SLORegistry(SharedStore())) is None
