"""Bad events that wait for their store: few, the newest, and cheap in an outage."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

from slo_core.budgets.causes import Cause
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.stores.failure_buffer import EventDetails, FailureBuffer

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_the_newest_are_kept() -> None:
    """Taken in the order in which they came; then there are none."""
    buffer = FailureBuffer(3)
    for at in range(5):
        buffer.note(float(at), None, EventDetails())

    assert [failure.at for failure in buffer.newest()] == [4, 3, 2]
    assert [failure.at for failure in buffer.take()] == [2, 3, 4]
    assert not buffer
    assert buffer.take() == []


def test_details_are_looked_at_when_they_are_taken() -> None:
    """A span's trace, a header's, and what is neither."""
    buffer = FailureBuffer()
    buffer.note(1.0, Cause("a", "b"), EventDetails(0.5, int(TRACE, 16), "r-1"))
    buffer.note(2.0, None, EventDetails(-1.0, f"00-{TRACE}-{'1' * 16}-01".encode(), b"r\xff"))
    buffer.note(3.0, None, EventDetails(math.nan, "bad", "a b"))
    buffer.note(math.nan, None, EventDetails())

    assert buffer.take() == [
        RecentFailure(1.0, Cause("a", "b"), 0.5, TRACE, "r-1"),
        RecentFailure(2.0, None, None, TRACE, None),
        RecentFailure(3.0),
    ]


def test_switched_off_it_wants_none() -> None:
    """And keeps none."""
    buffer = FailureBuffer(0)
    buffer.note(1.0, None, EventDetails())

    assert not buffer.wants(1.0)
    assert not buffer.newest()


def test_in_an_outage_most_are_left_out() -> None:
    """The first 500 of a second are noted, and then every sixteenth; the next second begins again."""
    buffer = FailureBuffer()

    assert sum(buffer.wants(7.25) for _ in range(5_000)) == 500 + 4_500 // 16
    assert buffer.wants(8.0)


def test_threads_note_while_another_takes() -> None:
    """Nothing is raised, and nothing comes twice."""
    buffer = FailureBuffer(50)
    taken: list[RecentFailure] = []

    def note(thread: int) -> None:
        for number in range(2_000):
            buffer.note(float(thread * 10_000 + number), None, EventDetails())
            if number % 100 == 0:
                buffer.newest()

    with ThreadPoolExecutor(4) as threads:
        noting = [threads.submit(note, thread) for thread in range(3)]
        while not all(each.done() for each in noting):
            taken += buffer.take()
        for each in noting:
            each.result()
    taken += buffer.take()

    assert len({failure.at for failure in taken}) == len(taken) > 0
