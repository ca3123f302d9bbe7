"""The page of one SLO."""

from __future__ import annotations

import re

from slo_core import InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.status_page.page import StatusPage
from status_page_text import LINKS, PageText, registry_of_states


def test_the_page_of_an_slo_has_everything_without_a_script(clock):
    """Numbers, definition, store, history, alerts, and what to look for in Prometheus."""
    registry = registry_of_states(clock, routes=["/checkout/*"], runbook="https://wiki.example/checkout")

    text = PageText(StatusPage(registry).detail("breached", {"range": "6h"}, links=LINKS).html).text

    for part in (
        "2 of 1.0 allowed",
        "-100.0%",
        "/checkout/*",
        "https://wiki.example/checkout",
        "counts of one process",
        "The charts as a table",
        "Fires at",
        'slo_error_budget_remaining{slo="breached"}',
        "3 of 30 days",
    ):
        assert part in text, part


def test_a_window_that_is_not_whole_says_since_when_its_counts_are_kept(clock):
    """A store of the user's that was trimmed: the page shows a part of the window, and says so."""
    store = InMemoryStore(60 * 86_400)
    tracker = SLOTracker(SLODefinition("a", 0.9), store=store, clock=clock)
    tracker.record_success()
    clock.advance(days=40)
    tracker.record_success()
    registry = SLORegistry(clock=clock)
    registry.add(tracker)
    whole = PageText(StatusPage(registry).detail("a", {}, links=LINKS).html).text
    store.trim(clock() - 5 * 86_400)

    part = PageText(StatusPage(registry).detail("a", {}, links=LINKS).html).text

    assert "Counts kept since" in part
    assert "Counts kept since" not in whole


def is_good(status, exception):
    """What a project may write itself."""
    return status < 400


def defined(clock, **options):
    """What the page of an SLO says of its definition, by label."""
    registry = SLORegistry.from_config({"a": {"target": "90%", **options}}, clock=clock)
    html = StatusPage(registry).detail("a", {}, links=LINKS).html
    (section,) = re.findall("<h2>Definition</h2>(.*?)</section>", html)
    return dict(re.findall("<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", section))


def test_the_definition_is_shown_as_configured(clock):
    """All that decides what is counted, where it is not as usual."""
    definition = defined(
        clock,
        latency="300ms",
        latency_failures="ignore",
        client_disconnect="bad",
        unmatched=True,
        burn_rate_windows=[1800, 7200],
        burn_rate_threshold=0.5 + 2,
    )

    assert definition["Failed responses"] == "ignore"
    assert definition["Client went away"] == "bad"
    assert definition["Unmatched requests"] == "are counted"
    assert definition["Burn windows"] == "30m, 2h"
    assert definition["Burn threshold"] == "2.5x"
    usual = defined(clock, latency="300ms")
    labels = ("Failed responses", "Client went away", "Unmatched requests", "Burn windows", "Burn threshold")
    assert not usual.keys() & set(labels)


def test_what_classifies_stands_in_place_of_statuses(clock):
    """They do not count then."""
    definition = defined(clock, classify=is_good)

    assert definition["Classified by"] == f"{__name__}.is_good"
    assert "Bad statuses" not in definition
    assert defined(clock)["Bad statuses"] == "5xx"


def test_a_factor_is_shown_as_it_was_written(clock):
    """A quarter is not two tenths."""
    rule = {"long_window": "1d", "short_window": "2h", "severity": "ticket", "burn_rate": 0.25}
    registry = SLORegistry.from_config({"a": {"target": "90%", "alert_rules": [rule]}}, clock=clock)

    assert '<td data-label="Fires at">0.25x<p>' in StatusPage(registry).detail("a", {}, links=LINKS).html


def test_a_script_is_no_runbook(clock):
    """Only addresses of the web become links."""
    registry = SLORegistry.from_config({"a": {"target": "99%", "runbook": "javascript:alert(1)"}}, clock=clock)

    html = StatusPage(registry).detail("a", {}, links=LINKS).html

    assert "javascript:alert(1)" in html
    assert 'href="javascript' not in html
