"""Keeps the episodes of a process's SLOs in their store when they have ended, in passing, when it hands events over."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from slo_core.errors import StoreError
from slo_core.stores.buckets import Batch, BucketStore

if TYPE_CHECKING:
    from slo_core.budgets.episodes import Episode
    from slo_core.budgets.firing_spans import FiringSpan
    from slo_core.budgets.timeline import Timeline
    from slo_core.stores.episodes import EpisodeStore
    from slo_core.stores.shared.deferred_log import DeferredLog
    from slo_core.stores.shared.ledger import SharedLedger

__all__ = ["LATE_SECONDS", "EpisodeKeeping"]

# So often rules are looked at, while bad events come or a rule has fired.
_LOOK_SECONDS = 60.0

# Of so many SLOs one is looked at with a flush, the others with the next ones.
_SLOS_FOR_EACH = 20

# Events of other processes come so late in the usual run of things: these minutes are looked at once more.
LATE_SECONDS = 180


class _WatchedSLO:
    """
    What this process knows of the rules of one SLO.

    Attributes:
        name: The SLO.
        looked_until: Up to this minute no rule needs to be looked at again.
        is_touched: Bad events came since the last look, or late ones.
        fired_at: The last minute at whose end a rule fired, by its key; of those whose episodes are not written yet.
    """

    __slots__ = ("fired_at", "is_touched", "looked_until", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.looked_until = -math.inf
        self.is_touched = True  # another process may have ended before it wrote an episode
        self.fired_at: dict[tuple[str, int, int], int] = {}


class EpisodeKeeping:
    """
    Writes episodes seven minutes after their end, worked out from the buckets of the store: the same in every process.

    Only SLOs are looked at that this process has handed bad events of over, or a rule of which has fired; and each SLO once
    when the process begins. Called with the lock of the store held, and never by a request. It raises nothing: an episode that
    could not be written is written with a later flush.

    Args:
        buckets: The store. Nothing is kept in one that is no `EpisodeStore`.
        ledgers: By name, those of all SLOs; more may be added.
        log: What happened.
        clock: Returns seconds since the epoch.
    """

    __slots__ = ("_buckets", "_clock", "_due_at", "_ledgers", "_log", "_queue", "_slos")

    def __init__(
        self,
        buckets: BucketStore,
        ledgers: Mapping[str, SharedLedger],
        log: DeferredLog,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._buckets = buckets
        self._ledgers = ledgers
        self._log = log
        self._clock = clock
        self.start_empty()

    def start_empty(self) -> None:
        """Know nothing, in a forked child."""
        self._slos: dict[str, _WatchedSLO] = {}
        self._queue: deque[_WatchedSLO] = deque()
        self._due_at = -math.inf

    @property
    def is_waiting(self) -> bool:
        """Whether a rule has fired whose episode is not written yet."""
        return any(slo.fired_at for slo in self._slos.values())

    @property
    def is_due(self) -> bool:
        """Whether there is something to look at now."""
        return bool(self._queue) or (
            not self._clock() < self._due_at and any(slo.is_touched or slo.fired_at for slo in self._slos.values())
        )

    def note(self, batches: Iterable[Batch]) -> None:
        """Note batches that the store has taken: bad events may make a rule fire, late ones change what has been."""
        slos = self._slos
        for batch in batches:
            slo = slos.get(batch.slo)
            if slo is None:
                if batch.good or batch.bad:
                    slos[batch.slo] = _WatchedSLO(batch.slo)
                continue
            earliest = batch.earliest
            if earliest is not None and earliest < slo.looked_until:
                slo.looked_until = -math.inf
                slo.is_touched = True
            elif batch.bad:
                slo.is_touched = True

    def run(self) -> None:
        """Look at what is due; usually nothing."""
        now = self._clock()
        if not self._queue and now < self._due_at < now + 2 * _LOOK_SECONDS:
            return
        from slo_core.stores.episodes import EpisodeStore  # with the first event of a shared store

        store = self._buckets
        if not isinstance(store, EpisodeStore):
            self._due_at = now + _LOOK_SECONDS
            return
        if not self._queue:
            self._due_at = now + _LOOK_SECONDS
            self._queue.extend(slo for slo in self._slos.values() if slo.is_touched or slo.fired_at)
        for _ in range(min(len(self._queue), max(1, len(self._slos) // _SLOS_FOR_EACH))):
            slo = self._queue.popleft()
            try:
                self._look(store, slo, now)
            except Exception as exc:  # from any store and its content: events are handed over all the same
                slo.is_touched = True
                detail = " ".join(str(exc).split()) if isinstance(exc, StoreError) else type(exc).__name__
                trouble = f"the store {self._buckets.backend}: incidents could not be written; they are written later"
                self._log.note(logging.ERROR, trouble, f"SLO {slo.name!r}: {detail}")
                return

    def _look(self, store: EpisodeStore, slo: _WatchedSLO, now: float) -> None:
        from slo_core.budgets.firing_spans import FINE_SECONDS, MINUTE, SETTLED_SECONDS, firing_spans
        from slo_core.stores.shared.episode_reader import read_recent_minutes

        definition = self._ledgers[slo.name].definition
        slo.is_touched = False
        last = math.floor(now / MINUTE) * MINUTE
        is_known = last - FINE_SECONDS < slo.looked_until <= last
        since = int(slo.looked_until) if is_known else last - FINE_SECONDS
        recent = read_recent_minutes(self._buckets, definition, since=since, now=now)
        if recent is None:
            return
        for span in firing_spans(definition, recent.timeline, at=now, data_since=recent.data_since, since=since):
            fired_at = last if span.end is None else span.end - MINUTE
            slo.fired_at[span.rule.key] = max(fired_at, slo.fired_at.get(span.rule.key, fired_at))
        slo.looked_until = last - LATE_SECONDS
        settled = {key for key, fired_at in slo.fired_at.items() if fired_at + MINUTE <= now - SETTLED_SECONDS}
        if settled:
            self._keep(store, slo.name, settled, now)
            for key in settled:
                del slo.fired_at[key]

    def _keep(self, store: EpisodeStore, slo: str, rules: set[tuple[str, int, int]], now: float) -> None:
        """Write all episodes of some rules that have ended."""
        from slo_core.budgets.firing_spans import SETTLED_SECONDS, firing_spans
        from slo_core.stores.shared.episode_reader import read_event_history

        definition = self._ledgers[slo].definition
        past = read_event_history(self._buckets, definition, now=now)
        if past is None:
            return
        spans = firing_spans(definition, past.timeline, at=now, data_since=past.data_since)
        ended = [
            span
            for span in spans
            if span.rule.key in rules and span.end is not None and span.end <= now - SETTLED_SECONDS
        ]
        if ended:
            store.keep_episodes(slo, self._episodes(slo, ended, past.timeline, past.data_since, now))

    def _episodes(
        self, slo: str, spans: Sequence[FiringSpan], timeline: Timeline, data_since: float, now: float
    ) -> list[Episode]:
        from slo_core.budgets.episodes import counted_since, episode_of, explained_since
        from slo_core.stores.marks import MarkStore
        from slo_core.stores.shared.episode_reader import read_past_causes

        times = [(counted_since(span, data_since=data_since), span.end or now) for span in spans]
        causes = read_past_causes(self._buckets, slo, times, now=now)
        marks = self._buckets.marks(explained_since(spans)) if isinstance(self._buckets, MarkStore) else ()
        definition = self._ledgers[slo].definition
        return [
            episode_of(definition, span, timeline, at=now, data_since=data_since, causes=caused, marks=marks)
            for span, caused in zip(spans, causes, strict=True)
        ]
