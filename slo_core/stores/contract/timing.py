"""How long events took is kept with them, once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

from slo_core.budgets.causes import BlockKey, Cause, CauseBlock, CauseIncrement
from slo_core.budgets.latencies import cells_of
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import Batch, BucketRange, BucketStore, DeletingStore
from slo_core.stores.causes import (
    CAUSE_WIDTHS,
    FINEST_SECONDS,
    LATENCIES,
    CauseQuery,
    LatencyStore,
    StoredCauses,
    add_causes,
    total_causes,
)
from slo_core.stores.contract.batches import DAYS_30, batch_of, declared
from slo_core.stores.contract.store_content import now_of
from slo_core.stores.copied_causes import causes_to_copy

__all__ = ["TimingContract"]

_SLO = "availability"


class TimingContract:
    """
    The sum over the cells is the number of events, in each bucket of every width.

    A store that is no `LatencyStore` keeps none: these tests pass without it.
    """

    def test_latencies_are_added_once_with_their_batch(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """A resend, a batch after a gap, and an SLO of the same writer change nothing; causes stay apart."""
        store = _latency_store(make_store)
        if store is None:
            return
        now = now_of(make_store())
        fast, slow = cells_of(0.3)[2], cells_of(0.3)[9]
        first = _timed([(now, fast, 3), (now, slow, 1)], number=1, since=now)
        first = first._replace(causes=(CauseIncrement(now // FINEST_SECONDS, Cause("GET /", "503"), 1),))
        make_store().apply([first])
        make_store().apply([first])
        make_store().apply([_timed([(now, slow, 7)], number=3)])
        make_store().apply([_timed([(now, slow, 5)], number=2)])
        make_store().apply([_timed([(now, fast, 2)], number=1, writer="b" * 32)])

        for width in CAUSE_WIDTHS:
            ranges = (BucketRange(1, now, now),)
            timed, caused = store.read_causes(
                [
                    CauseQuery(_SLO, width, now // width, ranges, LATENCIES),
                    CauseQuery(_SLO, width, now // width, ranges),
                ]
            )
            assert _totals([timed], CauseQuery(_SLO, width, now // width)) == {fast: 5, slow: 6}
            assert timed.sums.good == 11
            assert _totals([caused], CauseQuery(_SLO, width, now // width)) == {Cause("GET /", "503"): 1}

    def test_cells_are_what_was_counted(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Several writers, resends, late events, changed thresholds: each cell holds its events, in every width and a copy."""
        store = _latency_store(make_store)
        if store is None:
            return
        now = now_of(make_store())
        rng = random.Random(17)  # noqa: S311
        cells = [cell for threshold in (0.3, 0.5, 0.7) for cell in cells_of(threshold)]
        truth, blocks = Counter[tuple[int, Cause]](), dict[BlockKey, CauseBlock]()
        numbers = Counter[str]()
        late = (0, 0, 0, 0, 290, 3000, 5 * HOUR, 3 * DAY, 10 * DAY)
        since: float | None = now - 12 * DAY
        for step in range(24):
            newest = now - 2 * HOUR + 5 * 60 * step
            events = [(newest - rng.choice(late), rng.choice(cells), rng.randrange(1, 9)) for _ in range(20)]
            writer = rng.choice("abc") * 32
            numbers[writer] += 1
            batch = _timed([*events, (newest, cells[0], 1)], number=numbers[writer], writer=writer, since=since)
            since = None
            make_store().apply([batch])
            if step % 3 == 0:  # the answer was lost
                make_store().apply([batch])
            blocks |= add_causes(
                batch.latencies, load=blocks.get, reference=newest, keeps_seconds=DAYS_30, kind=LATENCIES
            )
            truth.update({(each.bucket, each.cause): each.bad for each in batch.latencies})

        copied = causes_to_copy(make_store(), _SLO)
        copy = _timed([(newest, cells[0], 1)], number=1, since=now - 12 * DAY)._replace(slo="copy")
        make_store().apply([copy._replace(latencies=copied.latencies, latency_blocks=copied.latency_blocks)])
        for width, reach in zip(CAUSE_WIDTHS, (DAY, 8 * DAY, 12 * DAY), strict=True):
            first = (newest - reach) // width
            expected = Counter[Cause]()
            for (bucket, cell), count in truth.items():
                if bucket * FINEST_SECONDS // width >= first:
                    expected[cell] += count
            for slo in (_SLO, "copy"):
                query = CauseQuery(slo, width, first, kind=LATENCIES)
                assert _totals(store.read_causes([query]), query) == expected
            for bucket in {each // (width // FINEST_SECONDS) for each, _ in truth}:
                if bucket >= first:
                    of_bucket = CauseQuery(_SLO, width, bucket, kind=LATENCIES)
                    after = CauseQuery(_SLO, width, bucket + 1, kind=LATENCIES)
                    stored = [_totals(store.read_causes([each]), each).total() for each in (of_bucket, after)]
                    expected_events = sum(
                        count for (each, _), count in truth.items() if each * FINEST_SECONDS // width == bucket
                    )
                    assert stored[0] - stored[1] == expected_events

    def test_old_latencies_are_deleted_and_those_that_windows_read_are_not(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """As causes are; and they go with their SLO."""
        store = _latency_store(make_store)
        if store is None:
            return
        now, cell = now_of(make_store()), cells_of(0.3)[4]
        ages = [31 * DAY, 20 * DAY, 9 * DAY, 7 * DAY, 30 * HOUR, 2 * HOUR, 0]
        for number, age in enumerate(ages, 1):
            since = now - 40 * DAY if number == 1 else None
            make_store().apply([_timed([(now - age, cell, 1)], number=number, since=since)])

        make_store().prune()

        for width, span in zip(CAUSE_WIDTHS, (DAY, 8 * DAY, DAYS_30), strict=True):
            query = CauseQuery(_SLO, width, (now - span) // width, kind=LATENCIES)
            assert _totals(store.read_causes([query]), query) == {cell: sum(age <= span for age in ages)}
        if isinstance(store, DeletingStore):
            store.delete_slo(_SLO, not_seen_since=float("inf"))
            make_store().apply([_timed([(now, cell, 1)], number=1, since=now)])
            query = CauseQuery(_SLO, DAY, 0, kind=LATENCIES)
            assert _totals(store.read_causes([query]), query) == {cell: 1}


def _latency_store(make_store) -> LatencyStore | None:  # type: ignore[no-untyped-def]
    store: BucketStore = make_store()
    return store if isinstance(store, LatencyStore) else None


def _timed(
    events: Iterable[tuple[int, Cause, int]], *, number: int, writer: str = "a" * 32, since: float | None = None
) -> Batch:
    """A batch of good events (second, cell, how many); it declares the SLO where `since` is given."""
    by_second, by_cell = Counter[int](), Counter[tuple[int, Cause]]()
    for second, cell, count in events:
        by_second[second] += count
        by_cell[second // FINEST_SECONDS, cell] += count
    declaration = None if since is None else declared(since)
    counted = [(second, count, 0) for second, count in sorted(by_second.items())]
    batch = batch_of(counted, number=number, writer=writer, slo=_SLO, declaration=declaration)
    return batch._replace(latencies=tuple(CauseIncrement(*which, count) for which, count in sorted(by_cell.items())))


def _totals(stored: Iterable[StoredCauses], query: CauseQuery) -> Counter[Cause]:
    totals = Counter[Cause]()
    for each in stored:
        for cell, count in total_causes(each, query):
            totals[cell] += count
    return totals
