"""The side of a registry that integrations, views and the HTTP recorder work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots
from slo_core.conventions import LOGGER_NAME
from slo_core.errors import StoreError, described
from slo_core.objectives.definition import SLODefinition
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.base import CauseRequest, Store, whole_reading
from slo_core.stores.separate_counts import WORKERS_DIFFER, separate_counts, share_a_store
from slo_core.tracking.tracker import SLOTracker

if TYPE_CHECKING:
    import logging

    from slo_core.budgets.cause_shares import CauseBreakdown
    from slo_core.budgets.marks import Mark
    from slo_core.budgets.recent_failures import RecentFailure
    from slo_core.tracking.shared_read import SharedRead

__all__ = ["RegistryInternals", "whole_snapshot"]


R = TypeVar("R")


class _Registry(Protocol):
    @property
    def store(self) -> Store: ...

    def __iter__(self) -> Iterator[SLOTracker]: ...


def _logger() -> logging.Logger:
    import logging  # as in `InternalErrors`

    return logging.getLogger(LOGGER_NAME)


def whole_snapshot(snapshot: SLOSnapshot | Exception) -> SLOSnapshot:
    """A snapshot, unchanged; an exception in its place is raised."""
    if isinstance(snapshot, Exception):
        raise snapshot
    return snapshot


class RegistryInternals:
    """
    The side of a registry that the rest of slo-suite works with. Applications need none of it.

    Args:
        registry: The registry.

    Attributes:
        definition_listeners: Called after an SLO was added; results worked out from the definitions are out of date then.
        errors: Errors that were swallowed while requests were served: logged seldom, counted always.
        request_listeners: Called with each counted request (`RequestEvent`); see `slo_core.testing.capture_requests`.
        sees_server_stop: The server says when it stops, outside of the application that is counted.
        store_reads: What the shared reads of its store have in common.
        store_setting: The setting or argument that names the store, for messages.
        definitions_setting: Where the definitions stand, for messages.
        request_id_header: The name of the header with the request id that is kept with recent failures; None keeps none.
        trace_url: The address of a trace, with the placeholder `{trace_id}`; None links none.
    """

    __slots__ = ("_has_warned_of_workers", "_registry", "_shared_read", "definition_listeners", "definitions_setting",
                 "errors", "request_id_header", "request_listeners", "sees_server_stop", "store_reads", "store_setting",
                 "trace_url")  # fmt: skip

    def __init__(self, registry: _Registry) -> None:
        from slo_core.tracking.shared_read import StoreReads  # with the first registry: it takes 2 ms to import

        self._registry = registry
        self.store_reads = StoreReads()
        self._shared_read = self.shared(self.read_all)
        self._has_warned_of_workers = False
        self.definition_listeners: list[Callable[[], None]] = []
        self.errors = InternalErrors()
        self.request_listeners: list[Callable[[Any], None]] = []
        self.sees_server_stop = False
        self.store_setting = "store="
        self.definitions_setting = "its HTTPRule"
        self.request_id_header: str | None = None
        self.trace_url: str | None = None

    def snapshots(self, at: float | None = None) -> list[tuple[SLODefinition, SLOSnapshot | Exception]]:
        """
        Every SLO with its snapshot, in the order of `SLORegistry.names()`; or why this one cannot be read.

        Args:
            at: As for `SLOTracker.snapshot`.

        Raises:
            StoreError: The store is out of reach.
            ValueError: `at` is not a finite number.
        """
        store, trackers = self._registry.store, tuple(self._registry)
        queries = {tracker.name: tracker.internals.begin_snapshot(at) for tracker in trackers if tracker.store is store}
        answers = dict(zip(queries, store.read([query.request for query in queries.values()]), strict=True))
        snapshots: list[tuple[SLODefinition, SLOSnapshot | Exception]] = []
        for tracker in trackers:
            snapshot: SLOSnapshot | Exception
            try:
                if tracker.name in queries:
                    query, reading = queries[tracker.name], whole_reading(answers[tracker.name])
                    snapshot = tracker.internals.finish_snapshot(query, reading)
                else:  # it has a store of its own, which may be a user's
                    snapshot = tracker.internals.snapshot(at)
            except Exception as exc:  # it hides no other SLO
                snapshot = exc
            snapshots.append((tracker.definition, snapshot))
        return snapshots

    def marks(self, since: float) -> tuple[Mark, ...]:
        """
        The marks of the service at or after an instant, in order of time.

        None where its store keeps none, or where they cannot be read: numbers are shown without them.
        """
        read: Callable[[float], tuple[Mark, ...]] | None = getattr(self._registry.store, "marks", None)
        if read is None:
            return ()
        try:
            return read(since)
        except Exception as exc:  # whatever a store raises
            self.errors.report("the marks of the service are not shown", detail=described(exc))
            return ()

    def read_all(self) -> SLOSnapshots:
        """
        Every SLO with its snapshot, in the order of `SLORegistry.names()`. One that cannot be read alone is left out.

        Raises:
            StoreError: The store is out of reach.
        """
        shown: list[tuple[SLODefinition, SLOSnapshot]] = []
        unreadable = []
        for definition, snapshot in self.snapshots():
            if isinstance(snapshot, Exception):
                reason = described(snapshot)
                self.errors.report(f"SLO {definition.name!r} is not shown", detail=reason)
                unreadable.append(f"SLO {definition.name!r} cannot be shown: {reason}")
            else:
                shown.append((definition, snapshot))
        return SLOSnapshots(shown, unreadable=unreadable)

    def causes(self, asked: Sequence[tuple[SLOTracker, int]]) -> list[CauseBreakdown | Exception | None]:
        """
        What caused the bad events of several SLOs, from a shared store in one round trip.

        Args:
            asked: The SLOs, and how many seconds to look back; one may come several times.

        Returns:
            In the same order: the causes; None where the store keeps none; an exception where an SLO cannot be read.

        Raises:
            StoreError: The store is out of reach.
        """
        store = self._registry.store
        read: Callable[[Sequence[CauseRequest]], Sequence[CauseBreakdown | StoreError] | None] | None
        # A store in this process's own memory, or a user's, is read SLO by SLO.
        read = getattr(store, "causes", None)
        together = [place for place, (tracker, _) in enumerate(asked) if read is not None and tracker.store is store]
        answers: list[CauseBreakdown | Exception | None] = [None] * len(asked)
        if read is not None and together:
            requests = [asked[place][0].internals.begin_causes(asked[place][1]) for place in together]
            for place, answer in zip(together, read(requests) or (), strict=False):
                answers[place] = answer
        for place in sorted(set(range(len(asked))) - set(together)):
            tracker, seconds = asked[place]
            try:
                answers[place] = tracker.causes(seconds)
            except Exception as exc:  # it hides no other SLO
                answers[place] = exc
        return answers

    def recent_failures(self, trackers: Sequence[SLOTracker]) -> list[tuple[RecentFailure, ...]]:
        """
        The recent failures of several SLOs, in their order, from a shared store in one round trip.

        None where the store keeps none, or where they cannot be read: numbers are shown without them.
        """
        store = self._registry.store
        read: Callable[[Sequence[str]], Sequence[tuple[RecentFailure, ...]]] | None
        read = getattr(store, "recent_failures", None)
        together = [tracker.name for tracker in trackers if read is not None and tracker.store is store]
        try:
            answers = dict(zip(together, read(together), strict=True)) if read is not None and together else {}
            return [answers[each.name] if each.name in answers else each.recent_failures() for each in trackers]
        except Exception as exc:  # whatever a store raises
            self.errors.report("recent failures are not shown", detail=described(exc))
            return [()] * len(trackers)

    def shared(self, read: Callable[[], R]) -> SharedRead[R]:
        """A read of the store that is shared by those who wait for it; its failure also by those who wait for others."""
        from slo_core.tracking.shared_read import SharedRead

        return SharedRead(read, what=f"the store {self._registry.store.backend}", store=self.store_reads)

    def read_shared(self) -> SLOSnapshots:
        """
        The same for scrapes and pages: one read of a shared store, begun after this call, serves several readers.

        A store in this process's own memory is read at each call: each reader gets the state of its own instant.

        Raises:
            StoreError: The store cannot be read.
        """
        return self.read_all() if self._registry.store.scope == "process" else self._shared_read()

    def note_workers(self, find_evidence: Callable[[], str | None]) -> None:
        """
        Warn, once, that a store of one process cannot count for several.

        It never raises, because the warning is advice: without it the application starts and answers all the same.

        Args:
            find_evidence: Returns the evidence of several workers, or None. It is called until the warning was given; an
                exception that it raises counts as an internal error.
        """
        try:
            store = self._registry.store
            if self._has_warned_of_workers or store.scope != "process":
                return
            evidence = find_evidence()
            if evidence is None:
                return
            self._has_warned_of_workers = True
            _logger().warning(
                "several workers (%s): %s %s",
                evidence,
                separate_counts(f"{store.backend}://", WORKERS_DIFFER),
                share_a_store(self.store_setting),
            )
        except Exception as exc:  # a command line, a server's own module, a user's store or logging handler
            self.errors.report("whether there are several workers could not be determined", exc)

    def note_lost_events(self) -> None:
        """Warn, once in a process, that the server ends each process before it has handed its events over."""
        try:
            if self._has_warned_of_workers:
                return
            self._has_warned_of_workers = True
            _logger().warning(
                "the server forks a process for each request (processes=) and ends it before its events are handed over: "
                "no request is counted, whatever the store. Let it use threads (threaded=True), or take another server"
            )
        except Exception as exc:  # a user's logging handler
            self.errors.report("the log could not be written", exc)
