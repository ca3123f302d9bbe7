"""Episodes of alert rules: kept once, whoever writes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from slo_core.budgets.cause_shares import CauseShare
from slo_core.budgets.causes import Cause
from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.episodes import MOST_EPISODES, Episode
from slo_core.budgets.marks import Mark
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.buckets import BucketStore, DeletingStore
from slo_core.stores.causes import CauseStore
from slo_core.stores.contract.batches import batch_of, declared
from slo_core.stores.contract.store_content import now_of
from slo_core.stores.episodes import EpisodeStore
from slo_core.stores.shared.write_behind import WriteBehindStore

__all__ = ["EpisodeContract"]


class EpisodeContract:
    """
    Each episode is kept once, for 25 months.

    A store that is no `EpisodeStore` keeps none: these tests pass without it.
    """

    def test_episodes_are_kept_as_they_are(self, make_store) -> None:  # type: ignore[no-untyped-def]  # a fixture of the user's
        """With their causes and marks; other SLOs and other services do not see them."""
        store, now = _episode_store(make_store), now_of(make_store())
        if store is None:
            return
        _declare(make_store(), now, "availability", "latency")
        causes = (CauseShare('GET /支/{"x"}', "503", 3, 0.75, True), CauseShare(None, "other", 1, 0.25, False))
        marks = (Mark(now - 700.5, "release", "4.2 ±"),)
        one = _episode(now - 600, now - 300, severity="page \\ ±支", causes=causes, marks=marks)
        later = _episode(now - 200, now - 100)
        ticket = _episode(now - 600, now - 300, severity="ticket")

        store.keep_episodes("availability", [later, one])
        store.keep_episodes("availability", [ticket])

        assert set(store.read_episodes(["availability"], 0)[0]) == {one, later, ticket}
        assert store.read_episodes(["latency", "availability", "nowhere"], now - 200) == [(), (later,), ()]
        other = make_store("other")
        assert isinstance(other, EpisodeStore)
        assert other.read_episodes(["availability"], 0) == [()]

    def test_an_episode_is_kept_once(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Every worker writes it when it has ended, at about the same time."""
        now = now_of(make_store())
        if _episode_store(make_store) is None:
            return
        _declare(make_store(), now, "availability")
        stores = [make_store() for _ in range(4)]
        episode = _episode(now - 600, now - 300)

        def keep(number: int) -> None:
            stores[number].keep_episodes("availability", [episode])

        with ThreadPoolExecutor(len(stores)) as threads:
            list(threads.map(keep, range(len(stores))))

        assert stores[0].read_episodes(["availability"], 0) == [(episode,)]
        for store in stores:
            store.close()

    def test_an_overlapping_episode_is_the_same_one(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """The longer of two stays, and of equally long ones that with more events."""
        store, now = _episode_store(make_store), now_of(make_store())
        if store is None:
            return
        _declare(make_store(), now, "availability")
        short, longer = _episode(now - 600, now - 300), _episode(now - 660, now - 240)
        more = _episode(now - 660, now - 240, bad=7)

        kept = []
        for each in (short, longer, short, more, longer):
            store.keep_episodes("availability", [each])
            kept.append(store.read_episodes(["availability"], 0)[0])

        assert kept == [(short,), (longer,), (longer,), (more,), (more,)]

    def test_the_newest_episodes_are_kept(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """At most 1,000 of an SLO, and none of more than 25 months before the newest."""
        store, now = _episode_store(make_store), now_of(make_store())
        if store is None:
            return
        _declare(make_store(), now, "availability")
        ancient = _episode(now - KEPT_SECONDS - 1000, now - KEPT_SECONDS - 900)
        store.keep_episodes("availability", [ancient, _episode(now - 60, now)])
        assert [each.end for each in store.read_episodes(["availability"], 0)[0]] == [now]

        episodes = [
            _episode(now - 1000 * number, now - 1000 * number + 60) for number in range(MOST_EPISODES + 5, 0, -1)
        ]
        for first in range(0, len(episodes), 100):
            store.keep_episodes("availability", episodes[first : first + 100])

        kept = store.read_episodes(["availability"], 0)[0]
        assert len(kept) == MOST_EPISODES
        assert kept[0].start == now - 1000 * (MOST_EPISODES - 1)

    def test_workers_write_the_same_episode(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """Four processes work it out from the same buckets, with its cause, and it is there once."""
        now = now_of(make_store())
        if _episode_store(make_store) is None:
            return
        rule = AlertRule("10m", "2m", severity="page", burn_rate=10)
        definition = SLODefinition("availability", 0.99, alert_rules=(rule,))
        began = (now - 3600) // 60 * 60
        stores = [WriteBehindStore(make_store(), clock=lambda: float(now), flush_interval=3600.0) for _ in range(4)]
        ledgers = [store.ledger(definition) for store in stores]
        for minute in range(-20, 20):
            bad = 8 if 0 <= minute < 5 else 0
            for ledger in ledgers:
                causes = {Cause("GET /", "503"): bad} if bad else None
                ledger.add(began + 60 * minute, 10 - bad, bad, live=False, causes=causes)

        for store in stores:
            assert store.flush()

        reader = _episode_store(make_store)
        assert reader is not None
        ((episode,),) = reader.read_episodes(["availability"], 0)
        assert (episode.rule, episode.bad) == (rule.key, 4 * 5 * 8)
        assert episode.end is not None
        assert began < episode.start <= began + 120 < episode.end <= began + 8 * 60
        if isinstance(reader, CauseStore):
            assert [(each.where, each.bad) for each in episode.causes] == [("GET /", 4 * 5 * 8)]
        for store in stores:
            assert [episode] == list(store.episodes([definition], 0)[0])
            store.close()

    def test_pruning_leaves_episodes(self, make_store) -> None:  # type: ignore[no-untyped-def]
        """They are kept for longer than any window; with their SLO they go."""
        store, now = _episode_store(make_store), now_of(make_store())
        buckets: BucketStore = make_store()
        if store is None:
            return
        _declare(buckets, now, "availability", "latency")
        old = _episode(now - KEPT_SECONDS + 86_400, now - KEPT_SECONDS + 90_000)
        store.keep_episodes("availability", [old])

        buckets.prune()
        assert store.read_episodes(["availability"], 0) == [(old,)]

        if isinstance(buckets, DeletingStore):
            buckets.delete_slo("availability", not_seen_since=float("inf"))
            _declare(buckets, now, "availability")
            assert store.read_episodes(["availability"], 0) == [()]


def _episode_store(make_store) -> EpisodeStore | None:  # type: ignore[no-untyped-def]
    store: BucketStore = make_store()
    return store if isinstance(store, EpisodeStore) else None


def _declare(store: BucketStore, now: int, *slos: str) -> None:
    store.apply([batch_of([(now, 1, 0)], number=1, slo=slo, declaration=declared(now)) for slo in slos])


def _episode(
    start: int,
    end: int,
    *,
    severity: str = "page",
    bad: int = 4,
    causes: tuple[CauseShare, ...] = (),
    marks: tuple[Mark, ...] = (),
) -> Episode:
    return Episode("availability", severity, 3600, 300, start, end, 10, bad, 0.125, causes, marks)
