"""Causes that wait for a store: with their events into a batch, never more than these, and in little memory."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter
from collections.abc import Callable

import pytest

from slo_core.budgets.causes import Cause
from slo_core.budgets.latencies import cells_of
from slo_core.objectives.window import DAY
from slo_core.stores.shared.pending_events import PendingEvents, TakenEvents
from slo_core.testing import FakeClock
from store_process import SLO, Process

NOW = 1_700_000_000


def bad_by(width: int, taken: TakenEvents) -> Counter[int]:
    bad = Counter[int]()
    for second, _, count in taken.counted:
        bad[second // width] += count
    return bad


def causes_by(width: int, taken: TakenEvents) -> Counter[int]:
    causes = Counter[int]()
    for bucket, _, count in taken.causes:
        causes[bucket * 300 // width] += count
    return causes


@pytest.mark.parametrize("seed", range(20))
def test_wherever_a_batch_is_cut_its_causes_are_those_of_its_events(seed: int) -> None:
    """In no bucket more than bad events, every one once, and in the order of buckets."""
    chance = random.Random(seed)
    pending, given, taken_of, now = (
        PendingEvents(30 * DAY),
        Counter[tuple[int, Cause]](),
        Counter[tuple[int, Cause]](),
        NOW,
    )
    left = False
    for _ in range(60):
        for _ in range(chance.randrange(8)):
            now += chance.choice([0, 1, 40, 200])
            second, cause = now - chance.choice([0, 3, 700]), Cause(f"GET /{chance.randrange(5)}", "500")
            bad = chance.randrange(1, 5)
            known = chance.choice([bad, bad, bad - 1])
            pending.add(second, 1, bad, now=0.0, causes={cause: known} if known else None)
            given[second // 300, cause] += known
        left = True
        while left:
            taken = pending.take(chance.choice([8, 20, 5000]), now=now)
            left = taken.has_rest and chance.random() < 0.7
            bad_of, causes_of = bad_by(300, taken), causes_by(300, taken)
            assert all(count <= bad_of[bucket] for bucket, count in causes_of.items())
            assert [each.bucket for each in taken.causes] == sorted(each.bucket for each in taken.causes)
            for bucket, cause, bad in taken.causes:
                taken_of[bucket, cause] += bad
    for bucket, cause, bad in pending.take(10**9, now=now).causes:
        taken_of[bucket, cause] += bad

    assert +taken_of == +given


def test_an_outage_of_two_days_keeps_the_causes_of_every_quarter_of_an_hour() -> None:
    """Old seconds are merged into quarters: wherever a batch is cut, it has no more causes than events of each."""
    pending, given = PendingEvents(30 * DAY), Counter[tuple[int, Cause]]()
    for second in range(NOW, NOW + 2 * DAY, 37):
        cause = Cause("GET /a" if second % 2 else "GET /b", "503")
        pending.add(second, 0, 1, now=0.0, causes={cause: 1})
        given[second // 900, cause] += 1
    taken_of, batches = Counter[tuple[int, Cause]](), 0
    while pending:
        taken = pending.take(500, now=NOW + 2 * DAY)
        batches += 1
        bad_of, causes_of = bad_by(900, taken), causes_by(900, taken)
        assert all(count <= bad_of[quarter] for quarter, count in causes_of.items())
        for bucket, cause, bad in taken.causes:
            taken_of[bucket // 3, cause] += bad

    assert taken_of == given
    assert batches > 3


def test_six_thousand_causes_in_a_long_outage_take_a_megabyte_and_lose_no_event() -> None:
    """Two days away, a new route with each event: the newest hour still has names, the rest is summed up."""
    pending = PendingEvents(30 * DAY)
    tracemalloc.start()
    try:
        for number in range(6_000):
            second = NOW + number * 2 * DAY // 6_000
            pending.add(second, 0, 1, now=0.0, causes={Cause(f"GET /{number}" + "x" * 90, f"Error{number}"): 1})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    pending.add(NOW + 2 * DAY, 0, 500, now=0.0, causes={Cause("POST /pay", "503"): 500})

    causes = pending.take(10**9, now=NOW + 2 * DAY).causes
    assert most < 1024 * 1024
    assert sum(each.bad for each in causes) == 6_500
    assert max(causes, key=lambda each: each.bad if each.cause.where else 0)[1:] == (Cause("POST /pay", "503"), 500)


def test_a_batch_that_comes_again_has_the_same_causes(start: Callable[..., Process], clock: FakeClock) -> None:
    """What happens meanwhile goes into the next."""
    process = start()
    process.store.flush()
    process.tracker.record_failure(cause="pay")
    process.network.fails = "before"
    process.store.flush()
    outbox = process.store.ledger(SLO).outbox
    frozen = outbox._unconfirmed[0]
    process.tracker.record_failure(cause="ship")

    process.store.flush()

    assert outbox._unconfirmed[0] is frozen
    assert [(each.cause, each.bad) for each in frozen.causes] == [(Cause("pay", "failed"), 1)]


@pytest.mark.parametrize("seed", range(10))
def test_wherever_a_batch_is_cut_its_times_are_those_of_its_events(seed: int) -> None:
    """Good and bad ones: in no quarter of an hour more than events, and every one once."""
    chance = random.Random(seed)
    pending, now = PendingEvents(30 * DAY), NOW
    given, taken_of = Counter[Cause](), Counter[Cause]()
    for _ in range(60):
        for _ in range(chance.randrange(8)):
            now += chance.choice([0, 1, 40, 200])
            good, bad, cell = chance.randrange(5), chance.randrange(5), chance.choice(cells_of(0.3))
            count = chance.randrange(good + bad + 1)
            if good + bad:
                second = now - chance.choice([0, 3, 700])
                pending.add(second, good, bad, now=0.0, latencies={cell: count} if count else None)
                given[cell] += count
        taken = pending.take(chance.choice([8, 40, 5000]), now=float(now))
        events, times = Counter[int](), Counter[int]()
        for second, good, bad in taken.counted:
            events[second // 900] += good + bad
        for bucket, cell, count in taken.latencies:
            times[bucket * 300 // 900] += count
            taken_of[cell] += count
        assert all(times[quarter] <= events[quarter] for quarter in times)
    for cell in pending.take(10**6, now=float(now)).latencies:
        taken_of[cell.cause] += cell.bad

    assert taken_of == +given


def test_times_that_wait_for_days_take_little_memory() -> None:
    """Sixteen cells in every bucket: the newer buckets stay whole, of the older nothing is known."""
    pending = PendingEvents(30 * DAY)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for second in range(NOW, NOW + 3 * DAY, 300):
            pending.add(second, 16, 0, now=0.0, latencies=dict.fromkeys(cells_of(0.3), 1))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    taken = pending.take(10**6, now=float(NOW + 3 * DAY))
    assert after - before < 512 * 1024
    assert set(Counter(each.bucket for each in taken.latencies).values()) == {16}
    assert taken.latencies[-1].bucket == (NOW + 3 * DAY - 300) // 300
