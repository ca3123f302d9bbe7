"""How long events took, kept in memory: bounded, and gone when no window reads it."""

from __future__ import annotations

import random
import sys

from slo_core.budgets.events import EventCounts
from slo_core.budgets.latencies import cells_of
from slo_core.objectives.window import DAY, HOUR
from slo_core.stores.memory.latencies import MemoryLatencies
from slo_core.stores.memory.tiers import BucketTiers


def test_a_window_of_thirty_days_takes_little_memory() -> None:
    """Every cell in use, a million events in each bucket: less than the counts and the causes may take."""
    rng = random.Random(3)
    kept, now = MemoryLatencies(31 * DAY), 1_700_000_000
    for second in range(now - 32 * DAY, now, 300):
        kept.add(second, {cell: rng.randrange(1, 99_999) for cell in cells_of(0.3)}, newest=second)

    blocks = {key: text for width in (300, HOUR, DAY) for key, text in kept.blocks_of(width)}

    assert sum(map(sys.getsizeof, blocks.values())) < 96 * 1024
    assert min(key.block for key in blocks if key.width_seconds == 301) >= (now - DAY - 2 * HOUR) // 7200 - 1


def test_thresholds_that_change_all_the_time_take_bounded_memory() -> None:
    """A hundred of them in each hour: beyond eight in a block the smaller cells are not known any more, none is lost."""
    kept, now = MemoryLatencies(31 * DAY), 1_700_000_000
    for number in range(400):
        kept.add(now + 36 * number, dict.fromkeys(cells_of(0.1 + number / 100), 1), newest=now + 36 * number)

    assert max(map(len, (text for _, text in kept.blocks_of(DAY)))) < 32 * 1024


def test_events_of_the_memory_are_those_of_its_tiers() -> None:
    """Of an SLO without any latencies all are unknown."""
    from slo_core import HTTPRule, SLODefinition
    from slo_core.stores.memory.latencies import read_latencies

    timed = SLODefinition("a", 0.9, http=HTTPRule(latency_seconds=0.3))
    tiers = BucketTiers(timed.kept_seconds)
    tiers.add(1_700_000_000, 2, 1)

    latencies = read_latencies(None, tiers, timed, HOUR, now=1_700_000_000.0)

    assert latencies is not None
    assert (latencies.events, latencies.unknown) == (EventCounts(2, 1), 3)
    assert read_latencies(None, tiers, SLODefinition("a", 0.9), HOUR, now=1_700_000_000.0) is None
