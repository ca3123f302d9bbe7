"""What is failing: on the page of one SLO, and in its headline."""

from __future__ import annotations

import re

import pytest

from slo_core import InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.causes import Cause
from slo_core.budgets.notation import Notation, written_in
from slo_core.status_page.page import StatusPage
from status_page_text import LINKS, PageText


def shop(clock, *causes, burning=True):
    """An SLO that has been well for three days, then failed in so many ways for ten minutes."""
    registry = SLORegistry.from_config({"checkout": {"target": "99%"}}, clock=clock)
    tracker = registry["checkout"]
    clock.advance(days=3)
    for _ in range(10):
        for _ in range(100):
            tracker.record(True)
        for cause, bad in causes:
            for _ in range(bad):
                tracker.record(False) if cause is None else tracker.internals.record_cause(tracker, cause)
        clock.advance(minutes=1)
    if not burning:
        clock.advance(hours=80)
    return registry


DOWN = (Cause("POST /checkout/{id}", "503"), 42), (Cause("GET /cart", "TimeoutError"), 8)


def html_of(registry, **query):
    return StatusPage(registry).detail("checkout", query, links=LINKS).html


def rows_of(html):
    """The cells of each cause."""
    (table,) = re.findall('<table class="slo-table slo-cards slo-causes">.*?</table>', html)
    rows = re.findall("<tr><th scope=.row.>(.*?)</th>(.*?)</tr>", table)
    return [
        (PageText(name).text, *(PageText(cell).text for cell in re.findall("<td.*?</td>", cells)))
        for name, cells in rows
    ]


def test_the_causes_of_an_incident_have_their_shares(clock):
    """To the event: 420 and 80 of 500, and of a budget of 15."""
    html = html_of(shop(clock, *DOWN))

    assert rows_of(html) == [
        ("POST /checkout/{id} 503", "420", "84.0%", "2800.0%"),
        ("GET /cart TimeoutError", "80", "16.0%", "533.3%"),
    ]
    assert "500 of 1,500 events of the last hour were bad" in PageText(html).text


def test_the_headline_names_the_largest_while_something_burns(clock):
    """And the section stands right below it; when all is quiet again it stands below the rules, about the window."""
    burning = html_of(shop(clock, *DOWN))
    recovered = shop(clock, *DOWN, burning=False)
    for number in range(500):
        if number:
            recovered["checkout"].record_success()
        else:
            recovered["checkout"].record_failure(cause="charge_card")
    quiet = html_of(recovered)

    (headline,) = re.findall('<p class="slo-headline.*?</p>', burning)
    assert "Of the bad events of the last hour 84% are POST /checkout/{id} 503. " in PageText(headline).text
    assert burning.index("What is failing") < burning.index("<h2>Alerts</h2>")
    (headline,) = re.findall('<p class="slo-headline.*?</p>', quiet)
    assert "last hour" not in headline
    assert quiet.index("<h2>Alerts</h2>") < quiet.index("What is failing") < quiet.index("The past")
    assert "501 of 2,000 events of the last 30d were bad" in PageText(quiet).text


def test_another_span_is_a_link(clock):
    """Which keeps the range of the charts, as that one's links keep the span; a wrong one is shown as no other."""
    registry = shop(clock, *DOWN)

    html = html_of(registry, range="6h", causes="1d")

    assert "500 of 1,500 events of the last day were bad" in PageText(html).text
    assert 'href="slo?slo=checkout&amp;range=6h&amp;causes=6h"' in html
    assert 'href="slo?slo=checkout&amp;range=3d&amp;causes=1d"' in html
    wrong = html_of(registry, causes="1y")
    assert "In the address, causes: expected one of 1h, 6h, 1d, window" in PageText(wrong).text
    assert "of the last hour were bad" in wrong


def test_nothing_bad_is_one_sentence(clock):
    """And no table."""
    html = html_of(shop(clock))

    assert "No bad event in the last 30d (counted from " in PageText(html).text
    assert "slo-causes" not in html


def test_what_is_not_known_says_why(clock):
    """Events that were recorded without a cause."""
    ((name, bad, _, _),) = rows_of(html_of(shop(clock, (None, 3))))

    assert name.startswith("not known")
    assert "recorded without a cause" in name
    assert bad == "30"


def test_lower_bounds_and_the_smaller_ones(clock):
    """Ten rows at most; "at least" is explained where it stands, and what is left out is in the JSON."""
    html = html_of(shop(clock, *((Cause(f"GET /{number}", "503"), 40 - number) for number in range(40))))

    rows = rows_of(html)
    assert len(rows) == 10
    assert rows[0][:3] == ("GET /0 503", "at least 400", "at least 4.8%")
    assert rows[5][:3] == ("other places 503", "360", "4.3%")
    text = PageText(html).text
    assert "At least: so many causes came" in text
    assert re.search(r"And [\d,]+ of 23 smaller causes: see the JSON", text)


def test_causes_are_text_and_never_markup(clock):
    """Whatever an application calls them."""
    cause = Cause("<script>alert(1)</script>", "<b>")

    html = html_of(shop(clock, (cause, 50)))

    assert "<script>" not in html
    assert "<b>" not in html
    assert rows_of(html)[0][0] == "<script>alert(1)</script> <b>"


def test_numbers_are_written_as_the_reader_does(clock):
    """In the table, the summary and the headline; names are left alone."""
    registry = shop(clock, (Cause("GET /v1.5", "503"), 150))

    with written_in(Notation(",", ".", str)):
        html = html_of(registry)

    assert rows_of(html)[0][:3] == ("GET /v1.5 503", "1.500", "100,0%")
    assert "1.500 of 2.500 events" in PageText(html).text


@pytest.mark.parametrize("query", [{}, {"causes": "1h"}])
def test_a_store_that_keeps_none_has_one_sentence(clock, query):
    """A store of the user's."""
    registry = SLORegistry(clock=clock)
    registry.add(SLOTracker(SLODefinition("checkout", 0.9), store=InMemoryStore(60 * 86_400), clock=clock))
    registry["checkout"].record_failure()

    assert "No causes to show: its store keeps no causes." in PageText(html_of(registry, **query)).text
