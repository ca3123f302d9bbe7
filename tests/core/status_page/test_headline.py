"""The first sentences on the page of an SLO: what is failing, since when, is anybody being woken."""

from __future__ import annotations

import re
from datetime import datetime

import pytest

from slo_core import SLORegistry
from slo_core.status_page.headline import duration_text
from slo_core.status_page.page import StatusPage
from slo_core.testing import FakeClock
from status_page_text import LINKS, PageText


def of(registry: SLORegistry) -> str:
    """The sentences on the page of its only SLO."""
    page = StatusPage(registry).detail("a", {}, links=LINKS).html
    (sentences,) = re.findall(r'<p class="slo-headline[^"]*">.*?</p>', page)
    return PageText(sentences).text.strip()


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """One SLO of 99 %, measured for a day without a failure, ten events a minute."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    for _ in range(1440):
        record(registry, clock, good=10)
    return registry


def record(registry: SLORegistry, clock: FakeClock, *, good: int = 0, bad: int = 0) -> None:
    """A minute of events."""
    for number in range(good + bad):
        registry["a"].record(number < good)
    clock.advance(seconds=60)


def test_an_incident_is_told_with_its_age_its_failures_and_its_budget(registry: SLORegistry, clock: FakeClock) -> None:
    """Half fails for 20 minutes: the page's rule (14.4) reached its long window after 18 of them."""
    for _ in range(20):
        record(registry, clock, good=5, bad=5)

    assert of(registry) == (
        "Paging for 2m: 25 of the 50 events of the last 5m failed (50%), 50.0x the allowed rate. "
        "31.5% of the budget is left, and gone in 27m36s at this pace."
    )


def test_a_steady_rate_of_less_than_1_has_no_end(clock: FakeClock) -> None:
    """One of 112 where one of 100 may fail, for ten days: a tenth of the budget is left, and stays."""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    for _ in range(288):
        for number in range(112):
            registry["a"].record(number > 0)
        clock.advance(minutes=50)

    assert registry["a"].snapshot().time_to_exhaustion == pytest.approx(34.56 * 3600)
    assert of(registry) == "No alert fires. 10.7% of the budget is left."
    assert "gone in" not in StatusPage(registry).overview({}, links=LINKS).html


@pytest.mark.parametrize(
    ("seconds", "within", "text"),
    [
        (40, 1, "40s"),
        (40, 36, "about 1m"),
        (0, 60, "about 1m"),
        (780, 36, "13m"),
        (3900, 60, "1h5m"),
        (3900, 900, "about 1h5m"),
    ],
)
def test_a_duration_claims_no_more_than_is_known(seconds: int, within: int, text: str) -> None:
    """Seconds where the begin is known to the second, minutes where it is known to the minute."""
    assert duration_text(seconds, within) == text


def test_a_budget_that_is_gone_says_since_when(registry: SLORegistry, clock: FakeClock) -> None:
    """146 of 14,600 events may fail; five a minute do from the start of the incident on: the 30th minute spends them."""
    clock.advance(days=3)
    began = clock()
    for _ in range(40):
        record(registry, clock, good=5, bad=5)

    sentence = of(registry)

    assert "The budget is gone since " in sentence
    assert "give or take" not in sentence
    assert "200 bad events where 148.0 are allowed." in sentence
    html = StatusPage(registry).detail("a", {}, links=LINKS).html
    (gone,) = re.findall(r'slo-headline.*?gone since <time datetime="([^"]+)"', html)
    assert 29 * 60 <= datetime.fromisoformat(gone).timestamp() - began <= 31 * 60
    clock.advance(hours=2)
    assert ", give or take 1m: 200 bad events" in of(registry)


def test_a_rule_that_waits_is_told_before_it_fires(clock: FakeClock) -> None:
    """A new service that fails all requests: why does no alert fire?"""
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    record(registry, clock, bad=10)

    assert of(registry).startswith(
        "Failing: 10 of the 10 events of the last 5m failed (100%), 100.0x the allowed rate. "
        "page 1h/5m does not fire yet: measured 1m of 5m."
    )


def test_what_is_quiet_says_so(registry: SLORegistry, clock: FakeClock) -> None:
    """With what is left, whether anything ever happened or not."""
    assert of(registry) == "No alert fires. 100.0% of the budget is left."
    assert of(SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)) == "No events. The last 30d hold none."


def test_the_charts_begin_with_a_range_that_shows_what_happens(registry: SLORegistry, clock: FakeClock) -> None:
    """All that was measured; the last hour while a rule fires or waits; and any range that is asked for."""
    page = StatusPage(registry)

    def shown(**query: str) -> list[str]:
        _, _, past = page.detail("a", query, links=LINKS).html.partition('aria-label="Time range"')
        return re.findall(r'aria-current="true"[^>]*>([^<]+)<', past)

    assert shown() == ["1d"]
    assert shown(range="7d") == ["7d"]
    for _ in range(20):
        record(registry, clock, good=5, bad=5)
    assert shown() == ["1h"]
