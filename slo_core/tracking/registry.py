"""The SLOs of one service, by name."""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING

from slo_core.budgets.burn_rate import BurnRateAlert
from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.config.failure_settings import failure_settings_problems
from slo_core.conventions import DEFAULT_SERVICE, LOGGER_NAME
from slo_core.errors import ConfigError, DuplicateNameError, UnknownNameError, by_message, names_text
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.base import Store
from slo_core.stores.memory.store import MemoryStore
from slo_core.stores.open import store_from_url
from slo_core.tracking.registry_internals import RegistryInternals, whole_snapshot
from slo_core.tracking.tracker import SLOTracker

if TYPE_CHECKING:
    from slo_core.budgets.marks import Mark, MarkKind
    from slo_core.config.definitions import DefinitionsConfig

__all__ = ["SLORegistry"]


class SLORegistry:
    """
    The SLOs of one service and the store they share.

    An empty registry is false, like every empty container: test `is None` where it may be missing.

    Args:
        store: None or `"memory://"` counts in this process; any other URL or `Store` is shared.
        service: Names the service: the namespace in a shared store, and the label `slo_service`.
        clock: Returns seconds since the epoch.
        store_options: Options of the store that the URL names.
        flush_interval: Seconds between two writes to the store that the URL names; None leaves it to the store.
        release: The release that counts: a mark of the service, once the store has its first event. None marks none.
        metrics_causes: `/metrics` shows what bad events were caused by, in at most 32 series an SLO. The store counts that
            from then on.
        recent_failures: So many bad events of each SLO are kept one by one, the newest, 500 at most; 0 keeps none.
        request_id_header: The name of the request header with the id that is kept with them; None keeps none.
        trace_url: The address of a trace for the links of pages, with the placeholder `{trace_id}`; None links none.

    Raises:
        StoreError: The store's URL is unknown or refused.
        TypeError: It is no store.
        ConfigError: A `ValueError`: the release is no text of 1 to 100 printable characters, or one of the last three is not as
            it should be.
    """

    def __init__(
        self,
        store: Store | str | None = None,
        *,
        service: str = DEFAULT_SERVICE,
        clock: Callable[[], float] = time.time,
        store_options: Mapping[str, object] | None = None,
        flush_interval: float | None = None,
        release: str | None = None,
        metrics_causes: bool = False,
        recent_failures: int = DEFAULT_RECENT_FAILURES,
        request_id_header: str | None = None,
        trace_url: str | None = None,
    ) -> None:
        problems = tuple(
            failure_settings_problems(
                recent_failures=recent_failures, request_id_header=request_id_header, trace_url=trace_url
            )
        )
        if problems:
            raise ConfigError(problems)
        if release is not None:
            from slo_core.tracking.annotation import check_release

            check_release(release)
        if store is None:
            store = MemoryStore(clock=clock)
        elif isinstance(store, str):
            store = store_from_url(
                store, service=service, clock=clock, options=store_options, flush_interval=flush_interval
            )
            retire = getattr(store, "retire", None)
            if retire is not None:
                # An application that is made again and again, as in tests, leaves no threads and files behind.
                weakref.finalize(self, retire).atexit = False
        elif not isinstance(store, Store):
            raise TypeError(
                f'SLORegistry(store=): expected a URL such as "memory://" or a Store, got {type(store).__name__}; '
                "an ObservationStore keeps the events of one SLO: registry.add(SLOTracker(..., store=...))"
            )
        self._store = store
        self._service = service
        self._clock = clock
        self._trackers: dict[str, SLOTracker] = {}
        self._internals = RegistryInternals(self)
        self._internals.request_id_header, self._internals.trace_url = request_id_header, trace_url
        if (use_recent_failures := getattr(store, "use_recent_failures", None)) is not None:
            use_recent_failures(recent_failures)
        if release is not None and (use_release := getattr(store, "use_release", None)) is not None:
            use_release(release)
        if metrics_causes and (use_cause_totals := getattr(store, "use_cause_totals", None)) is not None:
            use_cause_totals()

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
        release: str | None = None,
        metrics_causes: bool = False,
        recent_failures: int = DEFAULT_RECENT_FAILURES,
        request_id_header: str | None = None,
        trace_url: str | None = None,
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
            release: As in the constructor.
            metrics_causes: As in the constructor.
            recent_failures: As in the constructor.
            request_id_header: As in the constructor.
            trace_url: As in the constructor.
            where: The name of the configuration in messages.

        Raises:
            ConfigError: All problems of the configuration.
            StoreError: The store's URL is unknown or refused.
        """
        # Here, because services that define their SLOs in code never parse a configuration.
        from slo_core.config.definitions import parse_definitions

        parsed = parse_definitions(definitions, where=where)
        registry = cls(
            store,
            service=service,
            clock=clock,
            store_options=store_options,
            flush_interval=flush_interval,
            release=release,
            metrics_causes=metrics_causes,
            recent_failures=recent_failures,
            request_id_header=request_id_header,
            trace_url=trace_url,
        )
        registry.internals.definitions_setting = where
        for definition in parsed:
            registry.define(definition)
        concerns = [(each.name, each.timezone_concern) for each in parsed if each.timezone_concern is not None]
        for concern, names in by_message(concerns).items():
            import logging  # as in `InternalErrors`

            place = f"{where}[{names[0]!r}]" if len(names) == 1 else f"{where}: {len(names)} SLOs ({names_text(names)})"
            logging.getLogger(LOGGER_NAME).warning("%s: %s", place, concern)
        return registry

    @property
    def store(self) -> Store:
        """The store."""
        return self._store

    @property
    def service(self) -> str:
        """The name of the service."""
        return self._service

    @property
    def internals(self) -> RegistryInternals:
        """For the other parts of slo-suite and its integrations; applications need none of it."""
        return self._internals

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
        # In one step: another thread, or a signal handler, may add one of the same name at this moment.
        if self._trackers.setdefault(tracker.name, tracker) is not tracker:
            self._refuse_duplicate(tracker.name)
        tracker.internals.errors = self._internals.errors
        for note_change in self._internals.definition_listeners:
            note_change()
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
        """
        A snapshot of each SLO, in the order of `names()`; see `SLOTracker.snapshot`.

        An SLO of which nothing is kept of that time hides no other: its snapshot has no events, `is_complete` is false, and
        `covered_since` is later than `at`.

        Raises:
            StoreError: The store is out of reach, or one of the SLOs is damaged there.
        """
        return [whole_snapshot(snapshot) for _, snapshot in self._internals.snapshots(at)]

    def check_burn_rates(self, *, at: float | None = None) -> list[BurnRateAlert]:
        """The single-window alerts of all SLOs; see `SLOTracker.check_burn_rate`."""
        return [alert for tracker in self for alert in tracker.check_burn_rate(at=at)]

    def annotate(self, text: str, *, kind: MarkKind = "note", at: float | None = None) -> Mark:
        """
        Mark a change of the service: on charts, in JSON, and in the headline when a burn begins within an hour after it.

        It is written now, and waits for the store, as `snapshot_all` does: in async code call it in a thread
        (`asyncio.to_thread`, `sync_to_async`).

        Args:
            text: What changed: "migration 0042". 1 to 100 printable characters.
            kind: `"note"`, `"deploy"`, or `"release"`, of which the store keeps the earliest.
            at: When it changed, in seconds since the epoch; None is now.

        Returns:
            The mark.

        Raises:
            StoreError: The store is out of reach, or keeps no marks: nothing was written.
            ValueError: The text, the kind or the time is none of these, or the time is more than 60 s ahead or
                25 months ago.
        """
        from slo_core.tracking.annotation import annotate

        return annotate(self._store, text, kind=kind, at=at, now=self._clock())

    def flush(self) -> bool:
        """
        Write events that are still in memory to the store, within a bounded time; for the last line of a job.

        Returns:
            True when every event that was recorded before is where it belongs: in the registry's store, or in that of its
            tracker. False when a store could not be reached in time: the events wait in memory and are sent again. The
            failure is logged and counted; nothing is raised.
        """
        flushed = [store.flush() for store in (self._store, *self._other_stores())]
        return False not in flushed

    def close(self) -> bool:
        """
        Flush, and release the store's files and connections.

        Returns:
            As for `flush`. A store of a tracker made elsewhere is flushed, and stays open.
        """
        flushed = [store.flush() for store in self._other_stores()]
        return False not in (self._store.close(), *flushed)

    def _other_stores(self) -> list[Store]:
        """Those of trackers that were made elsewhere and added."""
        stores = {id(tracker.store): tracker.store for tracker in self}
        return [store for store in stores.values() if store is not None and store is not self._store]

    def __enter__(self) -> SLORegistry:
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"SLORegistry({self.names()!r}, service={self._service!r}, store={self._store!r})"
