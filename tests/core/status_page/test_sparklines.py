"""The last day of each SLO on the list: what a line shows, and that it costs the numbers nothing."""

from __future__ import annotations

import re

import pytest

from fleet_memory import FleetMemory
from slo_core import SLORegistry
from slo_core.budgets.notation import Notation, written_in
from slo_core.budgets.wording import burn_text
from slo_core.errors import StoreError
from slo_core.status_page.page import StatusPage
from status_page_text import LINKS, PageText


def fleet(clock):
    registry = SLORegistry.from_config(
        {name: {"target": "99%"} for name in "abc"}, store=FleetMemory(clock=clock), clock=clock
    )
    for tracker in registry:
        for number in range(100):
            tracker.record(number >= 10, at=clock() - 7200)
    return registry


@pytest.mark.parametrize(
    ("bad", "height", "class_"),
    [(1, 2, "allowed"), (2, 3, "failures"), (10, 14, "failures"), (15, 20, "failures"), (100, 20, "failures")],
)
def test_a_bar_is_as_high_as_its_half_hour_burned(clock, bad, height, class_):
    """Its whole height is a burn rate of 14.4; a single failure is seen, too; what is allowed is not red."""
    clock.now = 1_800_000_000.0  # the beginning of a half hour
    registry = SLORegistry.from_config({"a": {"target": "99%"}}, clock=clock)
    for number in range(100):
        registry["a"].record(number >= bad, at=clock() - 1800)  # the last but one of 48

    html = StatusPage(registry).overview({}, links=LINKS).html

    bars = re.findall(r'd="(M[^"]*)" class="slo-(allowed|failures)"', html)
    assert bars == [(f"M93 20v-{height}", class_)]
    assert f"at worst {burn_text(bad)} in half an hour" in html


def test_every_page_has_the_lines_of_all(clock):
    """The first one of a process, and those that come soon after, which do not read them again."""
    page = StatusPage(fleet(clock))

    pages = [page.overview({}, links=LINKS).html for _ in range(3)]

    assert [html.count("slo-failures") for html in pages] == [3, 3, 3]


@pytest.mark.parametrize("error", [StoreError("away"), ValueError("a user's store")])
def test_a_line_that_cannot_be_read_hides_no_number(clock, monkeypatch, error):
    """The numbers were read a moment before."""
    registry = fleet(clock)

    def away(*_):
        raise error

    monkeypatch.setattr(registry.store, "series_of_all", away, raising=False)

    shown = PageText(StatusPage(registry).overview({}, links=LINKS).html)

    assert shown.names == ["a", "b", "c"]
    assert "svg" in shown.tags  # the bar of the budget


def test_a_kept_line_speaks_to_each_reader_in_their_notation(clock):
    """It was read in a thread of its own, for all of them."""
    page = StatusPage(fleet(clock))
    comma = Notation(",", ".", lambda moment: moment.isoformat())

    english = page.overview({}, links=LINKS).html
    with written_in(comma):
        german = page.overview({}, links=LINKS).html

    assert "at worst 10.0x in" in english
    assert "at worst 10,0x in" in german
