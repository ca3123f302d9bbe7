"""The README's tables of `/slo.json` name what is in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from faulty_store import FaultyStore
from slo_core import SLORegistry
from slo_core.budgets.alerts import Waiting
from slo_core.status_page.view import StatusView
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
# Of each line, by what stands in its first cell, the names in the second one.
LINES = {
    heading: set(re.findall(r"`([a-z][a-z_0-9]*)(?:\[\])?`", text))
    for heading, text in re.findall(
        r"^\| (.+?) \| (.*) \|$", README.partition("`/slo.json` is the same")[2], re.MULTILINE
    )
}


@pytest.fixture
def faulty(tmp_path: Path) -> FaultyStore:
    """A store that can be told to fail."""
    return FaultyStore(SQLiteBucketStore(tmp_path / "slo.db", service="shop", clock=FakeClock()))


@pytest.fixture
def registry(faulty: FaultyStore) -> SLORegistry:
    """One SLO."""
    clock = FakeClock()
    store = WriteBehindStore(faulty, clock=clock, monotonic=clock)
    return SLORegistry.from_config({"a": {"target": 0.9}}, store=store, service="shop", clock=clock)


@pytest.fixture
def view(registry: SLORegistry) -> StatusView:
    """A service with one SLO."""
    return StatusView(registry, path="/slo")


def document_of(view: StatusView, query: str) -> tuple[int, dict[str, Any]]:
    answer = view.respond_json("GET", query=query)
    return answer.status, json.loads(answer.body)


def test_every_key_has_its_place_in_the_table(view: StatusView) -> None:
    """And no other is named."""
    _, document = document_of(view, "slo=a&range=6h")

    (slo,) = document["slos"]
    assert LINES["`slos[]`"] == slo.keys() - {"windows", "alerts"}
    assert LINES["`slos[].windows[]`"] == slo["windows"][0].keys()
    assert LINES["`slos[].alerts[]`"] == slo["alerts"][0].keys()
    assert LINES["`slos[].alerts[].waiting`"] == set(Waiting._fields)
    assert LINES["`store`"] == document["store"].keys()
    history = document["history"]
    assert LINES["`history`, with `?slo=NAME&range=6h`"] == history.keys() | history["burn_rates"][0].keys() - {
        "burn_rate"
    }
    assert document.keys() == {
        "version", "service", "note", "store", "slos", "history", "marks", "burn_began_after", "last_release", "causes",
        "cause_spans", "causes_note", "incidents", "incidents_note", "latency", "latency_note", "recent_failures",
    }  # fmt: skip
    assert "`version`, `service`, `note`" in LINES


def test_causes_have_their_keys_in_the_table(view: StatusView, registry: SLORegistry) -> None:
    """For each of four spans, of an event that was recorded with its cause."""
    registry["a"].record_failure(cause="charge_card")

    _, document = document_of(view, "slo=a")

    assert document["causes"].keys() == document["cause_spans"].keys() == {"1h", "6h", "1d", "window"}
    for span in ("1h", "6h", "1d", "window"):
        (cause,) = document["causes"][span]
        assert LINES["`causes`, with `?slo=NAME`"] == cause.keys()
        assert LINES["`cause_spans`, with `?slo=NAME`"] == document["cause_spans"][span].keys()
        assert cause == {
            "where": "charge_card", "outcome": "failed", "bad": 1, "share": 1.0, "is_lower_bound": False,
        }  # fmt: skip
    assert document["causes_note"] is None
    assert "`causes_note`" in LINES


def test_recent_failures_have_their_keys_in_the_table(view: StatusView, registry: SLORegistry) -> None:
    """Also one of which little is known."""
    registry["a"].record_failure()

    _, document = document_of(view, "slo=a")

    failure = document["recent_failures"][0]
    assert LINES["`recent_failures[]`, with `?slo=NAME`"] == failure.keys()
    assert (failure["where"], failure["outcome"], failure["trace_id"]) == (None, "unknown", None)


def test_latencies_have_their_keys_in_the_table() -> None:
    """For each of four spans; null for an SLO without a threshold."""
    registry = SLORegistry.from_config(
        {"a": {"target": 0.9, "latency": "300ms"}, "b": {"target": 0.9}}, clock=FakeClock()
    )
    view = StatusView(registry, path="/slo")

    _, document = document_of(view, "slo=a")
    _, without = document_of(view, "slo=b")

    assert document["latency"].keys() == {"1h", "6h", "1d", "window"}
    assert LINES["`latency`, with `?slo=NAME`"] == document["latency"]["1h"].keys()
    assert (document["latency_note"], without["latency"], without["latency_note"]) == (None, None, None)
    assert "`latency_note`" in LINES


def test_what_changed_has_its_keys_in_the_table() -> None:
    """A release two minutes before everything fails."""
    clock = FakeClock()
    registry = SLORegistry.from_config({"a": {"target": 0.9}}, clock=clock)
    for minute in range(60):
        registry["a"].record(minute < 30)
        clock.advance(minutes=1)
    registry.annotate("4.2", kind="release", at=clock() - 1_740)
    document = json.loads(StatusView(registry, path="/slo").respond_json("GET", query="slo=a").body)

    release = document["last_release"]
    assert LINES["`marks[]`, with `?slo=NAME`"] == document["marks"][0].keys()
    assert LINES["`burn_began_after`, with `?slo=NAME`"] == document["burn_began_after"].keys()
    assert (
        LINES["`last_release`, with `?slo=NAME`"] == release.keys() | release["after"].keys() | release["before"].keys()
    )


def test_incidents_have_their_keys_in_the_table() -> None:
    """A service that fails for half an hour after a deploy."""
    clock = FakeClock()
    registry = SLORegistry.from_config({"a": {"target": 0.99}}, clock=clock)
    for minute in range(90):
        registry["a"].record(minute < 60)
        clock.advance(minutes=1)
    registry.annotate("7", kind="deploy", at=clock() - 1_800)
    document = json.loads(StatusView(registry, path="/slo").respond_json("GET", query="slo=a").body)

    incident = document["incidents"][0]
    assert LINES["`incidents[]`, with `?slo=NAME`"] == incident.keys()
    assert LINES["`causes`, with `?slo=NAME`"] == incident["causes"][0].keys()
    assert LINES["`marks[]`, with `?slo=NAME`"] == incident["marks"][0].keys()
    assert (incident["end"], document["incidents_note"]) == (None, None)
    assert "`incidents_note`" in LINES


def test_what_an_error_looks_like_is_told(view: StatusView, faulty: FaultyStore) -> None:
    """503 while the store is away, 404 for an SLO that is not there."""
    status, unknown = document_of(view, "slo=nobody")
    assert status == 404
    assert LINES["404"] == unknown.keys()

    faulty.fails = "before"
    status, away = document_of(view, "")
    assert status == 503
    assert LINES["503"] - {"is_up"} == away.keys()
    assert away["store"]["is_up"] is False
