"""What bad events were caused by is kept with them, once."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Mapping

from slo_core.budgets.causes import Cause, CauseBlock, CauseIncrement
from slo_core.budgets.events import EventCounts
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.buckets import Batch, BucketRange, BucketStore, DeletingStore
from slo_core.stores.causes import (
    BLOCK_BUCKETS,
    CAUSE_WIDTHS,
    FINEST_SECONDS,
    OPEN,
    BlockKey,
    CauseQuery,
    CauseStore,
    StoredCauses,
    add_causes,
    first_kept,
    total_causes,
)
from slo_core.stores.contract.batches import DAYS_30, batch_of, declared
from slo_core.stores.contract.store_content import now_of, record_of
from slo_core.stores.copied_causes import causes_to_copy

__all__ = ["CausingContract"]

_SLO = "availability"

# Nothing but escapes in JSON, and the first character that takes four bytes.
_ODD = Cause('GET /"\\\n\u2028é', "\U0001f600")


class CausingContract:
    """
    The sum over causes is the number of bad events, in each bucket of every width.

    A store that is no `CauseStore` keeps none: these tests pass without it.
    """

    def test_causes_are_added_once_with_their_batch(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Not again when it is resent, not where it is refused, and each SLO's by themselves; whatever their names hold."""
        store = _cause_store(make_store)
        if store is None:
            return
        now = now_of(make_store())
        first = _with_causes([(now, _ODD, 3), (now, Cause("GET /", "503"), 1)], number=1, since=now)
        other = first._replace(slo="other", causes=first.causes[:1])
        make_store().apply([first, other])
        make_store().apply([first, _with_causes([(now, _ODD, 1)], number=3)._replace(slo="other")])
        make_store().apply([_with_causes([(now, _ODD, 2)], number=2)])
        make_store().apply([_with_causes([(now, _ODD, 5)], number=2, writer="b" * 32)])

        queries = [
            CauseQuery(slo, width, now // width, (BucketRange(900, now // 900, now // 900), BucketRange(1, now, now)))
            for width in CAUSE_WIDTHS
            for slo in (_SLO, "other", "unknown")
        ]
        stored = store.read_causes(queries)

        totals = [_totals([each], query) for each, query in zip(stored, queries, strict=True)]
        expected: list[Mapping[Cause, int]] = [{_ODD: 5, Cause("GET /", "503"): 1}, dict(_pairs(other)), {}]
        assert totals == expected * 3
        assert [each.sums for each in stored[:3]] == [EventCounts(0, 12), EventCounts(0, 8), EventCounts()]
        assert {each.trouble for each in stored} == {None}

    def test_stores_keep_what_the_layout_says(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Several writers, late events, more causes than have names: the blocks are those of `add_causes`, to the event."""
        store = _cause_store(make_store)
        if store is None:
            return
        now = now_of(make_store())
        for slo, cause_count in (("few", 9), ("many", 80)):
            rng = random.Random(cause_count)  # noqa: S311
            causes = [Cause(f"GET /{number % 4}", f"{500 + number // 4}") for number in range(cause_count)]
            blocks: dict[BlockKey, CauseBlock] = {}
            truth = Counter[tuple[int, Cause]]()
            newest, numbers = now - 12 * DAY, Counter[str]()
            while newest < now:
                newest = min(now, newest + rng.choice([1, 100, HOUR, DAY, 3 * DAY]))
                late = [0, 0, 0, 400, 5000, 2 * DAY]
                events = [
                    (newest - rng.choice(late), rng.choice(causes), rng.randrange(1, 9))
                    for _ in range(cause_count // 3)
                ]
                writer = rng.choice("ab") * 32
                numbers[writer] += 1
                since = now - DAYS_30 if numbers[writer] == 1 else None
                batch = _with_causes(
                    [*events, (newest, causes[0], 1)], number=numbers[writer], writer=writer, since=since
                )
                make_store().apply([batch._replace(slo=slo)])
                blocks |= add_causes(batch.causes, load=blocks.get, reference=newest, keeps_seconds=DAYS_30)
                truth.update({(each.bucket, each.cause): each.bad for each in batch.causes})
            make_store().prune()
            for width, reach in zip(CAUSE_WIDTHS, (DAY, 8 * DAY, 12 * DAY), strict=True):
                first = (now - reach) // width
                query = CauseQuery(slo, width, first)
                expected = [
                    (key.block, _rows(blocks[key]))
                    for key in sorted(blocks)
                    if key.width_seconds == width and key.block >= first // BLOCK_BUCKETS[width]
                ]
                (stored,) = store.read_causes([query])
                assert _content(stored) == (expected, _rows(blocks[OPEN]))
                counted = Counter[Cause]()
                for (bucket, cause), bad in truth.items():
                    if bucket * FINEST_SECONDS >= first * width:
                        counted[cause] += bad
                totals = _totals([stored], query)
                assert sum(totals.values()) == counted.total()
                if slo == "few":
                    assert totals == counted
            copied = causes_to_copy(make_store(), slo)
            copy = batch_of([(now, 0, 1)], number=1, slo=f"copy of {slo}", declaration=declared(now))
            make_store().apply([copy._replace(causes=copied.causes, cause_blocks=copied.cause_blocks)])
            for width in CAUSE_WIDTHS:
                first = first_kept(width, newest=now, keeps_seconds=DAYS_30)
                whole, copied_whole = store.read_causes(
                    [CauseQuery(each, width, first) for each in (slo, f"copy of {slo}")]
                )
                assert _content(copied_whole) == _content(whole)

    def test_a_late_heavy_cause_is_shown(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Noise first, then an outage in the same bucket: it has a row of its own, and the rest is kept by outcome."""
        store = _cause_store(make_store)
        if store is None:
            return
        now = now_of(make_store()) // 300 * 300
        noise = [(now, Cause(f"GET /{number}", "404"), 1) for number in range(100)]
        outage = Cause("POST /checkout", "503")
        make_store().apply([_with_causes(noise, number=1, since=now)])
        make_store().apply([_with_causes([(now + 40, outage, 5000)], number=2)])

        query = CauseQuery(_SLO, FINEST_SECONDS, now // 300)
        totals = _totals(store.read_causes([query]), query)

        assert (totals[outage], totals[Cause("", "404")], sum(totals.values())) == (5000, 69, 5100)

    def test_events_that_are_dropped_have_no_cause(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Also where others of their day are kept; those of an old stream have theirs, as long as nothing newer comes."""
        store = _cause_store(make_store)
        if store is None:
            return
        now = now_of(make_store())
        old, cause = now - 300 * DAY, Cause("GET /", "503")
        dropped = (now - DAYS_30 - HOUR, cause, 2)
        make_store().apply([_with_causes([(old, cause, 7)], number=1, since=now)])
        query = CauseQuery(_SLO, DAY, 0)
        replayed = _totals(store.read_causes([query]), query)
        make_store().apply([_with_causes([(now, cause, 1), dropped], number=2)])
        make_store().prune()

        assert replayed == {cause: 7}
        assert record_of(make_store()).dropped == 2
        later = CauseQuery(_SLO, DAY, (now - 60 * DAY) // DAY)
        assert _totals(store.read_causes([later]), later) == {cause: 1}

    def test_old_causes_are_deleted_and_those_that_windows_read_are_not(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """By pruning, or in passing; what an SLO that was deleted had, is not seen by the next of its name."""
        store = _cause_store(make_store)
        if store is None:
            return
        now, cause = now_of(make_store()), Cause("GET /", "503")
        ages = (70 * DAY, 69 * DAY, 20 * DAY, 7 * DAY, 3 * DAY, DAY - 600, 2 * HOUR, 0)
        for number, age in enumerate(ages, 1):
            since = now - 99 * DAY if number == 1 else None
            make_store().apply([_with_causes([(now - age, cause, 1)], number=number, since=since)])
        make_store().prune()

        spans = {FINEST_SECONDS: DAY, HOUR: 8 * DAY, DAY: DAYS_30}
        for width, span in spans.items():
            query = CauseQuery(_SLO, width, (now - span) // width)
            assert _totals(store.read_causes([query]), query) == {cause: sum(age <= span for age in ages)}
            (everything,) = store.read_causes([CauseQuery(_SLO, width, 0)])
            kept = first_kept(width, newest=now, keeps_seconds=DAYS_30) // BLOCK_BUCKETS[width]
            assert [number for number, _ in everything.blocks if number < kept] == []
        if isinstance(store, DeletingStore):
            store.delete_slo(_SLO, not_seen_since=float("inf"))
            make_store().apply([_with_causes([(now, cause, 1)], number=1, since=now)])
            query = CauseQuery(_SLO, DAY, 0)
            assert _totals(store.read_causes([query]), query) == {cause: 1}


def _cause_store(make_store) -> CauseStore | None:  # type: ignore[no-untyped-def]
    store: BucketStore = make_store()
    return store if isinstance(store, CauseStore) else None


def _with_causes(
    events: Iterable[tuple[int, Cause, int]], *, number: int, writer: str = "a" * 32, since: float | None = None
) -> Batch:
    """A batch of bad events (second, cause, how many); it declares the SLO where `since` is given."""
    by_second, by_cause = Counter[int](), Counter[tuple[int, Cause]]()
    for second, cause, bad in events:
        by_second[second] += bad
        by_cause[second // FINEST_SECONDS, cause] += bad
    declaration = None if since is None else declared(since)
    counted = [(second, 0, bad) for second, bad in sorted(by_second.items())]
    batch = batch_of(counted, number=number, writer=writer, slo=_SLO, declaration=declaration)
    return batch._replace(causes=tuple(CauseIncrement(*which, bad) for which, bad in sorted(by_cause.items())))


def _pairs(batch: Batch) -> list[tuple[Cause, int]]:
    return [(each.cause, each.bad) for each in batch.causes]


def _totals(stored: Iterable[StoredCauses], query: CauseQuery) -> Counter[Cause]:
    totals = Counter[Cause]()
    for each in stored:
        for cause, bad in total_causes(each, query):
            totals[cause] += bad
    return totals


def _content(stored: StoredCauses) -> object:
    assert stored.newest is not None
    return [(number, _rows(block)) for number, block in stored.blocks], _rows(stored.newest)


def _rows(block: CauseBlock) -> list[object]:
    return sorted(json.loads(block.text()))
