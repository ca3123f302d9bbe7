"""Snapshots for scrapes: one read of a shared store serves everybody who asks at about the same time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from slo_core.definition import SLODefinition
from slo_core.errors import StoreError
from slo_core.forks import in_forked_child
from slo_core.registry import SLORegistry
from slo_core.snapshot import SLOSnapshot

__all__ = ["ScrapeReader", "Scraped"]

# Half the shortest sensible scrape interval. A scrape may be answered by one worker and the next by another: what the
# second one shows must not be older than what the first has shown, or counters would seem to be reset.
_FRESH_SECONDS = 0.5

# How long a scrape waits for the one before it.
_WAIT_SECONDS = 5.0

Scraped = list[tuple[SLODefinition, SLOSnapshot]]


class ScrapeReader:
    """
    Reads the SLOs of a registry for scrapes.

    Of a store in this process's own memory every scrape gets the state of its own instant. A shared store is read by one
    scrape at a time, and for half a second others are given what it has found.

    Args:
        registry: The SLOs.
        monotonic: Measures how old something is.
    """

    __slots__ = ("__weakref__", "_found", "_found_at", "_monotonic", "_registry", "_turns", "_version")

    def __init__(self, registry: SLORegistry, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._forget()
        in_forked_child(self._forget)

    def _forget(self) -> None:
        self._found: Scraped | None = None
        self._found_at = 0.0
        self._version = 0
        # Made when it is first needed: it is held while reading, and gevent must have patched it by then.
        self._turns: dict[str, threading.Lock] = {}

    def read(self) -> Scraped:
        """
        Every SLO with its snapshot.

        Raises:
            StoreError: The store cannot be read.
        """
        if self._registry.store.scope == "process":
            return self._read()
        turn = self._turns.get("") or self._turns.setdefault("", threading.Lock())
        if not turn.acquire(timeout=_WAIT_SECONDS):
            raise StoreError(f"another scrape has been waiting for the store {self._registry.store.backend}")
        try:
            found, version = self._found, self._registry.version
            # Before it is read: what a slow store answers is as old as the question, at most.
            now = self._monotonic()
            if found is None or version != self._version or now - self._found_at > _FRESH_SECONDS:
                found = self._read()
                self._found, self._found_at, self._version = found, now, version
            return found
        finally:
            turn.release()

    def _read(self) -> Scraped:
        trackers = tuple(self._registry)
        return [
            (tracker.definition, snapshot)
            for tracker, snapshot in zip(trackers, self._registry.snapshot_all(), strict=False)
        ]
