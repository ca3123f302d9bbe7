"""What the entries of a log add up to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core.stores.spool.entries import (
    Baseline,
    Confirm,
    Declare,
    Drop,
    Entry,
    Freeze,
    Pending,
    Settle,
    SpoolDamageError,
)
from slo_core.stores.spool.state import SpoolState

ORDERS = Declare(0, "orders", "{}", "f", 3600, 900.0)


def batch(*counted: tuple[int, int, int], number: int = 1, dropped: int = 0) -> Freeze:
    return Freeze(0, "a" * 32, number, "b" * 16, 1.0, "", "", 0, 0.0, dropped, 0, 1000, True, counted)


def test_a_slot_adds_what_it_has_grown_by() -> None:
    """However often it is settled, and whatever it counts next."""
    settled = [Settle(3, 0, 100, 5, 1), Settle(3, 0, 100, 5, 1), Settle(3, 0, 100, 7, 1), Settle(3, 0, 101, 8, 3)]

    state = SpoolState([ORDERS, *settled])

    assert state.slos[0].pending == {100: (7, 1), 101: (1, 2)}
    assert state.baselines == {3: (8, 3)}


def test_a_batch_takes_its_events_and_its_end_removes_it() -> None:
    """What came meanwhile is left."""
    state = SpoolState([ORDERS, Pending(0, 100, 5, 1), batch((100, 4, 1))])
    assert (state.slos[0].pending, state.waiting) == ({100: (1, 0)}, 6)

    state.apply(Confirm(0, "a" * 32, 1))
    assert state.waiting == 1


def test_a_batch_may_hold_no_events() -> None:
    """It tells the store of those that were dropped."""
    state = SpoolState([ORDERS, Pending(0, 100, 5, 1), batch(), batch((99, 0, 0), number=2)])

    assert state.slos[0].pending == {100: (5, 1)}
    assert len(state.slos[0].frozen) == 2


def test_a_batch_of_merged_seconds_takes_those_it_was_made_of() -> None:
    """It holds a minute under its first second."""
    state = SpoolState(
        [ORDERS, *(Pending(0, second, 1, 0) for second in range(115, 125)), batch((60, 5, 0), (120, 4, 0))]
    )

    assert state.slos[0].pending == {124: (1, 0)}


def test_a_dropped_batch_counts_as_dropped() -> None:
    """Until the store is told of it; not where it goes on under another number."""
    entries: list[Entry] = [ORDERS, Pending(0, 100, 5, 1), batch((100, 5, 1), dropped=2)]

    assert SpoolState([*entries, Drop(0, "a" * 32, 1, is_counted=False)]).slos[0].dropped == 0
    state = SpoolState([*entries, Drop(0, "a" * 32, 1, is_counted=True)])
    assert state.slos[0].dropped == 8
    state.apply(batch(number=2, dropped=8))
    assert state.slos[0].dropped == 0


@pytest.mark.parametrize(
    "entry",
    [
        Settle(3, 1, 100, 9, 9),
        Settle(3, 0, 100, 4, 9),
        Pending(1, 100, 1, 1),
        batch((100, 6, 0)),
        Confirm(0, "a" * 32, 1),
        Drop(0, "a" * 32, 1, is_counted=True),
    ],
)
def test_what_does_not_fit_is_refused(entry: Entry) -> None:
    """An SLO that was not declared, totals that shrink, events that were never counted, a batch that never was."""
    state = SpoolState([ORDERS, Baseline(3, 5, 1), Pending(0, 100, 5, 1)])

    with pytest.raises(SpoolDamageError):
        state.apply(entry)


@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 3), st.integers(0, 3)), max_size=400))
def test_the_shortest_log_says_the_same(counted: list[tuple[int, int, int]]) -> None:
    """The same number of events; and at most those seconds are one that the store keeps as one."""
    state = SpoolState([ORDERS, *(Pending(0, *each) for each in counted)])
    again = SpoolState(state.entries())

    for side in (0, 1):
        assert sum(each[side] for each in again.slos[0].pending.values()) == sum(each[side + 1] for each in counted)
    newest = max((second for second, _, _ in counted), default=0)
    recent = {second: events for second, events in state.slos[0].pending.items() if newest - second < 3600}
    assert recent.items() <= again.slos[0].pending.items()
