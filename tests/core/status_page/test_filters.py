"""The filters above the list: what they show, and that they hide nothing that fires without a word."""

from __future__ import annotations

import re

import pytest

from slo_core import SLORegistry
from slo_core.status_page.page import StatusPage
from slo_core.status_page.query import PageQuery
from status_page_text import LINKS, PageText

LABELS = {
    "cart": {"team": "payments", "tier": "1"},
    "checkout": {"team": "payments", "tier": "2"},
    "search": {"team": "search", "tier": "1"},
    "browse": {"team": "web", "tier": "1"},
}


@pytest.fixture
def page(clock):
    """Four SLOs, of which search pages."""
    clock.now -= 86_400
    registry = SLORegistry.from_config(
        {name: {"target": "99%", "labels": labels} for name, labels in LABELS.items()}, clock=clock
    )
    clock.now += 86_400
    for tracker in registry:
        for number in range(100):
            tracker.record(tracker.name != "search" or number % 2 == 0)
    return StatusPage(registry)


def html_of(page, query):
    return page.overview(PageQuery(query), links=LINKS).html


def links_of(html):
    return {
        text: address.replace("&amp;", "&") for address, text in re.findall(r'<a href="([^"]*)"[^>]*>([^<]*)</a>', html)
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("label=team%3Dpayments&label=tier%3D1", ["cart"]),
        ("label=team%3Dpayments&label=team%3Dweb", ["browse", "cart", "checkout"]),
        ("label=team%3Dpayments&label=team%3Dsearch&label=tier%3D1", ["cart", "search"]),
        ("label=tier%3D1&state=paging", ["search"]),
        ("label=tier%3D1&sort=-name", ["search", "cart", "browse"]),
    ],
)
def test_filters_combine(page, query, names):
    """Of one label's values any, of several labels each; and the state and the order with them."""
    shown = PageText(html_of(page, query)).names

    assert (shown if "sort" in query else sorted(shown)) == names


def test_a_label_that_no_slo_has_is_named(page):
    """With the nearest one; the others filter all the same."""
    html = html_of(page, "label=tier%3D1&label=team%3Dpayment")

    assert "expected a label of an SLO, got 'team=payment'; did you mean \"team=payments\"?" in html
    assert sorted(PageText(html).names) == ["browse", "cart", "search"]


def test_what_pages_outside_a_filter_is_said(page):
    """With how many are hidden, a way to see the one that pages, and one to see all."""
    html = html_of(page, "label=team%3Dpayments")

    assert "2 of 4 SLOs." in html
    assert "outside this filter" in html
    assert links_of(html)["1 more is paging"] == "slo?state=paging"
    assert links_of(html)["Show all"] == "slo"
    assert "outside" not in html_of(page, "label=team%3Dsearch")
    assert "Show all" not in html_of(page, "")


def test_links_keep_the_filter(page):
    """Those of states, labels, columns and rows; a second click on a label lets it go."""
    links = links_of(html_of(page, "label=team%3Dpayments&sort=name"))

    assert links["met 2"] == "slo?state=met&label=team%3Dpayments&sort=name"
    assert links["team=payments"] == "slo?sort=name"
    assert links["tier=1"] == "slo?label=team%3Dpayments&label=tier%3D1&sort=name"
    assert links["Events"] == "slo?label=team%3Dpayments&sort=events"
