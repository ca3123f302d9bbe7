"""The list of SLOs where there are 200 of them, seen with a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from browser import new_context, open_browser, watch
from slo_servers import HOST, free_port, python, start_server

SUPPORT = Path(__file__).parents[1] / "support"
NAMES = [f"slo-{number:03}" for number in range(200)]
ROWS = "tr[data-slo]"
VISIBLE = f"{ROWS}:not([hidden])"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the status page of `long_list_service` is."""
    port = free_port()
    command = python("-m", "uvicorn", "long_list_service:app", "--host", HOST, "--port", str(port))
    with start_server(command, port=port, ready="/slo.json", cwd=SUPPORT) as server:
        yield f"{server.url}/slo"


@pytest.fixture
def page(url: str) -> Iterator[Any]:
    """The page, with what it complains about."""
    with open_browser() as browser:
        page = new_context(browser).new_page()
        page.complaints = watch(page, url).complaints
        page.goto(url)
        yield page


def names(page: Any, selector: str) -> list[str]:
    """What is listed, from the top."""
    return page.locator(selector).evaluate_all("rows => rows.map(row => row.dataset.slo)")


def sort_by(page: Any, heading: str, sort: str) -> None:
    """Click a heading, and wait for the page behind it and its script."""
    page.click(f"thead >> text={heading}")
    page.wait_for_url(f"**/slo?sort={sort}")
    page.wait_for_selector(".slo-tools", state="visible")


def refresh(page: Any) -> None:
    """What happens every 15 s: wait until the rows are others."""
    page.evaluate(f"document.querySelector('{ROWS}').dataset.old = 'yes'")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("tr[data-old]", state="detached")


def test_two_hundred_slos_are_sorted_and_searched(page: Any) -> None:
    """By every event that one has more than the other, either way round; and what was searched for stays found."""
    assert sorted(names(page, VISIBLE)) == NAMES
    assert "all 200" in page.inner_text("nav[aria-label='Filter by state']")

    sort_by(page, "Budget left", "budget")
    assert names(page, VISIBLE) == NAMES[::-1]
    sort_by(page, "Budget left", "-budget")
    assert names(page, VISIBLE) == NAMES

    page.fill("#slo-search", "slo-04")
    assert names(page, VISIBLE) == NAMES[40:50]
    page.fill("#slo-search", "Birch MET")  # of those that are met: fewer than half of their events were bad
    found = NAMES[1:100:4]
    assert names(page, VISIBLE) == found
    refresh(page)
    assert names(page, ROWS) == NAMES
    assert names(page, VISIBLE) == found
    assert page.input_value("#slo-search") == "Birch MET"

    assert page.inner_text("#slo-unmatched") == f"{len(found)} of 200 match."

    # Those of a sparkline, and of a number: a reader looks for an SLO.
    for nothing in ("nobody", "at worst", "%"):
        page.fill("#slo-search", nothing)
        assert names(page, VISIBLE) == []
        assert page.locator(".slo-no-match").all_inner_texts() == ["No SLO matches."]
        refresh(page)
        assert page.inner_text("#slo-unmatched") == "0 of 200 match."
    page.fill("#slo-search", "")
    assert names(page, VISIBLE) == NAMES
    assert page.locator(".slo-no-match").count() == 0
    assert page.inner_text("#slo-unmatched") == ""
    assert page.complaints == []
