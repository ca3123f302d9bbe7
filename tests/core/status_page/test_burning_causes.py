"""What fails in the rows of the list."""

from __future__ import annotations

import pytest

from slo_core import SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.errors import StoreError
from slo_core.status_page.markup import html_of, timestamp
from slo_core.status_page.page import StatusPage
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from status_page_text import LINKS, PageText


@pytest.fixture
def fleet(clock, tmp_path):
    """Twenty SLOs of a shared store, and what is asked of it."""
    buckets = SQLiteBucketStore(tmp_path / "slo.db", service="shop", clock=clock)
    store = WriteBehindStore(buckets, clock=clock, monotonic=clock)
    config = {f"slo-{number}": {"target": "99%"} for number in range(20)}
    with SLORegistry.from_config(config, store=store, service="shop", clock=clock) as registry:
        for tracker in registry:
            for _ in range(100):
                tracker.record(True)
        clock.advance(minutes=6)
        registry.flush()
        yield registry, buckets


def fail(registry, *names):
    for name in names:
        tracker = registry[name]
        for _ in range(90):
            tracker.internals.record_cause(tracker, Cause(f"GET /{name}", "503"))
        for _ in range(10):
            tracker.record(False)


@pytest.fixture
def reads(fleet, monkeypatch):
    """An entry for each read of causes."""
    _, buckets = fleet
    done = []
    read = type(buckets).read_causes
    monkeypatch.setattr(type(buckets), "read_causes", lambda *args: done.append(args) or read(*args))
    return done


def test_a_quiet_list_does_not_ask_for_causes(fleet, reads):
    """Not one statement more, however long it is."""
    registry, _ = fleet

    html = StatusPage(registry).overview({}, links=LINKS).html

    assert html.count("<tr data-slo=") == 20
    assert reads == []


def test_what_burns_has_its_largest_cause_in_its_row(fleet, reads):
    """One read for all that burn."""
    registry, _ = fleet
    fail(registry, "slo-3", "slo-7")

    text = PageText(StatusPage(registry).overview({}, links=LINKS).html).text

    assert "90% GET /slo-3 503" in text
    assert "90% GET /slo-7 503" in text
    assert text.count(" 503") == 2
    assert len(reads) == 1


@pytest.mark.parametrize("error", [StoreError("away"), ValueError("a user's store")])
def test_causes_that_cannot_be_read_hide_no_number(fleet, monkeypatch, error):
    """The rows are there all the same."""
    registry, buckets = fleet
    fail(registry, "slo-3")

    def away(*_):
        raise error

    monkeypatch.setattr(type(buckets), "read_causes", away)

    text = PageText(StatusPage(registry).overview({}, links=LINKS).html).text

    assert "paging" in text
    assert " 503" not in text


def test_the_row_says_since_when(fleet):
    """To five minutes; an empty one between is no break. "Or earlier" where the hour begins with it; none once it is over."""
    registry, _ = fleet
    clock = registry["slo-3"].internals.clock

    def text():
        registry.flush()
        return PageText(StatusPage(registry).overview({}, links=LINKS).html).text

    fail(registry, "slo-7")  # once, long before it fails in earnest
    start = clock()
    for minutes in range(0, 31, 10):
        clock.advance(minutes=10 if minutes else 0)
        fail(registry, "slo-3")
    fail(registry, "slo-7")

    assert f"90% GET /slo-3 503 since {moment(start // 300 * 300)}" in text()
    assert f"90% GET /slo-7 503 since {moment(clock() // 300 * 300)}" in text()
    for _ in range(6):
        clock.advance(minutes=10)
        fail(registry, "slo-3")
    assert " or earlier" in text()
    clock.advance(minutes=18)
    assert "GET /slo-3 503 since" not in text()


def moment(at):
    return PageText(html_of(timestamp(at))).text
