"""A shared store that is only read: nothing is counted in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core import SLODefinition
from slo_core.errors import StoreError
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.testing import FakeClock
from slo_core.tracking.tracker import SLOTracker
from store_house import House


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    return House(tmp_path, clock)


def test_a_read_only_store_counts_nothing(house: House) -> None:
    """An event recorded through it is refused, not lost in silence."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    store = ReadOnlyStore(house.buckets("shop"), clock=house.clock)
    tracker = SLOTracker(SLODefinition("availability", 0.9), store=store, clock=house.clock)
    assert tracker.snapshot().total == 10

    with pytest.raises(StoreError, match="opened for reading only"):
        tracker.record(True, at=house.clock())


def test_a_read_only_store_answers_about_the_past(house: House) -> None:
    """As a service would: 10 events two days ago, 5 more since."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    then = house.clock()
    house.clock.advance(days=2)
    house.count("shop", SLODefinition("availability", 0.9), 5, 0)
    store = ReadOnlyStore(house.buckets("shop"), clock=house.clock)
    tracker = SLOTracker(SLODefinition("availability", 0.9), store=store, clock=house.clock)

    assert tracker.snapshot(at=then + 3600).total == 10
    assert tracker.snapshot().total == 15


def test_an_slo_that_is_gone_is_an_error(house: House) -> None:
    """A total of 0 in its place would look like a counter that was reset."""
    store = ReadOnlyStore(house.buckets("shop"), clock=house.clock)
    tracker = SLOTracker(SLODefinition("availability", 0.9), store=store, clock=house.clock)

    with pytest.raises(StoreError, match="'availability' is gone; has the store been emptied"):
        tracker.snapshot()

    assert not store.health().is_up
