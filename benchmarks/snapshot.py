"""Reading: a snapshot after little and after much traffic, its memory, and what it does to recording meanwhile."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable

from slo_budget_tracker import SLODefinition as TheirDefinition
from slo_budget_tracker import SLOTracker as TheirTracker

from benchmarks.contest import compete, hold_to, print_table, ratio_of, seconds_per_call
from slo_core import SLODefinition, SLOTracker
from slo_core.stores.memory.store import MemoryLedger, MemoryStore

__all__ = ["run"]

_DAYS_30 = 30 * 86_400
_THEIR_EVENTS = 1_000_000


def _filled(events: int, *, seconds_apart: int) -> SLOTracker:
    """A tracker whose 30 days hold `events`, one in a hundred bad, evenly spread."""
    now = time.time()
    store = _LedgerStore(now)
    tracker = SLOTracker(SLODefinition("availability", 0.999), store=store)
    seconds = range(int(now) - _DAYS_30, int(now), seconds_apart)
    each = max(1, events // len(seconds))
    for second in seconds:
        store.made.add(second, each - each // 100, each // 100, live=False)
    return tracker


class _LedgerStore(MemoryStore):
    """Keeps hold of the ledger it gave out, to fill it faster than event by event."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.made = MemoryLedger(_DAYS_30, clock=lambda: now)

    def ledger(self, definition: SLODefinition) -> MemoryLedger:  # one SLO only
        return self.made


def _their_filled(events: int) -> TheirTracker:
    now = time.time()
    tracker = TheirTracker(TheirDefinition("availability", 0.999))
    for index in range(events):
        tracker.record(index % 100 > 0, at=now - _DAYS_30 * (1 - index / events))
    return tracker


def _worst_stall(record: Callable[[], object], snapshot: Callable[[], object], seconds: float = 1.0) -> float:
    """The longest time one record took while another thread took snapshots."""
    done = threading.Event()

    def keep_reading() -> None:
        while not done.is_set():
            snapshot()
            time.sleep(0.001)  # a reader that never pauses shows the interpreter's switch interval, 5 ms, alone

    reader = threading.Thread(target=keep_reading)
    reader.start()
    worst, until = 0.0, time.perf_counter() + seconds
    before = time.perf_counter()
    while before < until:
        record()
        after = time.perf_counter()
        worst, before = max(worst, after - before), after
    done.set()
    reader.join()
    return worst


def _memory_after_ten_million() -> int:
    tracemalloc.start()
    tracker = _filled(10_000_000, seconds_apart=26)
    tracker.snapshot()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return size


def run(rounds: int) -> None:
    """Print snapshots, memory and stalls."""
    small, large = _filled(10_000, seconds_apart=2600), _filled(100_000_000, seconds_apart=26)
    theirs = _their_filled(_THEIR_EVENTS)
    results = compete(
        {
            "slo-suite, 10,000 events": lambda: seconds_per_call(small.snapshot, 200),
            "slo-suite, 100,000,000 events": lambda: seconds_per_call(large.snapshot, 200),
            f"slo-budget-tracker, {_THEIR_EVENTS:,} events": lambda: seconds_per_call(theirs.snapshot, 1),
        },
        rounds,
    )
    print_table(
        "a snapshot: 30 days and 7 burn and alert windows (theirs: 2 burn windows)",
        results,
        reference=f"slo-budget-tracker, {_THEIR_EVENTS:,} events",
    )
    for name in ("slo-suite, 10,000 events", "slo-suite, 100,000,000 events"):
        microseconds = results[name].minimum * 1e6
        hold_to(f"a snapshot, {name}", "<= 100 us, flat", f"{microseconds:.0f} us", is_met=microseconds <= 100)
    kibibytes = _memory_after_ten_million() / 1024
    print("\nmemory of one 30-day SLO after 10,000,000 events")
    hold_to("memory of an SLO", "<= 256 KiB", f"{kibibytes:.0f} KiB", is_met=kibibytes <= 256)

    stalls = compete(
        {
            # What the machine and the interpreter's switching of threads do to a record on their own.
            "slo-suite, a reader that reads nothing": lambda: _worst_stall(lambda: large.record(True), lambda: None),
            "slo-suite, 100,000,000 events": lambda: _worst_stall(lambda: large.record(True), large.snapshot),
            f"slo-budget-tracker, {_THEIR_EVENTS:,} events": lambda: _worst_stall(
                lambda: theirs.record(True), theirs.snapshot
            ),
        },
        max(3, rounds // 3),
    )
    print_table(
        "worst stall of a record while snapshots run",
        stalls,
        reference=f"slo-budget-tracker, {_THEIR_EVENTS:,} events",
        unit="ms",
    )
    theirs_at_once = f"slo-budget-tracker, {_THEIR_EVENTS:,} events"
    ratio = ratio_of(stalls, "slo-suite, 100,000,000 events", theirs_at_once)
    hold_to("worst stall of a record", "<= 0.02 x slo-budget-tracker", f"{ratio:.3f} x", is_met=ratio <= 0.02)
