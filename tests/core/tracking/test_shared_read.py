"""Reads that are shared: by whom, how often, and what becomes of those that fail or do not return."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.errors import DamagedError, StoreError
from slo_core.testing import FakeClock
from slo_core.tracking.shared_read import SharedRead, StoreReads

# No test takes a second: what has not come by then never comes.
_SOON = 10.0


class Reads:
    """
    A store that answers when a test says so: each read gets a number, and waits until it is let go.

    Attributes:
        began: The clock at the begin of each read.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.began: list[float] = []
        self.errors: dict[int, BaseException] = {}
        self._clock = clock
        self._has_begun = [threading.Event() for _ in range(20)]
        self._may_end = [threading.Event() for _ in range(20)]

    def __call__(self) -> int:
        number = len(self.began)
        self.began.append(self._clock())
        self._has_begun[number].set()
        assert self._may_end[number].wait(_SOON)
        if number in self.errors:
            raise self.errors[number]
        return number

    def wait_for(self, number: int) -> None:
        """Until that read has begun."""
        assert self._has_begun[number].wait(_SOON)

    def let_end(self, *numbers: int) -> None:
        """Let those reads return."""
        for number in numbers:
            self._may_end[number].set()


class Arrivals:
    """A clock that stands still, and lets a test wait until so many readers have looked at it: they have arrived."""

    def __init__(self) -> None:
        self.now = 0.0
        self._looked: set[int] = set()
        self._change = threading.Condition()

    def __call__(self) -> float:
        with self._change:
            self._looked.add(threading.get_ident())
            self._change.notify_all()
            return self.now

    def forget(self) -> None:
        with self._change:
            self._looked.clear()

    def wait_for(self, readers: int) -> None:
        with self._change:
            assert self._change.wait_for(lambda: len(self._looked) >= readers, _SOON)


@pytest.fixture
def readers(clock: Arrivals) -> Iterator[ThreadPoolExecutor]:
    """Threads of readers; those who still wait when a test ends, having failed, see that it is late."""
    with ThreadPoolExecutor(20) as pool:
        yield pool
        clock.now += 1000.0


@pytest.fixture
def clock() -> Arrivals:
    return Arrivals()


@pytest.fixture
def reads(clock: Arrivals) -> Iterator[Reads]:
    """The reads of a test; those that hang end with it."""
    reads = Reads(lambda: clock.now)
    yield reads
    reads.let_end(*range(20))


def shared(reads: Callable[[], int], clock: Callable[[], float], timeout_seconds: float = 5.0) -> SharedRead[int]:
    return SharedRead(reads, what="the store paper", timeout_seconds=timeout_seconds, monotonic=clock)


def arrive(read: SharedRead[int], clock: Arrivals, readers: ThreadPoolExecutor, count: int = 1) -> list[Future[int]]:
    """Readers that have come, and wait."""
    clock.forget()
    futures = [readers.submit(read) for _ in range(count)]
    clock.wait_for(count)
    # A reader looks at the clock while it holds the lock, and gives that back when it waits.
    with read._change.get():
        return futures


def test_a_reader_alone_is_not_delayed(clock: Arrivals, reads: Reads) -> None:
    """The clock stands still: not even a tenth of a second passes."""
    reads.let_end(0)

    assert shared(reads, clock)() == 0


