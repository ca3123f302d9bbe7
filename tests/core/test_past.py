"""Questions about the past: a window that is no longer kept whole says so, and decides nothing in silence."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pytest

from slo_core import AlertRule, InMemoryStore, Observation, PrometheusExporter, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.history import history
from slo_core.errors import NotKeptError
from slo_core.status.json_view import status_json
from slo_core.status.sources.json_view import services_of_json
from slo_core.status.sources.metrics_page import services_of_metrics
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

HOUR, DAY = 3600, 86_400


def counted(registry: SLORegistry, clock: FakeClock, *, days: int, definition: SLODefinition) -> SLOTracker:
    """An event an hour, flushed twice a day; the last one is an hour old."""
    tracker = registry.define(definition)
    for hour in range(24 * days):
        tracker.record(hour % 10 != 0)
        clock.advance(HOUR)
        if hour % 12 == 0:
            registry.flush()
    registry.flush()
    return tracker


@pytest.mark.parametrize("store", ["memory", "sqlite", "sqlite, pruned"])
def test_a_window_of_the_past_is_whole_or_says_since_when_it_is_covered(
    store: str, clock: FakeClock, tmp_path: Path
) -> None:
    """30 days of an SLO that has counted for 45; each hour has one event, which tells what is there."""
    buckets = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
    url = "memory://" if store == "memory" else f"sqlite:///{tmp_path}/slo.db"
    with SLORegistry(url, clock=clock) as registry:
        tracker = counted(registry, clock, days=45, definition=SLODefinition("a", 0.99))
        if store == "sqlite, pruned":
            assert buckets.prune() > 0
        now = clock()

        whole = tracker.snapshot(at=now)
        part = tracker.snapshot(at=now - 5 * DAY)

        assert (whole.is_complete, whole.covered_since, whole.total) == (True, now - 30 * DAY, 720)
        assert not part.is_complete
        assert part.covered_since == pytest.approx(now - 30 * DAY, abs=2 * HOUR)
        assert part.total == pytest.approx(25 * 24, abs=2)
        assert [(each.window_seconds, each.is_complete) for each in part.window_samples] == [
            (30 * DAY, False), (HOUR, True), (6 * HOUR, True), (300, True), (1800, True), (DAY, True), (2 * HOUR, True),
            (3 * DAY, True),
        ]  # fmt: skip
        assert [alert.is_complete for alert in tracker.snapshot(at=now - 29 * DAY).alerts] == [True, True, True, False]
        assert registry.snapshot_all(at=now - 5 * DAY) == [part]
    buckets.close()


def test_a_time_of_which_nothing_is_kept_is_an_error(clock: FakeClock) -> None:
    """Not a window without events, which would read as one without failures. Where others answer, too, it is marked."""
    registry = SLORegistry(clock=clock)
    kept = registry.define(SLODefinition("b", 0.9, window="quarter"))
    tracker = counted(registry, clock, days=40, definition=SLODefinition("a", 0.9))
    kept.record_failure(at=clock() - 33 * DAY)
    at = clock() - 32 * DAY

    with pytest.raises(NotKeptError, match="SLO 'a': at=: expected an instant of which counts are kept"):
        tracker.snapshot(at=at)
    other, gone = registry.snapshot_all(at=at)

    assert (other.name, other.failures, other.is_complete) == ("b", 1, True)
    assert (gone.name, gone.total, gone.is_complete, gone.covered_since > at) == ("a", 0, False, True)
    assert not any(sample.is_complete for sample in gone.window_samples)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("hours_late", [150, 8 * 24 - 1, 8 * 24, 8 * 24 + 1, 8 * 24 + 2, 200, 900])
def test_a_late_event_is_in_the_closed_month_and_in_its_window_or_in_neither(
    store: str, hours_late: int, clock: FakeClock, tmp_path: Path
) -> None:
    """For as long as the counts of the whole month are kept: a week at least. From then on the row is final."""
    march, april = (dt.datetime(2026, month, 1, tzinfo=dt.UTC).timestamp() for month in (3, 4))
    clock.now = march
    with SLORegistry("memory://" if store == "memory" else f"sqlite:///{tmp_path}/slo.db", clock=clock) as registry:
        tracker = registry.define(SLODefinition("a", 0.9, window="month"))
        for _ in range(31):
            tracker.record_success()
            clock.advance(days=1)
            registry.flush()
        for clock.now in (april + HOUR, april + hours_late * HOUR):
            tracker.record_success()
            registry.flush()
        tracker.record_failure(at=april - 1)
        seen = set()
        for _ in range(3):
            registry.flush()
            (month,) = [each for each in tracker.closed_periods() if each.kind == "month" and each.start == march]
            snapshot = tracker.snapshot(at=april - 1)
            assert (snapshot.total, snapshot.failures, snapshot.is_complete) == (month.total, month.bad, True)
            seen.add(month.bad)
            clock.advance(days=20)
            tracker.record_success()

        assert seen == {1 if hours_late <= 8 * 24 else 0} or (len(seen) == 1 and 8 * 24 < hours_late <= 8 * 24 + 1)
        assert month.is_final


@pytest.mark.parametrize("is_pruned", [False, True])
def test_a_longer_window_is_whole_when_all_of_it_was_kept(is_pruned: bool, clock: FakeClock, tmp_path: Path) -> None:
    """Under the shorter one older counts went; four weeks later nothing is missing any more."""
    url = f"sqlite:///{tmp_path}/slo.db"
    with SLORegistry(url, clock=clock) as registry:
        counted(registry, clock, days=20, definition=SLODefinition("a", 0.9, 7 * DAY))
    changed_at = clock()
    if is_pruned:
        assert SQLiteBucketStore(tmp_path / "slo.db", clock=clock).prune()
    with SLORegistry(url, clock=clock) as registry:
        tracker = registry.define(SLODefinition("a", 0.9, 28 * DAY))
        registry.flush()
        for days in (0, 3, 20):
            clock.now = changed_at + days * DAY
            tracker.record_success()
            for snapshot in (tracker.snapshot(), tracker.snapshot(at=clock()), *registry.snapshot_all(at=clock())):
                assert not snapshot.is_complete
                assert snapshot.covered_since == pytest.approx(changed_at - 7 * DAY, abs=3 * HOUR)
            assert snapshot.total == pytest.approx(7 * 24, abs=5)
            past = history(tracker.definition, snapshot, tracker.internals.timeline(), range_seconds=28 * DAY)
            assert past.points[0].end - past.step_seconds >= snapshot.covered_since
        clock.now = changed_at + 22 * DAY
        tracker.record_success()
        assert tracker.snapshot().is_complete


def test_an_alert_is_not_decided_on_a_part_of_its_window(clock: FakeClock) -> None:
    """An empty list would read as "nothing burned"; the mark of the state says that its windows are not whole."""
    registry = SLORegistry(clock=clock)
    definition = SLODefinition("a", 0.9, burn_rate_windows=(HOUR, 3 * DAY))
    tracker = counted(registry, clock, days=40, definition=definition)
    at = clock() - 28 * DAY

    with pytest.raises(NotKeptError, match="SLO 'a': its burn window of 3d .* counts are kept since"):
        tracker.check_burn_rate(at=at)
    with pytest.raises(NotKeptError):
        registry.check_burn_rates(at=at)
    assert tracker.check_burn_rate(at=clock() - 20 * DAY) == []


def test_a_young_slo_lacks_nothing(clock: FakeClock) -> None:
    """It was measured for less than its window: that is what `data_since` says. Before it there was nothing to keep."""
    registry = SLORegistry(clock=clock)
    tracker = counted(registry, clock, days=2, definition=SLODefinition("a", 0.9))

    for back in (0, DAY, 40 * DAY):
        snapshot = tracker.snapshot(at=clock() - back)
        assert snapshot.is_complete
        assert all(sample.is_complete for sample in snapshot.window_samples)
    assert snapshot.total == snapshot.measured_seconds == 0
    assert tracker.check_burn_rate(at=clock() - 40 * DAY) == []


def test_a_read_of_now_is_never_refused(clock: FakeClock) -> None:
    """A clock that was set back by 40 days: what was counted lies ahead of it; pages and scrapes go on, and are marked."""
    registry = SLORegistry(clock=clock)
    tracker = counted(registry, clock, days=50, definition=SLODefinition("a", 0.9))
    clock.advance(days=-40)

    assert not tracker.snapshot().is_complete
    assert tracker.check_burn_rate() == []
    tracker.record_failure()  # memory starts empty
    clock.advance(HOUR)

    assert (tracker.snapshot().total, tracker.snapshot().is_complete) == (1, False)
    assert tracker.snapshot().covered_since == math.floor(clock() - HOUR)


def test_events_of_a_clock_far_ahead_push_no_window_out(clock: FakeClock, tmp_path: Path) -> None:
    """A host lives in next year: the stores forget nothing for that, and the windows of the others stay whole."""
    url, ahead = f"sqlite:///{tmp_path}/slo.db", FakeClock(clock() + 400 * DAY)
    with SLORegistry(url, clock=clock) as registry, SLORegistry(url, clock=ahead) as other:
        tracker = counted(registry, clock, days=40, definition=SLODefinition("a", 0.9))
        other.define(SLODefinition("a", 0.9)).record_success()
        other.flush()

        assert tracker.snapshot(at=clock()).is_complete
        assert tracker.snapshot(at=clock() - DAY).window_samples[1].is_complete
        assert not tracker.snapshot(at=clock() - DAY).is_complete


def test_a_store_of_single_events_says_since_when_it_keeps_all(clock: FakeClock) -> None:
    """`InMemoryStore` does; one that does not say it is taken to keep everything."""

    class Silent:
        def __init__(self) -> None:
            self.kept: list[Observation] = []

        def record(self, observation: Observation) -> None:
            self.kept.append(observation)

        def window(self, now: float, seconds: int) -> list[Observation]:
            return [each for each in self.kept if now - seconds < each.timestamp <= now]

        def trim(self, before: float) -> None:
            self.kept = [each for each in self.kept if each.timestamp >= before]

        def __len__(self) -> int:
            return len(self.kept)

    definition, store, start = SLODefinition("a", 0.9, 7 * DAY, burn_rate_windows=()), InMemoryStore(7 * DAY), clock()
    tracker, silent = (
        SLOTracker(definition, store=store, clock=clock),
        SLOTracker(definition, store=Silent(), clock=clock),
    )
    for _ in range(24 * 10):
        clock.advance(HOUR)
        tracker.record_success()
        silent.record_success()

    assert tracker.snapshot().is_complete
    assert not tracker.snapshot(at=clock() - DAY).is_complete
    store.trim(clock() - 2 * DAY)
    assert (tracker.snapshot().is_complete, tracker.snapshot().covered_since) == (False, clock() - 2 * DAY)
    assert silent.snapshot(at=start + 8 * DAY).is_complete


def weekly(clock: FakeClock) -> SLORegistry:
    """Two weeks and ten minutes of an SLO of the calendar week, with a burn and an alert window of seven days."""
    monday = dt.datetime(2026, 3, 2, tzinfo=dt.UTC).timestamp()
    clock.now = monday - 14 * DAY
    rule = AlertRule("7d", "6h", severity="ticket", burn_rate=1)
    definition = SLODefinition("a", 0.99, window="week", burn_rate_windows=(HOUR, 7 * DAY), alert_rules=(rule,))
    registry = SLORegistry(clock=clock)
    tracker = registry.define(definition)
    for number in range(2 * 7 * 144):
        tracker.record(number % 20 != 0)
        clock.advance(600)
    tracker.record(True)
    clock.advance(600)
    return registry


def test_seven_days_are_rolling_also_in_an_slo_of_the_week(clock: FakeClock) -> None:
    """On Monday at ten past midnight the week is new, and the last seven days are what they were."""
    (snapshot,) = weekly(clock).snapshot_all()

    assert snapshot.total == 1
    assert {sample.window_seconds: sample.sample_count for sample in snapshot.burn_rate_samples}[7 * DAY] == 1009
    (alert,) = snapshot.alerts
    assert (alert.long.sample_count, alert.is_firing) == (1009, True)
    assert [(sample.window_seconds, sample.period) for sample in snapshot.window_samples] == [
        (7 * DAY, "week"), (HOUR, None), (7 * DAY, None), (6 * HOUR, None), (300, None),
    ]  # fmt: skip


def test_two_windows_of_one_length_are_told_apart_by_those_who_read_a_page(clock: FakeClock) -> None:
    """On `/metrics` by a label that only the calendar window has, in the JSON by its `period`."""
    registry = weekly(clock)
    text = PrometheusExporter(registry).render()[0].decode()

    (scraped,) = services_of_metrics(text, address="u", at=clock())
    (loaded,) = services_of_json(status_json(registry), address="u")

    assert 'slo_window_events{slo="a",window_period="week",window_seconds="604800"} 1.0' in text
    assert 'slo_window_events{slo="a",window_seconds="604800"} 1009.0' in text
    for service in (scraped, loaded):
        ((_, seen),) = service.snapshots
        assert (seen.total, seen.alerts[0].long.sample_count) == (1, 1009)


def test_a_calendar_window_alone_keeps_its_series(clock: FakeClock) -> None:
    """Its nominal length is its label, as it has always been."""
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("a", 0.99, window="week")).record_success()

    assert "window_period" not in PrometheusExporter(registry).render()[0].decode()


def test_a_timezone_without_effect_is_logged(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """A rolling window has no midnights; the SLO counts all the same."""
    SLORegistry.from_config(
        {
            "rolling": {"target": 0.9, "timezone": "Europe/Berlin"},
            "monthly": {"target": 0.9, "timezone": "Europe/Berlin", "window": "month"},
            "plain": {"target": 0.9},
        },
        clock=clock,
    )

    (record,) = caplog.records
    expected = (
        "SLO_DEFINITIONS['rolling']: timezone 'Europe/Berlin' has no effect on a rolling window, which has no midnights"
    )
    assert record.getMessage().startswith(expected)
