"""SLOs that no process declares any more: when they leave, and that they are named then."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest

from slo_core import SLODefinition
from slo_core.budgets.retired_slo import RetiredSLO
from slo_core.metrics.view import services_view
from slo_core.objectives.window import DAY
from slo_core.status.sources.metrics_page import services_of_metrics
from slo_core.stores.buckets import Query, SLORecord
from slo_core.testing import FakeClock
from slo_core.tracking.retirement import retired_slos
from store_house import House

OLD, NEW = SLODefinition("old", 0.9), SLODefinition("new", 0.9)


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    return House(tmp_path, clock)


def names_shown(house: House) -> tuple[list[str], list[str]]:
    """The SLOs that are shown, and those that are named as retired."""
    house.monotonic.advance(15)
    ((_, snapshots),) = house.exporter().read().items()
    assert not isinstance(snapshots, Exception)
    return [definition.name for definition, _ in snapshots], [slo.name for slo in snapshots.retired]


def test_an_slo_leaves_when_no_process_declared_it_for_its_window(house: House, clock: FakeClock) -> None:
    """Thirty days, to the second; its counts stay, and it comes back with them when it is declared again."""
    house.count("shop", OLD, 3, 1)
    clock.advance(days=30)
    house.count("shop", NEW, 1, 0)
    assert names_shown(house) == (["new", "old"], [])

    clock.advance(seconds=1)

    assert names_shown(house) == (["new"], ["old"])
    house.count("shop", OLD, 1, 0)
    assert names_shown(house) == (["new", "old"], [])
    assert house.scrape(house.exporter())["slo_events_total", "shop", "old"] == 1


def test_an_slo_without_events_stays_while_a_process_declares_it(house: House, clock: FakeClock) -> None:
    """Quiet is not gone."""
    house.count("shop", OLD, 1, 0)
    clock.advance(days=40)
    house.count("shop", OLD, 0, 0)
    clock.advance(days=29)

    assert names_shown(house) == (["old"], [])


def test_an_slo_of_a_short_window_stays_for_a_week(house: House, clock: FakeClock) -> None:
    """A service that is down over the weekend is not gone."""
    house.count("shop", SLODefinition("old", 0.9, window_seconds=3600, burn_rate_windows=()), 1, 0)
    clock.advance(days=7)
    assert names_shown(house) == (["old"], [])

    clock.advance(seconds=1)

    assert names_shown(house) == ([], ["old"])


def test_the_metrics_name_it_with_the_time_it_was_heard_of(house: House, clock: FakeClock) -> None:
    """And a reader of the page learns as much as one of the store."""
    house.count("shop", OLD, 3, 1)
    seen_at = clock()
    clock.advance(days=31)
    house.count("shop", NEW, 1, 0)

    text = services_view(house.exporter()).respond("GET").body.decode()

    assert [line.partition("{")[0] for line in text.splitlines() if 'slo="old"' in line] == [
        "slo_retired_since_seconds"
    ]
    (service,) = services_of_metrics(text, address="u", at=clock())
    assert service.retired == (RetiredSLO("old", seen_at),)
    (note,) = service.notes
    assert note.startswith(
        "retired: of service 'shop' no process declares these SLOs any more, and they are left out: old"
    )
    assert note.endswith("(not since 2023-11-14); `slo store forget NAME` deletes their counts")


def test_what_an_older_version_counts_is_not_retired(house: House, clock: FakeClock) -> None:
    """It does not say that it was there; its events do."""
    house.count("shop", OLD, 1, 0)
    clock.advance(days=40)
    house.count("shop", OLD, 1, 0)
    file = sqlite3.connect(house.path)
    with file:
        file.execute("UPDATE slo SET seen_at = ?", (clock() - 40 * DAY,))
    file.close()

    assert names_shown(house) == (["old"], [])


def test_a_store_of_an_older_version_retires_nothing_at_first(house: House, clock: FakeClock) -> None:
    """When a process was heard of is not known: the time for which it must be missing begins with the upgrade."""
    house.count("shop", OLD, 1, 0)
    file = sqlite3.connect(house.path)
    with file:
        file.execute("ALTER TABLE slo DROP COLUMN seen_at")
    file.close()
    clock.advance(days=365)

    assert names_shown(house) == (["old"], [])
    clock.advance(days=31)
    assert names_shown(house) == ([], ["old"])


def test_what_cannot_be_told_is_not_retired(house: House) -> None:
    """A record that does not say when, or is damaged; but a name without any record is."""
    house.count("shop", OLD, 1, 0)
    record = house.buckets("shop").read([Query("old")])[0].record
    assert isinstance(record, SLORecord)
    unknown = dataclasses.replace(record, seen_at=None)

    retired = retired_slos({"a": unknown, "b": None, "c": record}, now=record.data_since + 365 * DAY)

    assert [slo.name for slo in retired] == ["b", "c"]
