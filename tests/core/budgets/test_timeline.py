"""The past of an SLO, bucket by bucket."""

import math

from hypothesis import given
from hypothesis import strategies as st

from slo_core import InMemoryStore, SLODefinition, SLOTracker
from slo_core.budgets.events import EventCounts
from slo_core.budgets.timeline import kept_ranges
from slo_core.objectives.window import DAY, HOUR, tiers_reaching
from slo_core.testing import FakeClock

NOW = 1_800_000_000.25


def tracker_of(ages, *, store=None, window_seconds=30 * DAY):
    """A tracker that holds a bad event of each age in seconds."""
    clock = FakeClock(NOW)
    tracker = SLOTracker(SLODefinition("a", 0.9, window_seconds=window_seconds), store=store, clock=clock)
    for age in sorted(ages, reverse=True):
        tracker.record_failure(at=NOW - age)
    return tracker


@given(st.integers(0, 2_000_000_000), st.integers(HOUR, 92 * DAY))
def test_ranges_meet_without_gap_or_overlap(at, longest):
    """Every second of the past is in exactly one bucket, and every bucket is one that is kept."""
    tiers = tiers_reaching(longest)
    ranges = kept_ranges(tiers, at=at, until=at + 60)

    for older, newer in zip(ranges, ranges[1:], strict=False):
        assert (older.last + 1) * older.width_seconds == newer.first * newer.width_seconds
    assert ranges[-1].last >= at + 60
    assert ranges[0].first * ranges[0].width_seconds <= at - longest
    by_width = {tier.width_seconds: tier for tier in tiers}
    for width, first, _ in ranges:
        assert first > (at + 60) // width - by_width[width].bucket_count - 60 // width - 1


@given(st.lists(st.integers(0, 30 * DAY), max_size=60))
def test_every_event_is_told_once(ages):
    """However old it is, within the window."""
    timeline = tracker_of(ages).internals.timeline()

    assert timeline.counts(after=-math.inf, before=math.inf) == EventCounts(0, len(ages))


@given(st.lists(st.integers(0, 3 * HOUR), max_size=40), st.sampled_from([300, 1800, HOUR, 2 * HOUR, 6 * HOUR]))
def test_windows_that_end_now_are_those_of_the_snapshot(ages, window):
    """A chart's last point and the number beside it say the same."""
    tracker = SLOTracker(SLODefinition("a", 0.9, window_seconds=DAY, burn_rate_windows=(window,)), clock=FakeClock(NOW))
    for age in sorted(ages, reverse=True):
        tracker.record_failure(at=NOW - age)

    counts = tracker.internals.timeline().counts(after=NOW - window, before=math.inf)

    assert counts.total == tracker.snapshot().burn_rate_samples[0].sample_count


@given(st.lists(st.integers(0, 30 * DAY), max_size=40))
def test_a_store_of_single_events_tells_the_same(ages):
    """An `ObservationStore` has no buckets; its timeline is the same."""
    ours = tracker_of(ages).internals.timeline()
    theirs = tracker_of(ages, store=InMemoryStore(40 * DAY)).internals.timeline()

    for age in (0, 59, HOUR, DAY, 7 * DAY, 30 * DAY):
        after = math.floor((NOW - age) / 900) * 900
        assert ours.counts(after=after, before=math.inf) == theirs.counts(after=after, before=math.inf)


def test_edges_go_back_bucket_by_bucket():
    """Seconds first, minutes before the last hour, a quarter of an hour before the last day."""
    edges = list(tracker_of([]).internals.timeline().edges_back(NOW))

    steps = [newer - older for newer, older in zip(edges, edges[1:], strict=False)]
    assert edges[0] == math.floor(NOW) + 1
    assert set(steps) == {1, 60, 900}
    assert steps == sorted(steps)
