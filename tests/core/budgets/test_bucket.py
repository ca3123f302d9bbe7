"""Which buckets answer a window: every store counts what the definition says, whatever was counted and asked."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import Span
from slo_core.stores.layout import ReadPlan, kept_from, spread
from slo_core.stores.memory.store import MemoryLedger

HOUR, DAY = 3600, 86_400
NOW = 1_700_000_000

# Events by age: many near the edges of the windows below, some anywhere in the month.
AGES = st.one_of(st.integers(0, 4000), st.integers(85_000, 92_000), st.integers(0, 30 * DAY))
EVENTS = st.lists(st.tuples(AGES, st.integers(0, 9), st.integers(0, 9)), max_size=40)
WINDOWS = st.one_of(
    st.integers(1, 7200), st.integers(1, 30 * DAY), st.sampled_from([300, HOUR, 6 * HOUR, DAY, 3 * DAY, 30 * DAY])
)


def by_definition(
    events: list[tuple[int, int, int]], span: Span, *, edges: list[tuple[int, int, int]], newest: int
) -> EventCounts:
    """
    The events of a window, counted one by one.

    The bucket that the far edge cuts counts whole: a second of up to an hour, a minute of up to a day, else a quarter of an
    hour; a coarser one where the finer are gone by `newest`. The bucket that the near edge cuts counts whole, too: of the
    finest width that still tells the whole coarser bucket around it apart.

    Args:
        events: (second, good, bad).
        span: The window.
        edges: (width, longest window, buckets kept) of each width at which a window may begin or end, finest first.
        newest: The newest event.
    """
    start, until = int(span.start // 1), int(span.until // 1)

    def is_kept(second: int, width: int, buckets: int) -> bool:
        return second // width > newest // width - buckets

    coarsest = edges[-1][0]
    far = next(
        (width for width, longest, kept in edges if span.reach_seconds <= longest and is_kept(start, width, kept)),
        coarsest,
    )
    near = next(
        (
            width
            for (width, _, kept), (coarser, _, _) in zip(edges, edges[1:], strict=False)
            if is_kept(until // coarser * coarser, width, kept)
        ),
        coarsest,
    )
    first = start // far * far // near * near
    after = (until // near + 1) * near
    inside = [(good, bad) for second, good, bad in events if first <= second < after]
    return EventCounts(sum(good for good, _ in inside), sum(bad for _, bad in inside))


@given(
    events=EVENTS,
    windows=st.lists(WINDOWS, min_size=1, max_size=8),
    age=st.one_of(st.just(0), st.integers(0, 10_000), st.integers(0, 30 * DAY)),
    fraction=st.sampled_from([0.0, 0.25]),
    longest=st.sampled_from([HOUR, 6 * HOUR, DAY, 7 * DAY, 30 * DAY]),
)
@example(events=[(7200, 1, 2)], windows=[300], age=7000, fraction=0.0, longest=30 * DAY)  # minutes in place of seconds
@example(events=[(2 * DAY, 1, 2)], windows=[300], age=2 * DAY, fraction=0.0, longest=30 * DAY)  # only quarters are left
@example(events=[(3725, 1, 2)], windows=[HOUR], age=121, fraction=0.0, longest=DAY)  # from the oldest second there is
@example(events=[(3730, 1, 2)], windows=[HOUR], age=122, fraction=0.0, longest=DAY)  # that second is gone
def test_every_store_counts_a_window_by_its_definition(
    events: list[tuple[int, int, int]], windows: list[int], age: int, fraction: float, longest: int
) -> None:
    """Memory and the plan of shared stores, for windows now and in the past, as counted one event after the other."""
    # What is asked for is still kept, in the coarsest buckets at least.
    age = min(age, longest - 1)
    at = NOW - age + fraction
    windows = [min(window, longest - age) for window in windows]
    until = at + 60 if age == 0 else at
    spans = [Span(start=at - window, at=at, until=until, reach_seconds=window) for window in windows]
    counted = sorted((NOW - event_age, good, bad) for event_age, good, bad in [*events, (0, 1, 0)])
    quarters = -(-(longest + 120) // 900) + 2
    edges = [(1, HOUR, 3722), (60, DAY, 1444), (900, 92 * DAY, quarters)]
    ledger = MemoryLedger(longest, clock=lambda: float(NOW))
    for second, good, bad in counted:
        ledger.add(second, good, bad, live=False)

    in_memory = ledger.read(spans).counts

    own = edges[: 1 if longest <= HOUR else 2 if longest <= DAY else 3]
    assert in_memory == tuple(by_definition(counted, span, edges=own, newest=NOW) for span in spans)

    plan = ReadPlan(spans, newest=None if age == 0 else float(NOW))
    kept = [
        increment
        for increment in spread(counted)
        if increment.bucket >= kept_from(increment.width_seconds, newest=NOW, keeps_seconds=longest)
    ]
    sums = []
    for width, first, last in plan.ranges:
        inside = [each for each in kept if each.width_seconds == width and first <= each.bucket <= last]
        sums.append(EventCounts(sum(each.good for each in inside), sum(each.bad for each in inside)))

    assert plan.counts(sums) == tuple(by_definition(counted, span, edges=edges, newest=NOW) for span in spans)
