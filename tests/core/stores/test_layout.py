"""Which buckets a window reads: a partition of its time, as few as possible, from what is kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slo_core.budgets.events import EventCounts
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import Span, rolling_span
from slo_core.stores.buckets import BucketRange
from slo_core.stores.layout import ReadPlan, admit, cut_to_fit, kept_from, kept_seconds, spread
from slo_core.stores.memory.store import MemoryStore
from slo_core.testing import batch_of, declared

DAYS_30 = 30 * 86_400
NOW = 1_700_000_000


def seconds_of(ranges: tuple[BucketRange, ...]) -> list[tuple[int, int]]:
    """First and last second of each range, in order of time."""
    return sorted((first * width, (last + 1) * width - 1) for width, first, last in ranges)


@given(
    at=st.floats(NOW, NOW + 10 * 86_400),
    window=st.one_of(st.integers(1, 7200), st.integers(1, DAYS_30)),
    live=st.booleans(),
)
def test_the_ranges_of_a_window_are_one_piece(at: float, window: int, live: bool) -> None:
    """From the bucket that its far edge cuts to the second of its near edge, nothing twice and nothing missing."""
    until = at + 60 if live else at
    plan = ReadPlan([rolling_span(window, at=at, until=until)], newest=None if live else at)

    pieces = seconds_of(plan.ranges)

    width = 1 if window <= 3600 else 60 if window <= 86_400 else 900
    assert pieces[0][0] == (at - window) // width * width
    assert pieces[-1][1] == until // 1
    assert all(before[1] + 1 == after[0] for before, after in zip(pieces, pieces[1:], strict=False))


def test_a_month_is_read_from_few_buckets() -> None:
    """All windows of a 30-day SLO together."""
    windows = (DAYS_30, 3600, 21_600, 300, 1800, 86_400, 7200, 259_200)
    plan = ReadPlan([rolling_span(w, at=NOW + 0.5, until=NOW + 60.5) for w in windows])

    assert len(plan.ranges) == len(set(plan.ranges))
    assert sum(last - first + 1 for _, first, last in plan.ranges) < 500


def test_ranges_that_windows_share_are_read_once() -> None:
    """And count for each of them as if it had been read alone."""
    spans = [rolling_span(days * 86_400, at=float(NOW), until=float(NOW)) for days in (2, 3)]
    alone = [ReadPlan([span]) for span in spans]
    together = ReadPlan(spans)

    def sums(plan: ReadPlan) -> list[EventCounts]:
        return [EventCounts(last - first + 1, (last - first + 1) * width) for width, first, last in plan.ranges]

    assert len(together.ranges) < sum(len(plan.ranges) for plan in alone)
    assert together.counts(sums(together)) == tuple(plan.counts(sums(plan))[0] for plan in alone)


@given(
    at=st.integers(NOW, NOW + 10 * 86_400),
    windows=st.lists(st.one_of(st.integers(1, 7200), st.integers(1, DAYS_30)), min_size=1, max_size=8),
    live=st.booleans(),
)
def test_no_bucket_is_read_twice(at: int, windows: list[int], live: bool) -> None:
    """However windows overlap; and each still has all of its time."""
    spans = [rolling_span(window, at=at, until=at) for window in windows]
    newest = None if live else float(at)

    plan = ReadPlan(spans, newest=newest)

    for width in (1, 60, 900, 86_400):
        read = [bucket for own, first, last in plan.ranges if own == width for bucket in range(first, last + 1)]
        assert len(read) == len(set(read))
    covered = plan.counts([EventCounts((last - first + 1) * width) for width, first, last in plan.ranges])
    for span, counts in zip(spans, covered, strict=True):
        width = 1 if span.reach_seconds <= 3600 else 60 if span.reach_seconds <= 86_400 else 900
        assert counts.good == at + 1 - int(span.start) // width * width


def test_a_read_in_the_past_takes_what_is_still_kept() -> None:
    """Seconds are gone after an hour, minutes after a day: coarser buckets answer, none is missing."""
    at = NOW - 2 * 86_400
    plan = ReadPlan([rolling_span(300, at=float(at), until=float(at))], newest=float(NOW))

    assert {width for width, _, _ in plan.ranges} == {900}
    assert seconds_of(plan.ranges)[0][0] == (at - 300) // 900 * 900


def test_a_calendar_window_may_be_longer_than_its_name() -> None:
    """It is read from the buckets that its longest length needs."""
    span = Span(start=NOW - 100.0, at=float(NOW), until=float(NOW), reach_seconds=31 * 86_400, includes_start=True)

    assert seconds_of(ReadPlan([span]).ranges)[0][0] == (NOW - 100) // 900 * 900


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 9), st.integers(0, 9)), max_size=30))
def test_every_event_is_once_in_each_width(events: list[tuple[int, int, int]]) -> None:
    """Sorted, each bucket once."""
    increments = spread(events)

    for width in (1, 60, 900, 86_400):
        assert sum(i.good for i in increments if i.width_seconds == width) == sum(good for _, good, _ in events)
        assert sum(i.bad for i in increments if i.width_seconds == width) == sum(bad for _, _, bad in events)
    keys = [increment[:2] for increment in increments]
    assert keys == sorted(set(keys))


@given(
    seconds=st.lists(st.integers(0, 200_000), min_size=1, max_size=60, unique=True).map(sorted),
    first=st.fixed_dictionaries({}, optional={1: st.integers(0, 200_000), 60: st.integers(0, 4_000)}),
    increments=st.integers(1, 100),
)
def test_what_is_cut_to_fit_fits(seconds: list[int], first: dict[int, int], increments: int) -> None:
    """And one more second would not; but one is always taken."""
    taken = cut_to_fit(seconds, first=first, increments=increments)

    def made(count: int) -> int:
        return len(spread([(second, 1, 0) for second in seconds[:count]], first=first))

    assert 1 <= taken <= len(seconds)
    assert taken == 1 or made(taken) <= increments
    assert taken == len(seconds) or made(taken + 1) > increments


def test_what_is_kept_covers_the_longest_window_and_a_skewed_clock() -> None:
    """The span of the tier, the bucket its edge cuts, and two minutes."""
    assert kept_seconds(1, DAYS_30) >= 3600 + 120
    assert kept_seconds(60, DAYS_30) >= 86_400 + 120
    assert kept_seconds(900, DAYS_30) >= DAYS_30 + 900 + 120
    assert kept_from(900, newest=NOW, keeps_seconds=DAYS_30) * 900 <= NOW - DAYS_30 - 900


def test_a_batch_keeps_its_coarse_part() -> None:
    """An event of two hours ago is no second any more, but a minute, a quarter of an hour and a day; it counts."""
    batch = batch_of([(NOW - 7200, 1, 2)], number=2)

    admitted = admit(batch, last_event_at=NOW, keeps_seconds=DAYS_30, data_since=NOW - 60.0, now=float(NOW))

    assert [increment.width_seconds for increment in admitted.increments] == [60, 900, 86_400]
    assert (admitted.good, admitted.bad, admitted.dropped) == (1, 2, 0)
    assert (admitted.last_event_at, admitted.data_since) == (NOW, NOW - 7200)


def test_what_a_batch_drops_does_not_hide_what_it_keeps() -> None:
    """Measured since the earliest event that is kept, as in memory; the one of forty days ago is not."""
    events = [(NOW - 40 * 86_400, 0, 1), (NOW - 10 * 86_400, 1, 0)]
    ledger = MemoryStore(clock=lambda: NOW - 60.0).ledger(SLODefinition("availability", 0.999))
    ledger.add(NOW, 1, 0, live=False)
    for second, good, bad in events:
        ledger.add(second, good, bad, live=False)

    admitted = admit(
        batch_of(events, number=2), last_event_at=NOW, keeps_seconds=DAYS_30, data_since=NOW - 60.0, now=float(NOW)
    )

    assert (admitted.good, admitted.bad, admitted.dropped) == (1, 0, 1)
    assert admitted.data_since == ledger.read([]).data_since == NOW - 10 * 86_400


AGES = st.one_of(st.integers(0, 7200), st.integers(0, 2 * 86_400), st.integers(0, 40 * 86_400))


@given(ages=st.sets(AGES, min_size=1, max_size=9), is_cut=st.booleans())
def test_measuring_begins_with_the_earliest_event_that_is_kept(ages: set[int], is_cut: bool) -> None:
    """Exactly where the batch has every width; within its quarter of an hour where finer ones are left out."""
    events = [(NOW - age, 1, 0) for age in ages]
    first = {width: kept_from(width, newest=NOW, keeps_seconds=DAYS_30) for width in (1, 60)} if is_cut else None
    batch = batch_of(events, number=1)._replace(increments=spread(events, first=first))

    admitted = admit(batch, last_event_at=NOW, keeps_seconds=DAYS_30, data_since=NOW + 1.0, now=float(NOW))

    kept_since = kept_from(900, newest=NOW, keeps_seconds=DAYS_30) * 900
    earliest = min((second for second, _, _ in events if second >= kept_since), default=NOW + 1)
    if is_cut:
        assert admitted.data_since // 900 == earliest // 900
    else:
        assert admitted.data_since == earliest


def test_an_empty_batch_declares() -> None:
    """And brings what its writer gave up."""
    batch = batch_of([], number=1, declaration=declared(NOW - 5.0), dropped=3)

    admitted = admit(batch, last_event_at=None, keeps_seconds=DAYS_30, data_since=float("inf"), now=float(NOW))

    assert (admitted.increments, admitted.good, admitted.bad, admitted.dropped) == ((), 0, 0, 3)
    assert (admitted.last_event_at, admitted.data_since) == (None, NOW - 5.0)
