"""Rows that no version of this package has written: they hide their own SLO, and no other."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from damaged_slo import DamagedSLO
from slo_core import StoreError
from slo_core.budgets.events import EventCounts
from slo_core.errors import DamagedError
from slo_core.metrics.view import MetricsView
from slo_core.status.gate import Gate
from slo_core.status.service_status import service_status
from slo_core.status.sources.json_view import services_of_json
from slo_core.status.table import status_table
from slo_core.status_page.links import relative_links
from slo_core.status_page.page import StatusPage
from slo_core.stores.buckets import BucketRange, Increment, Query, SLORecord, Stored
from slo_core.stores.copy import copy_store
from slo_core.stores.shared.damage import damage_in_record, damage_in_sums, whole_series
from slo_core.stores.sql.sqlite import SQLiteBucketStore


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "slo.db"


@pytest.fixture
def slos(path: Path) -> Iterator[DamagedSLO]:
    slos = DamagedSLO(lambda service: SQLiteBucketStore(path, service=service))
    yield slos
    slos.close()


def damage(path: Path, change: str, *values: object) -> None:
    """Change the rows of the SLO."""
    with closing(sqlite3.connect(path)) as connection, connection:
        assert connection.execute(change, values).rowcount > 0


OF_RECORD = "name = 'damaged'"
OF_BUCKETS = "slo = (SELECT id FROM slo WHERE name = 'damaged')"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("good", -1), ("bad", -(2**62)), ("dropped", -1), ("errors", -1), ("good", "many"), ("bad", 0.5), ("good", b"\x01"),
        ("since", "yesterday"), ("since", float("inf")), ("newest", "x"), ("newest", b"\xff"), ("keeps", "long"),
        ("keeps", -1), ("changed_at", "once"),
    ],
)  # fmt: skip
def test_a_record_that_cannot_be_hides_its_slo_alone(slos: DamagedSLO, path: Path, column: str, value: object) -> None:
    """A negative total, a number that is text, an instant that is none; to workers and to an exporter."""
    damage(path, f"UPDATE slo SET {column} = ? WHERE {OF_RECORD}", value)

    slos.assert_alone_hidden()


@pytest.mark.parametrize("value", [-5, 0.5, "many"])
def test_buckets_that_cannot_be_hide_their_slo_alone(slos: DamagedSLO, path: Path, value: object) -> None:
    """A negative one, a fraction, and text."""
    damage(path, f"UPDATE bucket SET good = ? WHERE {OF_BUCKETS}", value)

    slos.assert_alone_hidden()


def test_a_sum_that_is_too_large_is_the_trouble_of_its_slo(slos: DamagedSLO, path: Path) -> None:
    """SQLite adds no two numbers whose sum is beyond 64 bits: it ends the statement."""
    damage(path, f"UPDATE bucket SET good = ? WHERE {OF_BUCKETS}", 2**63 - 1)
    damage(path, f"INSERT INTO bucket SELECT slo, width, bucket - 1, good, bad FROM bucket WHERE {OF_BUCKETS}")
    always = (BucketRange(1, 0, 2**40),)

    damaged, whole = SQLiteBucketStore(path, service="shop").read([Query("damaged", always), Query("whole", always)])

    assert (damaged.record, damaged.trouble) == (None, "integer overflow")
    assert whole.sums == (EventCounts(1, 0),)


@pytest.mark.parametrize("definition", ["", "[]", '{"version": 1}', "x" * 5000, b"\xff\xfe", 7])
def test_a_definition_that_cannot_be_read_hides_its_slo_from_an_exporter(
    slos: DamagedSLO, path: Path, definition: object
) -> None:
    """Workers have a definition of their own."""
    damage(path, f"UPDATE slo SET definition = ? WHERE {OF_RECORD}", definition)

    names, reason = slos.shown_by_exporter()

    assert names == ["whole"]
    assert "SLO 'damaged'" in reason
    assert slos.shown_to_workers() == (["damaged", "whole"], "")


@pytest.mark.parametrize("name", ["CAST(x'ff6e' AS TEXT)", "x'ff6e'", "7", "''"])
def test_a_name_that_is_no_text_hides_no_other(slos: DamagedSLO, path: Path, name: str) -> None:
    """Nobody has asked for an SLO of that name."""
    damage(path, f"UPDATE slo SET name = {name} WHERE {OF_RECORD}")
    damage(path, "UPDATE slo SET service = CAST(x'ff' AS TEXT) WHERE name != 'whole'")
    columns = "name, service, good, bad, dropped, errors, since, keeps, definition, fingerprint"
    damage(path, f"INSERT INTO slo ({columns}) VALUES ({name}, 'shop', 1, 0, 0, 0, 0, 0, '{{}}', 'f')")

    names, _ = slos.shown_by_exporter()

    assert names == ["whole"]
    assert SQLiteBucketStore(path).services()[0] == "\\xff"
    assert slos.registry["whole"].snapshot().total == 1


def test_every_view_shows_the_others_and_says_what_is_missing(slos: DamagedSLO, path: Path, tmp_path: Path) -> None:
    """Metrics, page, JSON, table and gate; a gate that asks for the damaged SLO does not pass."""
    damage(path, f"UPDATE slo SET good = -1 WHERE {OF_RECORD}")
    registry, page, links = slos.registry, StatusPage(slos.registry), relative_links("slo")

    metrics = MetricsView(registry).respond("GET").body.decode()
    overview = page.overview({}, links=links).html
    detail = page.detail("damaged", {}, links=links).html
    view = page.json_view({})
    table = status_table(registry)
    (published,) = services_of_json(view, address="http://host/slo.json")
    findings = Gate().judge([service_status(registry)])

    assert 'slo="whole"' in metrics
    assert 'slo="damaged"' not in metrics
    assert 'slo_store_up{slo_service="shop"' in metrics
    assert "expected good to be a number of 0 or more, got -1" in overview
    assert "expected good to be a number of 0 or more, got -1" in detail
    assert [slo["name"] for slo in view["slos"]] == ["whole"]
    assert "SLO 'damaged'" in view["error"]
    assert published.error == view["error"]
    assert "SLO 'damaged' cannot be shown" in table.splitlines()[-1]
    assert [finding.verdict for finding in findings if finding.subject == "shop/*"] == ["unknown"]
    assert registry.internals.errors.total > 0
    with pytest.raises(StoreError, match="SLO 'damaged': what the store holds of it is damaged"):
        registry.snapshot_all()
    assert registry["whole"].snapshot().total == 1


def test_a_page_of_damaged_buckets_says_so_and_the_writer_goes_on(slos: DamagedSLO, path: Path) -> None:
    """The store has answered: nothing is put off because of it, and no attempt counts as failed."""
    damage(path, f"UPDATE bucket SET good = good - 9, bad = 9 WHERE width = 1 AND {OF_BUCKETS}")

    with pytest.raises(DamagedError, match="expected numbers of events of 0 or more"):
        slos.registry["damaged"].internals.timeline()

    health = slos.registry.store.health()
    assert (health.is_up, health.errors) == (True, 0)


def test_a_damaged_slo_is_not_left_out_of_a_copy(slos: DamagedSLO, path: Path, tmp_path: Path) -> None:
    """A copy without it would look complete."""
    damage(path, f"UPDATE slo SET bad = -1 WHERE {OF_RECORD}")
    target = SQLiteBucketStore(tmp_path / "target.db", service="shop")

    with pytest.raises(StoreError, match="SLO 'damaged': what the store holds of it is damaged"):
        copy_store(SQLiteBucketStore(path, service="shop"), target)

    assert target.names() == []
    target.close()


RECORD = SLORecord("a", 1, 0, 0, 0, 0.0, None, 86_400, "{}", "f", None)


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, data_since=None),
        replace(RECORD, data_since=float("nan")),
        replace(RECORD, good=True),
        replace(RECORD, good=10**400),
        replace(RECORD, keeps_seconds=None),
        replace(RECORD, idle_seconds=float("inf")),
        replace(RECORD, definition_changed_at=10**400),
        replace(RECORD, last_event_at="9" * 1000),
    ],
)
def test_what_cannot_be_is_named_briefly(record: SLORecord) -> None:
    """Also what only a store of one's own may answer."""
    trouble = damage_in_record(record)

    assert trouble is not None
    assert len(trouble) < 120


def test_answers_that_are_whole_are_left_as_they_are() -> None:
    """Down to the limits of 64 bits, and before 1970."""
    whole = replace(RECORD, good=2**63 - 1, data_since=-1.5, last_event_at=-2, definition_changed_at=0)

    assert damage_in_record(whole) is None
    assert damage_in_sums(Stored(whole, (EventCounts(0, 2**63 - 1),)), 1) is None
    assert damage_in_sums(Stored(whole, ()), 1) == "expected the sums of 1 ranges, got 0"
    series = ([Increment(1, -1, 0, 1)], [])
    assert whole_series("a", series) is series