def test_who_comes_during_a_read_gets_the_next_one(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """What the read that is under way returns may be older than what another process has shown by now."""
    read = shared(reads, clock)
    (early,) = arrive(read, clock, readers)
    reads.wait_for(0)
    (late,) = arrive(read, clock, readers)
    clock.now += 0.1

    reads.let_end(0, 1)

    assert (early.result(_SOON), late.result(_SOON)) == (0, 1)


def test_all_who_wait_share_one_read(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """Nine readers come during a read: two reads serve ten."""
    read = shared(reads, clock)
    (first,) = arrive(read, clock, readers)
    reads.wait_for(0)
    others = arrive(read, clock, readers, 9)
    clock.now += 0.1

    reads.let_end(0, 1)

    assert first.result(_SOON) == 0
    assert [other.result(_SOON) for other in others] == [1] * 9
    assert len(reads.began) == 2


def test_reads_begin_a_tenth_of_a_second_apart(clock: Arrivals, reads: Reads) -> None:
    """However fast they return; here the clock moves on whenever it is looked at."""

    def moving() -> float:
        clock.now += 0.01
        return clock.now

    reads.let_end(*range(4))
    read = shared(reads, moving)

    assert [read() for _ in range(4)] == [0, 1, 2, 3]
    assert all(later - earlier >= 0.1 for earlier, later in zip(reads.began, reads.began[1:], strict=False))


def test_a_failure_is_shared_for_a_second(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """By those who wait, also for the next read, and by those who come; then the store is asked again."""
    reads.errors[0] = StoreError("the store paper is wet")
    read = shared(reads, clock)
    (first,) = arrive(read, clock, readers)
    reads.wait_for(0)
    (waiting,) = arrive(read, clock, readers)
    reads.let_end(0, 1)
    errors = [future.exception(_SOON) for future in (first, waiting)]
    clock.now += 0.99
    with pytest.raises(StoreError, match="wet") as late:
        read()

    assert [str(error) for error in errors] == ["the store paper is wet"] * 2
    # Each its own: raised by several threads, one would collect the frames of all.
    assert len({id(error) for error in (*errors, late.value, reads.errors[0])}) == 4
    clock.now += 0.01
    assert read() == 1


def test_one_reader_at_a_time_tries_a_store_that_is_away(
    clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor
) -> None:
    """The others get the last failure at once: a server's threads do not wait together for a store that hangs."""
    reads.errors |= {0: StoreError("wet"), 1: StoreError("still wet")}
    reads.let_end(0)
    read = shared(reads, clock)
    with pytest.raises(StoreError, match="wet"):
        read()
    clock.now += 1.0
    (trying,) = arrive(read, clock, readers)
    reads.wait_for(1)

    for _ in range(8):
        with pytest.raises(StoreError, match="wet"):
            read()
    reads.let_end(1)
    assert str(trying.exception(_SOON)) == "still wet"

    clock.now += 1.0
    (trying,) = arrive(read, clock, readers)
    reads.wait_for(2)
    reads.let_end(2, 3)
    assert trying.result(_SOON) == 2
    clock.now += 0.1
    assert read() == 3


def test_a_store_that_is_away_is_so_for_its_other_reads(
    clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor
) -> None:
    """Pages of other SLOs do not wait for it in their turn; what is damaged of one SLO is no matter to the others."""
    store = StoreReads()
    first, second = (SharedRead(reads, what="the store paper", monotonic=clock, store=store) for _ in range(2))
    reads.errors |= {0: StoreError("wet"), 3: DamagedError("torn")}
    reads.let_end(0, 2, 3, 4)
    with pytest.raises(StoreError, match="wet"):
        first()

    with pytest.raises(StoreError, match="wet"):
        second()
    with pytest.raises(StoreError, match="wet"):  # one that is made now
        SharedRead(reads, what="the store paper", monotonic=clock, store=store)()
    clock.now += 1.0
    (trying,) = arrive(second, clock, readers)
    reads.wait_for(1)
    with pytest.raises(StoreError, match="wet"):
        first()
    reads.let_end(1)
    assert trying.result(_SOON) == 1
    assert first() == 2

    clock.now += 0.1
    with pytest.raises(DamagedError, match="torn"):
        first()
    assert second() == 4


def test_a_time_out_is_shared_as_a_failure_is(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """Those who come later do not wait as long for the same read; once it has returned, they read again."""
    read = shared(reads, clock)
    (first,) = arrive(read, clock, readers)
    reads.wait_for(0)
    clock.now += 5.0
    wake(read)
    assert isinstance(first.exception(_SOON), StoreError)

    for later in (0.0, 0.99, 1.5):
        clock.now = 5.0 + later
        with pytest.raises(StoreError, match="expected an answer within 5 s"):
            read()

    at_work = [thread for thread in threading.enumerate() if thread.name == "slo-reader"]
    reads.let_end(0, 1)
    for thread in at_work:
        thread.join(_SOON)
    assert read() == 1


def test_other_errors_reach_readers_as_they_are(clock: Arrivals, reads: Reads) -> None:
    """Of those only the type may be shown; their traceback does not grow with each reader."""
    reads.errors[0] = ValueError("secret")
    reads.let_end(0)
    read = shared(reads, clock)

    def frames() -> int:
        with pytest.raises(ValueError, match="secret") as raised:
            read()
        return len(raised.traceback)

    assert frames() == frames() == frames()


def test_a_reader_waits_until_its_time_out(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """And says what it has waited for."""
    read = shared(reads, clock)
    (reader,) = arrive(read, clock, readers)
    reads.wait_for(0)

    clock.now += 5.0
    wake(read)

    with pytest.raises(StoreError, match="the store paper: expected an answer within 5 s, got none; check that"):
        reader.result(_SOON)


def wake(read: SharedRead[int]) -> None:
    """Have everyone look at the clock again, as a time-out does."""
    with read._change.get():
        read._change.get().notify_all()


def hang(read: SharedRead[int], clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor, number: int) -> None:
    """A read that does not return within twice the time-out."""
    (reader,) = arrive(read, clock, readers)
    reads.wait_for(number)
    clock.now += 5.0
    wake(read)
    assert isinstance(reader.exception(_SOON), StoreError)
    clock.now += 5.0


def test_a_read_that_hangs_is_left_alone(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """After twice the time-out another one is tried; what the first returns after all is thrown away."""
    read = shared(reads, clock)
    hang(read, clock, reads, readers, 0)
    (reader,) = arrive(read, clock, readers)
    reads.wait_for(1)

    reads.let_end(0)
    clock.now += 0.1
    assert not reader.done()
    reads.let_end(1)

    assert reader.result(_SOON) == 1


def test_a_reader_who_waits_sees_that_a_read_hangs(clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor) -> None:
    """It need not be one who comes later."""
    read = shared(reads, clock)
    (early,) = arrive(read, clock, readers)
    reads.wait_for(0)
    clock.now += 6.0
    (late,) = arrive(read, clock, readers)
    clock.now += 4.0
    reads.let_end(1)
    wake(read)

    assert late.result(_SOON) == 1
    assert isinstance(early.exception(_SOON), StoreError)


def test_after_two_that_hang_readers_are_refused_until_one_returns(
    clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor
) -> None:
    """Each keeps a thread: there are never more than two."""
    read = shared(reads, clock)
    hang(read, clock, reads, readers, 0)
    hang(read, clock, reads, readers, 1)

    with pytest.raises(StoreError, match="expected reads to return within 10 s, and 2 have not"):
        read()

    (hung,) = [thread for thread in threading.enumerate() if thread.name == "slo-reader"][:1]
    reads.let_end(0, 2)
    hung.join(_SOON)
    assert read() == 2


def test_where_no_thread_starts_readers_read(
    clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of those who wait reads for all of them, and then another one, who still does."""
    read = shared(reads, clock)
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "slo-reader":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    (first,) = arrive(read, clock, readers)
    reads.wait_for(0)
    others = arrive(read, clock, readers, 3)
    clock.now += 0.1
    reads.let_end(0)
    assert first.result(_SOON) == 0  # while the others' read is still under way
    reads.let_end(1)

    assert [other.result(_SOON) for other in others] == [1] * 3


def test_a_reader_that_is_interrupted_while_it_reads_keeps_no_other_from_it(
    clock: Arrivals, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C, or a time-out of gevent, belongs to the one whose thread it hits."""
    monkeypatch.setattr(threading.Thread, "start", refuse_to_start)
    reads.errors[0] = KeyboardInterrupt()
    reads.let_end(0, 1)
    read = shared(reads, clock)

    with pytest.raises(KeyboardInterrupt):
        read()
    clock.now += 0.1

    assert read() == 1


def refuse_to_start(thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("has_hooks", [True, False])
def test_a_forked_child_starts_empty(
    has_hooks: bool, clock: Arrivals, reads: Reads, readers: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that reads, and one that holds the lock, are not there; uWSGI forks without calling hooks."""
    hooks: list[Any] = []
    monkeypatch.setattr(os, "register_at_fork", lambda *, after_in_child: hooks.append(after_in_child))
    read = shared(reads, clock)
    (parents,) = arrive(read, clock, readers)
    reads.wait_for(0)
    parents_change = read._change.get()
    with parents_change:
        monkeypatch.setattr(os, "getpid", lambda: -1)
        for hook in hooks if has_hooks else ():
            hook()
        reads.let_end(1)

        assert readers.submit(read).result(_SOON) == 1

    # It is the same process after all, and the parent's reader is still there.
    clock.now += 5.0
    with parents_change:
        parents_change.notify_all()
    assert isinstance(parents.exception(_SOON), StoreError)


def test_threads_come_with_a_read_and_go_with_it(clock: Arrivals, reads: Reads) -> None:
    """None before the first, none that stays; and they keep no interpreter from ending."""
    seen: list[threading.Thread] = []

    def read() -> int:
        seen.append(threading.current_thread())
        return len(seen)

    reader = shared(read, clock)
    assert seen == []
    reader()

    (thread,) = seen
    thread.join(_SOON)
    assert thread.daemon
    assert not thread.is_alive()
    assert thread is not threading.current_thread()


def test_no_lock_is_held_while_reading(clock: Arrivals) -> None:
    """What reads may be anybody's code: here it finds that another thread gets the lock."""

    def is_free() -> bool:
        change = reader._change.get()
        # The reader that waits takes it for a moment, too.
        return change.acquire(timeout=_SOON / 2) and not change.release()

    def read() -> int:
        with ThreadPoolExecutor(1) as pool:
            return int(pool.submit(is_free).result(_SOON))

    reader = shared(read, clock)

    assert reader() == 1


def test_a_store_of_this_process_is_read_at_its_own_instant() -> None:
    """Nothing to share: no thread, no waiting, each scrape the numbers of its moment."""
    registry = SLORegistry(clock=FakeClock())
    tracker = registry.define(SLODefinition("a", 0.9))
    totals = []
    for _ in range(3):
        tracker.record(True)
        ((_, snapshot),) = registry.internals.read_shared()
        totals.append(snapshot.total)

    assert totals == [1, 2, 3]


def test_a_reader_may_do_something_else_meanwhile(clock: Arrivals, reads: Reads) -> None:
    """A read that was begun runs; what waits for it gets the value of that very read."""
    read = shared(reads, clock)

    wait = read.begin()
    reads.wait_for(0)
    reads.let_end(0)

    assert wait() == 0
    assert wait() == 0
    assert len(reads.began) == 1
