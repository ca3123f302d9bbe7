"""Events of long ago that come first: what they say about since when an SLO is measured. For every store of ours."""

from __future__ import annotations

from typing import Any

from slo_core.stores.buckets import Query
from slo_core.testing import batch_of, declared

__all__ = ["OldEvents"]

_DAY = 86_400


class OldEvents:
    """Beside the contract, which does not ask it of a store of one's own."""

    def test_an_event_of_1970_says_nothing_about_todays_windows(self, make_store: Any) -> None:
        """Nor does an old stream that was replayed; until then it is measured since it began."""
        store = make_store()
        now = int(store.apply([]).now)
        for slo, then in (("mistake", 0), ("stream", now - 300 * _DAY)):
            store.apply([batch_of([(then, 0, 1)], number=1, slo=slo, declaration=declared(now))])
            (before,) = store.read([Query(slo)])
            assert before.record.data_since == then
            store.apply([batch_of([(now - 5, 1, 0), (now, 1, 0)], number=2, slo=slo)])
            (after,) = store.read([Query(slo)])
            assert (after.record.data_since, after.record.good, after.record.bad) == (now - 5, 2, 1)

    def test_a_stream_of_the_last_weeks_may_be_counted_later(self, make_store: Any) -> None:
        """An SLO is measured since its first event that windows still see."""
        store = make_store()
        now = int(store.apply([]).now)
        store.apply([batch_of([(now - 20 * _DAY, 1, 0)], number=1, declaration=declared(now))])
        store.apply([batch_of([(now, 1, 0)], number=2)])
        (stored,) = store.read([Query("availability")])
        assert stored.record.data_since == now - 20 * _DAY
