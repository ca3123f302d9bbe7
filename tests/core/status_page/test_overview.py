"""The list of SLOs: its order, its filters, and what stands in a row."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.alerts import AlertState
from slo_core.budgets.burn_rate import sample
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.objectives.target import Target
from slo_core.status_page.overview import burn_list
from slo_core.status_page.page import StatusPage
from status_page_text import LINKS, PageText, registry_of_states


def overview(registry, **query):
    return PageText(StatusPage(registry).overview(query, links=LINKS).html)


def test_the_worst_comes_first(clock):
    """What is in trouble is on top, without a click."""
    assert overview(registry_of_states(clock)).names == ["breached", "exhausted", "quiet", "met"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["breached", "exhausted", "met", "quiet"]),
        ("-name", ["quiet", "met", "exhausted", "breached"]),
        ("budget", ["breached", "exhausted", "met", "quiet"]),
        ("success", ["breached", "exhausted", "met", "quiet"]),
        ("nonsense", ["breached", "exhausted", "quiet", "met"]),
    ],
)
def test_every_column_sorts(clock, sort, names):
    """Either way round; what is no column sorts by state."""
    assert overview(registry_of_states(clock), sort=sort).names == names


@pytest.mark.parametrize(
    "column", ["name", "now", "state", "target", "success", "budget", "burn", "exhausted", "events", "fed"]
)
def test_no_column_breaks_the_list(clock, column):
    """With SLOs of every state in it."""
    assert len(overview(registry_of_states(clock), sort=column).names) == 4
    assert len(overview(registry_of_states(clock), sort=f"-{column}").names) == 4


def test_one_state_can_be_picked(clock):
    """And the others are a link away, with their counts."""
    page = overview(registry_of_states(clock), state="breached")

    assert page.names == ["breached"]
    assert "all 4" in page.text
    assert "met 1" in page.text


def test_a_row_says_everything(clock):
    """Two of ten failed where one may: the budget is overspent by as much again."""
    registry = registry_of_states(
        clock,
        description="Every page answers.",
        alert_rules=[
            {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 2},
        ],
    )
    clock.advance(seconds=600)
    registry["breached"].record(False)
    registry["breached"].record(False)

    text = overview(registry, state="breached").text

    for part in (
        "Every page answers.",
        "90.0%",
        "66.66%",
        "-233.4%",
        "1h 3.3x of 2",
        "page 1h/5m",
        "gone",
        "12",
        "4 bad",
    ):
        assert part in text, part
    assert "3 of 30 days measured" in text


def test_a_month_that_is_measured_from_its_first_on_is_not_called_partly_measured(clock):
    """Only what is missing of the month so far is told: on 11 January ten days of 31, measured or not."""
    clock.advance(seconds=datetime(2025, 12, 25, tzinfo=UTC).timestamp() - clock())
    whole = registry_of_states(clock, names=("met",), window="month")
    clock.advance(days=9)  # 3 January
    partly = registry_of_states(clock, names=("met",), window="month")
    clock.advance(days=8)

    assert "measured" not in overview(whole).text
    assert "8 of 31 days measured" in overview(partly).text
    assert "10 of 31 days" in PageText(StatusPage(whole).detail("met", {}, links=LINKS).html).text


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("name", "ascending"),
        ("success", "ascending"),
        ("target", "descending"),
        ("burn", "descending"),
        ("now", "ascending"),
        ("events", "descending"),
    ],
)
def test_the_order_is_told_as_it_is(clock, column, order):
    """To those who cannot see it: some columns begin with the biggest, and turned round with the smallest."""
    page = StatusPage(registry_of_states(clock))
    turned = {"ascending": "descending", "descending": "ascending"}[order]

    for sort, shown in ((column, order), (f"-{column}", turned)):
        assert re.findall('aria-sort="([a-z]+)"', page.overview({"sort": sort}, links=LINKS).html) == [shown]


def test_a_window_stands_out_exactly_where_its_rule_would_fire():
    """One event short of a burn rate of 14.4 is below it, even where floats no longer tell them apart."""

    def stands_out(bad):
        window = sample(3600, EventCounts(10**20 - bad, bad), Target(0.999))
        snapshot = SLOSnapshot(
            "a", 0.999, 86_400, 0, 0, 1.0, 1.0, 0.0, alerts=(AlertState("page", 14.4, window, window, is_firing=False),)
        )
        return burn_list(snapshot).find(".//strong") is not None

    assert stands_out(144 * 10**16)
    assert not stands_out(144 * 10**16 - 1)


def burning(clock) -> SLORegistry:
    """One that was breached weeks ago and is quiet, one whose new rule still waits, and one that pages."""
    registry = SLORegistry.from_config(
        {
            "aged": {"target": "99%", "labels": {"team": "search"}},
            "new": {"target": "99%", "labels": {"team": "search"}, "runbook": "https://wiki.example/new"},
            "paging": {"target": "99%", "labels": {"team": "shop"}},
        },
        clock=clock,
    )
    for number in range(100):
        registry["aged"].record(number > 20)
    registry["paging"].record(True)
    clock.advance(days=20)
    for number in range(100):
        registry["paging"].record(number > 50)
    return registry


def test_what_pages_comes_before_what_was_spent_long_ago(clock):
    """Who must act now? The title of the window says how many."""
    content = StatusPage(burning(clock)).overview({}, links=LINKS)

    assert PageText(content.html).names == ["paging", "aged", "new"]
    assert (content.news, content.icon) == ("1 paging", "slo-paging.svg")
    assert "paging 1" in PageText(content.html).text
    assert overview(burning(clock), state="paging").names == ["paging"]


def test_a_rule_that_waits_says_why_in_the_list(clock):
    """Above what was spent long ago, and below what fires."""
    registry = burning(clock)
    fresh = registry.define(SLODefinition("fresh", 0.99))
    for _ in range(10):
        fresh.record_failure()
    clock.advance(seconds=60)

    page = overview(registry)

    assert page.names[:2] == ["paging", "fresh"]
    assert "page 1h/5m: measured 1m of 5m" in page.text


def test_labels_filter_the_list(clock):
    """Those of a team, with the counts of its states; what is no label of any SLO filters nothing."""
    registry = burning(clock)

    page = overview(registry, label="team=search")

    assert page.names == ["aged", "new"]
    assert "all 2" in page.text
    assert overview(registry, label="team=nobody").names == ["paging", "aged", "new"]
    assert 'href="https://wiki.example/new"' in StatusPage(registry).overview({}, links=LINKS).html


def test_the_last_day_is_a_line_of_bars(clock):
    """Failures of half an hour are a bar: as high as they burn, two pixels at least; where nothing happened there is a gap."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    start = clock() - clock() % 1800
    clock.advance(seconds=start + 86_400 - clock())
    for hours, bad in ((20.25, 1), (10.25, 100)):
        for number in range(1000):
            registry["a"].record(number >= bad, at=clock() - hours * 3600)

    html = StatusPage(registry).overview({}, links=LINKS).html

    assert "last 24 h: at worst 10.0x in half an hour" in html
    # Bars of two units: from the right, 48 of them.
    assert re.findall(r'd="(M[^"]+)"', html) == ["M12 20h2M52 20h2", "M13 20v-2", "M53 20v-14"]


def test_without_an_event_there_is_no_rate_and_no_last_one(clock):
    """As in the terminal: a dash, not a rate of 0.0 nor a "never". The list names a service that has a name."""
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("quiet", 0.999))
    named = StatusPage(SLORegistry(service="shop", clock=clock))
    text = overview(registry).text

    assert "1h - of 14.4" in text
    assert "last -" in text
    assert StatusPage(registry).overview({}, links=LINKS).title == "Service level objectives"
    assert named.overview({}, links=LINKS).title == "Service level objectives of shop"
