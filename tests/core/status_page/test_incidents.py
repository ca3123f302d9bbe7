"""Incidents on the page of one SLO and in its JSON; and in the list over all SLOs."""

from __future__ import annotations

import re

import pytest

from slo_core import AlertRule, SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.status_page.page import StatusPage
from slo_core.testing import FakeClock
from status_page_text import LINKS, PageText

RULES = (AlertRule("10m", "2m", severity="page", burn_rate=10), AlertRule("20m", "4m", severity="page", burn_rate=6))
CAUSE = Cause("POST /<b>/{id}", "503")


def shop(clock: FakeClock, *, quiet_minutes: int = 0) -> SLORegistry:
    """Two SLOs, of which `checkout` has failed for five minutes after a deploy."""
    clock.now = 1_800_000_000.0
    registry = SLORegistry(clock=clock)
    for name in ("checkout", "search"):
        registry.define(SLODefinition(name, 0.99, alert_rules=RULES))
    for minute in range(40 + quiet_minutes):
        if minute == 30:
            registry.annotate("blue <i>", kind="deploy")
        for name in ("checkout", "search"):
            tracker = registry[name]
            for number in range(10):
                is_bad = name == "checkout" and 32 <= minute < 40 and number < 8
                tracker.internals.record_cause(tracker, CAUSE) if is_bad else tracker.record(True)
        clock.advance(60)
    return registry


def rows_of(html: str) -> list[list[str]]:
    (table,) = re.findall('<table class="slo-table slo-cards slo-incidents">.*?</table>', html)
    rows = re.findall("<tr>(<th scope=.row.>.*?)</tr>", table)
    return [[PageText(cell).text for cell in re.findall("<t[dh].*?</t[dh]>", row)] for row in rows]


def test_an_incident_stands_on_the_page_of_its_slo(clock: FakeClock) -> None:
    """While it lasts and afterwards, both rules as one; names and marks are text."""
    html = StatusPage(shop(clock)).detail("checkout", {}, links=LINKS).html
    ((start, lasted, *cells),) = rows_of(html)
    assert "08:34" in start
    assert lasted == "6m so far"
    assert cells == ["page 10m/2m, 20m/4m", "64", "1600.0%", "100% POST /<b>/{id} 503", "deploy blue <i>"]
    assert "<i>" not in html
    assert "<b>" not in html

    html = StatusPage(shop(clock, quiet_minutes=60)).detail("checkout", {}, links=LINKS).html
    ((_, lasted, *cells),) = rows_of(html)
    assert "so far" not in lasted
    assert cells[0] == "page 10m/2m, 20m/4m"


def test_without_incidents_the_page_says_so(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what is kept cannot be read: the numbers are shown all the same."""
    registry = shop(clock)
    page = StatusPage(registry)
    assert "No alert rule has fired." in page.detail("search", {}, links=LINKS).html

    def refuse(since: float) -> None:
        raise OSError("secret")

    monkeypatch.setattr("slo_core.stores.memory.store.MemoryLedger.episodes", lambda *_: refuse(0))
    html = page.detail("search", {}, links=LINKS).html
    assert "No incidents to show: they cannot be read: unexpected OSError" in html
    assert page.json_view({"slo": "search"})["incidents"] == []
    assert "OSError" in page.json_view({"slo": "search"})["incidents_note"]


def test_the_json_has_an_entry_for_each_rule(clock: FakeClock) -> None:
    """The newest first, with its causes and marks."""
    view = StatusPage(shop(clock)).json_view({"slo": "checkout"})

    entries = view["incidents"]
    assert [(each["long_window_seconds"], each["end"], each["bad"]) for each in entries] == [
        (600, None, 64),
        (1200, None, 64),
    ]
    assert entries[0]["causes"][0]["where"] == CAUSE.where
    assert entries[0]["marks"] == [{"at": 1_800_001_800.0, "kind": "deploy", "text": "blue <i>"}]
    assert view["incidents_note"] is None


def test_the_list_shows_the_incidents_of_all_slos(clock: FakeClock) -> None:
    """It is linked from the list of SLOs; what is not understood is named."""
    page = StatusPage(shop(clock))
    assert "incidents=30d" in page.overview({}, links=LINKS).html

    content = page.overview({"incidents": "1d"}, links=LINKS)

    assert content.title == "Incidents"
    ((name, _, lasted, *_rest),) = rows_of(content.html)
    assert (name, lasted) == ("checkout", "6m so far")
    assert "expected one of 1d, 7d, 30d, all" in page.overview({"incidents": "2y"}, links=LINKS).html
