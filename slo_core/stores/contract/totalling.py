"""Totals by cause never go down, and are read together with the record."""

from __future__ import annotations

import random
from collections import Counter

from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.objectives.window import DAY
from slo_core.stores.buckets import Batch, BucketStore, DeletingStore, Query
from slo_core.stores.cause_totals import MOST_TOTALS, add_totals, parse_totals
from slo_core.stores.causes import FINEST_SECONDS
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of

__all__ = ["TotallingContract"]

_SLO = "availability"
_ODD = Cause('GET /"\\é {id}', "\U0001f600")


class TotallingContract:
    """
    The bad events of batches with `totals_causes`, by their causes, for as long as the record lasts.

    A store that keeps none answers a query with `cause_totals` as any other: these tests pass without them.
    """

    def test_totals_by_cause_are_those_of_the_batches_that_say_so(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """Each batch once; those without `totals_causes` add nothing; nobody who does not ask gets them."""
        now, cause = now_of(make_store()), Cause("GET /", "503")
        first = _batch([(now, _ODD, 3), (now, cause, 1)], number=1, since=now)
        make_store().apply([first, _batch([(now, cause, 9)], number=1, since=now)._replace(slo="other")])
        if _totals(make_store()) is None:
            return
        make_store().apply([first])
        make_store().apply([_batch([(now + 1, cause, 2)], number=2)._replace(totals_causes=False)])
        make_store().apply([_batch([(now + 2, cause, 4), (now + 2, Cause("", "503"), 5)], number=3)])

        wanted = [Query(_SLO, cause_totals=True), Query("other", cause_totals=True), Query(_SLO), Query("unknown")]
        mine, others, silent, unknown = make_store().read(wanted)
        assert parse_totals(mine.cause_totals or "") == {_ODD: 3, cause: 5}
        assert mine.record is not None
        assert mine.record.bad == 15
        assert parse_totals(others.cause_totals or "") == {cause: 9}
        assert (silent.cause_totals, unknown.cause_totals) == (None, None)
        if isinstance(store := make_store(), DeletingStore):
            store.delete_slo(_SLO, not_seen_since=float("inf"))
            make_store().apply([_batch([(now, _ODD, 1)], number=1, since=now)])
            assert _totals(make_store()) == {_ODD: 1}

    def test_no_total_by_cause_ever_goes_down(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Nor does what is left of all bad events: more causes than rows, late and dropped events, pruning."""
        now, rng = now_of(make_store()), random.Random(7)  # noqa: S311
        make_store().apply([_batch([(now, Cause("GET /0", "503"), 1)], number=1, since=now - DAY)])
        if _totals(make_store()) is None:
            return
        causes = [Cause(f"GET /{number % 40}", f"{500 + number % 3}") for number in range(120)]
        expected, before = {Cause("GET /0", "503"): 1}, Counter[Cause]({Cause("GET /0", "503"): 1})
        rest_before = 0
        for number in range(2, 12):
            late = rng.choice([0, 0, 400, 2 * DAY])
            events = [(now - late, cause, rng.randrange(1, 4)) for cause in rng.sample(causes, 9)]
            if number == 8:
                events = [(now - 300 * DAY, cause, 50) for cause in causes[:9]]  # older than all that is kept
            else:
                counts = Counter[Cause]()
                for _, cause, bad in events:
                    counts[cause] += bad
                add_totals(expected, counts)
            make_store().apply([_batch(events, number=number)])
            make_store().prune()

            (stored,) = make_store().read([Query(_SLO, cause_totals=True)])
            totals = Counter(parse_totals(stored.cause_totals or ""))
            assert stored.record is not None
            rest = stored.record.bad - totals.total()
            assert totals == expected
            assert not before - totals
            assert rest >= rest_before
            before, rest_before = totals, rest
        assert len(before) == MOST_TOTALS
        assert rest_before > 0


def _totals(store: BucketStore) -> dict[Cause, int] | None:
    (stored,) = store.read([Query(_SLO, cause_totals=True)])
    return None if stored.cause_totals is None else parse_totals(stored.cause_totals)


def _batch(events: list[tuple[int, Cause, int]], *, number: int, since: float | None = None) -> Batch:
    """A batch of bad events (second, cause, how many); it declares the SLO where `since` is given."""
    by_second, by_cause = Counter[int](), Counter[tuple[int, Cause]]()
    for second, cause, bad in events:
        by_second[second] += bad
        by_cause[second // FINEST_SECONDS, cause] += bad
    counted = [(second, 0, bad) for second, bad in sorted(by_second.items())]
    batch = batch_of(counted, number=number, slo=_SLO, declaration=None if since is None else declared(since))
    causes = tuple(CauseIncrement(*which, bad) for which, bad in sorted(by_cause.items()))
    return batch._replace(causes=causes, totals_causes=True)
