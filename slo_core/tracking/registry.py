"""The SLOs of one service, by name."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

from slo_core.budgets.burn_rate import BurnRateAlert
from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots
from slo_core.config.definitions import DefinitionsConfig, parse_definitions
from slo_core.conventions import DEFAULT_SERVICE, LOGGER_NAME
from slo_core.errors import DuplicateNameError, UnknownNameError
from slo_core.objectives.definition import SLODefinition
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.base import Store
from slo_core.stores.memory.store import MemoryStore
from slo_core.stores.open import store_from_url
from slo_core.stores.separate_counts import WORKERS_DIFFER, separate_counts, share_a_store
from slo_core.tracking.shared_read import SharedRead
from slo_core.tracking.tracker import SLOTracker

__all__ = ["SLORegistry"]


class SLORegistry:
    """
    The SLOs of one service and the store they share.

    An empty registry is false, like every empty container: ask `is None` where it may be missing.

    Args:
        store: None or `"memory://"` counts in this process; any other URL or `Store` is shared.
        service: Names the service: the namespace in a shared store, and the label `slo_service`.
        clock: Returns seconds since the epoch.
        store_options: Options of the store that the URL names.
        flush_interval: Seconds between two writes to the store that the URL names; None leaves it to the store.

    Raises:
        StoreError: The store's URL is unknown or refused.
        TypeError: It is no store.
    """

    def __init__(
        self,
        store: Store | str | None = None,
        *,
        service: str = DEFAULT_SERVICE,
        clock: Callable[[], float] = time.time,
        store_options: Mapping[str, object] | None = None,
        flush_interval: float | None = None,
    ) -> None:
        if store is None:
            store = MemoryStore(clock=clock)
        elif isinstance(store, str):
            store = store_from_url(
                store, service=service, clock=clock, options=store_options, flush_interval=flush_interval
            )
        elif not isinstance(store, Store):
            raise TypeError(
                f'SLORegistry(store=): expected a URL such as "memory://" or a Store, got {type(store).__name__}; '
                "an ObservationStore keeps the events of one SLO: registry.add(SLOTracker(..., store=...))"
            )
        self._store = store
        self._service = service
        self._clock = clock
        self._trackers: dict[str, SLOTracker] = {}
        # Changes whenever an SLO is added: what was worked out from the definitions is then out of date. A plain
        # attribute, because every request looks at it.
        self.version = 0
        self._has_told_of_workers = False
        # Where the store is named, for messages; Django and Flask have a setting.
        self.store_setting = "store="
        self._shared_read = SharedRead(self.read_all, what=f"the store {store.backend}")
        # What went wrong inside the library while serving requests: logged seldom, counted always.
        self.internal_errors = InternalErrors()
        # Called with each request that was counted; see `slo_core.testing.capture_requests`.
        self.request_listeners: list[Callable[[Any], None]] = []

    @classmethod
    def from_config(
        cls,
        definitions: DefinitionsConfig,
        *,
        store: Store | str | None = None,
        service: str = DEFAULT_SERVICE,
        clock: Callable[[], float] = time.time,
        store_options: Mapping[str, object] | None = None,
        flush_interval: float | None = None,
        where: str = "SLO_DEFINITIONS",
    ) -> SLORegistry:
        """
        A registry of configured SLOs; those that do not say `kind="custom"` count HTTP requests.

        Args:
            definitions: A mapping of name to options, a list of mappings with `name`, or `SLODefinition` objects.
            store: As in the constructor.
            service: As in the constructor.
            clock: As in the constructor.
            store_options: As in the constructor.
            flush_interval: As in the constructor.
            where: What messages call the configuration.

        Raises:
            ConfigError: Every problem of the configuration at once.
            StoreError: The store's URL is unknown or refused.
        """
        parsed = parse_definitions(definitions, where=where)
        registry = cls(store, service=service, clock=clock, store_options=store_options, flush_interval=flush_interval)
        for definition in parsed:
            registry.define(definition)
        return registry

    @property
    def store(self) -> Store:
        """The store."""
        return self._store

    @property
    def service(self) -> str:
        """The name of the service."""
        return self._service

    def define(self, definition: SLODefinition) -> SLOTracker:
        """
        Add an SLO and return its tracker.

        Raises:
            DuplicateNameError: A `ValueError`: the name is taken.
        """
        self._refuse_duplicate(definition.name)
        return self.add(SLOTracker(definition, store=self._store, clock=self._clock))

    def add(self, tracker: SLOTracker) -> SLOTracker:
        """
        Add a tracker made elsewhere, and return it.

        Raises:
            DuplicateNameError: A `ValueError`: the name is taken.
        """
        self._refuse_duplicate(tracker.name)
        self._trackers[tracker.name] = tracker
        self.version += 1
        return tracker

    def _refuse_duplicate(self, name: str) -> None:
        if name in self._trackers:
            raise DuplicateNameError(f"an SLO named {name!r} is already registered; choose another name")

    def get(self, name: str) -> SLOTracker:
        """
        The tracker of that name.

        Raises:
            UnknownNameError: A `KeyError` that lists the known names.
        """
        try:
            return self._trackers[name]
        except (KeyError, TypeError):
            known = ", ".join(repr(known) for known in self._trackers) or "none"
            raise UnknownNameError(f"no SLO named {name!r} is registered; known: {known}") from None

    def __getitem__(self, name: str) -> SLOTracker:
        return self.get(name)

    def __contains__(self, name: object) -> bool:
        return name in self._trackers

    def __len__(self) -> int:
        return len(self._trackers)

    def __iter__(self) -> Iterator[SLOTracker]:
        return iter(tuple(self._trackers.values()))

    def names(self) -> list[str]:
        """The names, in the order in which they were added."""
        return list(self._trackers)

    def snapshot_all(self, *, at: float | None = None) -> list[SLOSnapshot]:
        """A snapshot of each SLO, in the order of `names()`; see `SLOTracker.snapshot`."""
        trackers = tuple(self)
        questions = {tracker.name: tracker.ask(at) for tracker in trackers if tracker.store is self._store}
        answers = self._store.read([question.request for question in questions.values()])
        readings = dict(zip(questions, answers, strict=True))
        return [
            tracker.answer(questions[tracker.name], readings[tracker.name])
            if tracker.name in questions
            else tracker.snapshot(at=at)
            for tracker in trackers
        ]

    def read_all(self) -> SLOSnapshots:
        """Every SLO with its snapshot, in the order of `names()`."""
        trackers = tuple(self)
        # An SLO may be added meanwhile: it comes last.
        return [
            (tracker.definition, snapshot) for tracker, snapshot in zip(trackers, self.snapshot_all(), strict=False)
        ]

    def read_shared(self) -> SLOSnapshots:
        """
        The same for scrapes and pages, read after this moment; one read of a shared store serves several of them.

        A store in this process's own memory is read at once: each reader gets the state of its own instant.

        Raises:
            StoreError: The store cannot be read.
        """
        return self.read_all() if self._store.scope == "process" else self._shared_read()

    def check_burn_rates(self, *, at: float | None = None) -> list[BurnRateAlert]:
        """The single-window alerts of all SLOs; see `SLOTracker.check_burn_rate`."""
        return [alert for tracker in self for alert in tracker.check_burn_rate(at=at)]

    def note_workers(self, find_evidence: Callable[[], str | None]) -> None:
        """
        Warn, once, that a store of one process cannot count for several.

        It never raises, because the warning is advice: without it the application starts and answers all the same.

        Args:
            find_evidence: Returns what says that there are several; None where nothing does. It may raise: that counts
                as an incident. It is called while a warning is still due.
        """
        try:
            if self._has_told_of_workers or self._store.scope != "process":
                return
            evidence = find_evidence()
            if evidence is None:
                return
            self._has_told_of_workers = True
            logging.getLogger(LOGGER_NAME).warning(
                "several workers (%s): %s %s",
                evidence,
                separate_counts(f"{self._store.backend}://", WORKERS_DIFFER),
                share_a_store(self.store_setting),
            )
        except Exception as exc:  # a command line, a server's own module, a user's store or logging handler
            self.internal_errors.report("whether there are several workers could not be determined", exc)

    def flush(self) -> None:
        """Hand over to the store what is still held in memory."""
        self._store.flush()

    def close(self) -> None:
        """Flush and release what the store holds open."""
        self._store.close()

    def __enter__(self) -> SLORegistry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exception: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SLORegistry({self.names()!r}, service={self._service!r}, store={self._store!r})"
