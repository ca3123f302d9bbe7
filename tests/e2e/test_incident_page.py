"""What a person sees in an incident: with FastAPI, with Flask, and in Django's admin as it is and under two themes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser import barriers, new_context, open_browser, watch
from incident import PASSWORD, USER
from slo_servers import free_port, python, start_server, wait_until

SERVICE = Path(__file__).parents[1] / "support" / "incident.py"
LIST = "/admin/slo_django/slostatus/"
THEMES = [theme for theme in ("unfold", "jazzmin") if find_spec(theme)]
ADMINS = ["django", *THEMES]
EVERYWHERE = ["fastapi", "flask", *ADMINS]
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
# The switch of the admin, as a reader has set it; it is not always what the reader's system prefers.
SWITCH = {
    "django": "localStorage.setItem('theme', '{}')",
    "unfold": "localStorage.setItem('adminTheme', '\"{}\"')",
    "jazzmin": "localStorage.setItem('jazzmin-theme-mode', '{}')",
}


@dataclass
class Incident:
    """
    A service in an incident, and those who look at it.

    Attributes:
        name: Its framework, or the theme of the admin.
        url: Its own.
        browser: Theirs.
        session: What signs them in.
        pages: Those that are open, by the options of their readers.
    """

    name: str
    url: str
    browser: Any = field(repr=False)
    session: Any = None
    pages: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def list(self) -> str:
        """The address of the list."""
        return self.url + ("/slo" if self.name in ("fastapi", "flask") else LIST)

    def detail(self, slo: str) -> str:
        """The address of the page of an SLO."""
        return f"{self.list}?slo={slo}" if self.list.endswith("/slo") else f"{self.list}{slo}/change/"

    def sign_in(self) -> None:
        """Once for all."""
        page = self.page()
        page.goto(f"{self.url}/admin/login/?next={LIST}")
        page.fill("[name=username]", USER)
        page.fill("[name=password]", PASSWORD)
        page.press("[name=password]", "Enter")
        page.wait_for_selector("#slo-status")
        self.session = page.context.storage_state()

    def page(self, **options: Any) -> Any:
        """The page of a reader, which tests use one after the other: a browser takes longer to open one than to load it."""
        key = repr(sorted(options.items()))
        if key not in self.pages:
            page = self.pages[key] = new_context(self.browser, storage_state=self.session, **options).new_page()
            page.complaints = watch(page, self.url).complaints
        return self.pages[key]

    def open(self, address: str, *, color_scheme: str = "light", **options: Any) -> Any:
        """The page of a reader, loaded from an address, with what it complains about from then on."""
        page = self.page(**options)
        page.emulate_media(color_scheme=color_scheme)
        page.complaints.clear()
        answer = page.goto(address)
        assert answer.headers["content-security-policy"].startswith("default-src 'self'")
        return page


@pytest.fixture(scope="module")
def incidents() -> Iterator[dict[str, Incident]]:
    """Started when they are asked for."""
    with ExitStack() as stack:
        browser = stack.enter_context(open_browser())

        class Started(dict[str, Incident]):
            def __missing__(self, name: str) -> Incident:
                port, ready = free_port(), "/slo" if name in ("fastapi", "flask") else "/admin/login/"
                server = start_server(python(str(SERVICE), name, str(port)), port=port, ready=ready)
                incident = self[name] = Incident(name, stack.enter_context(server).url, browser)
                if ready != "/slo":
                    incident.sign_in()
                return incident

        yield Started()


@pytest.fixture
def incident(request: pytest.FixtureRequest, incidents: dict[str, Incident]) -> Incident:
    """The one that a test names."""
    return incidents[request.param]


def seen_by(*names: str) -> Any:
    return pytest.mark.parametrize("incident", names, indirect=True)


def names(page: Any) -> list[str]:
    return page.locator("tr[data-slo]").evaluate_all("rows => rows.map(row => row.dataset.slo)")


def too_wide(page: Any) -> int:
    """How many pixels of the page are outside of the window, and of what scrolls in itself outside of that."""
    return page.evaluate(
        "Math.max(document.documentElement.scrollWidth - innerWidth, ...[...document.querySelectorAll('.slo-scroll')]"
        ".filter(one => one.checkVisibility()).map(one => one.scrollWidth - one.clientWidth))"
    )


@seen_by("fastapi", "flask", "django")
def test_what_pages_is_on_top_and_one_click_away(incident: Incident) -> None:
    """The order, the counts, the filters by state and label, the title; and no complaint under a strict policy."""
    page = incident.open(incident.list)

    assert names(page) == ["checkout", "search", "mails", "exports", "quiet"]
    assert page.title().startswith("1 paging, 1 ticketing | SLO status")
    assert page.inner_text("nav[aria-label='Filter by state']").split("\n")[:4] == [
        "all 5",
        "paging 1",
        "ticketing 1",
        "waiting 1",
    ]
    expect(page.locator("tr[data-slo=mails] td").first).to_contain_text("page 6h/1h: needs 2 bad events, has 1")
    page.click("#slo-live >> text=paging 1")
    page.wait_for_url(re.compile("state=paging"))
    assert names(page) == ["checkout"]
    page.click("#slo-live >> text=all 5")
    page.wait_for_url(re.compile("^[^=]*$"))
    page.click("nav >> text=team=search")
    page.wait_for_url(re.compile("label="))
    assert names(page) == ["search", "exports", "quiet"]
    assert page.complaints == []


@seen_by(*EVERYWHERE)
def test_the_page_of_one_says_what_happens_and_leads_back(incident: Incident) -> None:
    """Name, headline, why a rule waits, the last hour while something fires: in the content, whatever is around it."""
    page = incident.open(incident.detail("checkout"))
    content = page.locator("#content-main" if incident.name in ADMINS else "main")

    expect(content.locator("h1")).to_have_text("checkout")
    expect(content.locator(".slo-headline")).to_have_text(
        re.compile(
            r"^Paging for \d\dm: \d+ of the \d+ events of the last \d+m failed \(\d+%\), "
            r"\d+\.\dx the allowed rate\. The budget is gone"
        )
    )
    assert page.locator("script[src*='/slo.js']").count() == 1  # a theme has names of its own for scripts
    ranges = page.locator("nav[aria-label='Time range'] a[aria-current]")
    expect(ranges).to_have_text("1h")
    expect(page.locator(".slo-chart canvas")).to_have_count(3)
    page.click("nav[aria-label='Time range'] >> text=6h")
    page.wait_for_url(re.compile("range=6h"))
    expect(ranges).to_have_text("6h")
    page.goto(incident.detail("mails"))
    expect(content.locator(".slo-headline")).to_contain_text("page 6h/1h does not fire yet: needs 2 bad events, has 1.")
    expect(content.get_by_role("table", name="Alert rules")).to_contain_text("waiting: needs 2 bad events, has 1")
    expect(page.locator(".slo-chart canvas")).to_have_count(3)
    content.locator("text=All SLOs").click()
    page.wait_for_url(incident.list)
    assert page.complaints == []


@seen_by("fastapi", "django")
def test_a_line_on_each_chart_says_when_a_release_began(incident: Incident) -> None:
    """25 minutes before the end of the hour that is shown, as high as the plot; the text says which release it is."""
    page = incident.open(incident.detail("checkout"))
    lines = page.locator(".slo-chart .slo-mark-release")
    expect(lines).to_have_count(3)

    for line in lines.all():
        mark, plot = line.bounding_box(), line.locator("xpath=..").bounding_box()
        assert abs((mark["x"] - plot["x"]) / plot["width"] - 35 / 60) < 0.08
        assert abs(mark["height"] - plot["height"]) <= 1
        assert line.get_attribute("title").startswith("release 4.2, ")
    assert page.complaints == []


@seen_by(*EVERYWHERE)
def test_a_phone_shows_what_fires(incident: Incident) -> None:
    """Without scrolling sideways, also where the charts are a table."""
    page = incident.open(incident.list, **PHONE)
    state = page.locator("tr[data-slo=checkout] .slo-paging")
    assert state.is_visible()
    assert 0 <= state.bounding_box()["x"] < 360 - state.bounding_box()["width"]
    assert too_wide(page) <= 0

    page.goto(incident.detail("checkout"))
    headline = page.locator(".slo-headline").bounding_box()
    assert headline["y"] + headline["height"] < PHONE["viewport"]["height"]
    expect(page.locator(".slo-chart canvas")).to_have_count(3)
    page.click("summary")
    wait_until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 360)
    assert page.evaluate("innerWidth") == 360  # a phone zooms out of what is too wide


@seen_by(*ADMINS)
def test_beside_a_sidebar_nothing_is_cut(incident: Incident) -> None:
    """1280 pixels wide."""
    page = incident.open(incident.list)
    left = page.locator(".slo-table").bounding_box()["x"]
    assert left > 200  # the sidebar is open
    assert too_wide(page) <= 0
    page.goto(incident.detail("checkout"))
    expect(page.locator(".slo-chart canvas")).to_have_count(3)
    assert too_wide(page) <= 0


@seen_by("django")
def test_in_an_admin_from_right_to_left_it_runs_from_left_to_right(incident: Incident) -> None:
    """Numbers stand before their words, columns in their order; a description has the direction of its own letters."""
    for size in ({}, PHONE):
        page = incident.open(incident.list, locale="he-IL", **size)
        assert page.get_attribute("html", "dir") == "rtl"
        assert page.locator("#content-main").get_attribute("lang") == "en"
        assert page.evaluate("getComputedStyle(document.querySelector('.slo-table')).direction") == "ltr"
        description = "getComputedStyle(document.querySelector('tr[data-slo=exports] th p')).direction"
        assert page.evaluate(description) == "rtl"
        assert too_wide(page) <= 0
        page.goto(incident.detail("checkout"))
        wait_until(lambda page=page: page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0)
        assert page.evaluate("getComputedStyle(document.querySelector('.slo-headline')).textAlign") in ("start", "left")
        # "12 bad of 60": the first letter is left of the last.
        edges = (
            "(text => [0, text.length - 1].map(place => { const one = document.createRange(); one.setStart(text, place);"
            " one.setEnd(text, place + 1); return one.getBoundingClientRect().left; }))"
            "(document.querySelector('.slo-cards td:last-child p').firstChild)"
        )
        first, last = page.evaluate(edges)
        assert first < last
        assert page.complaints == []


@seen_by("fastapi", "django")
def test_numbers_and_dates_are_the_readers(incident: Incident) -> None:
    """In the tables as in the charts; what may be typed into a definition stays as it is typed."""
    page = incident.open(incident.list, locale="de-DE")
    row = page.locator("tr[data-slo=checkout]")
    expect(row).to_contain_text("98,19%")
    expect(row).to_contain_text("3.324")
    page.goto(incident.detail("checkout"))
    expect(page.locator(".slo-headline")).to_contain_text(
        re.compile(r"\d,\dx the allowed rate.*where 3,\d are allowed")
    )
    expect(page.locator("dt:text-is('Target') + dd")).to_have_text("99.9%")
    expect(page.locator("dt:text-is('Measured since') + dd")).to_contain_text(
        re.compile(r"\d\d\.\d\d\.\d{4}, \d\d:\d\d:\d\d")
    )
    expect(page.locator("[data-chart=events] .u-legend")).to_contain_text("0,1%")
    if incident.name == "django":  # the service itself writes them
        page = incident.open(incident.list, locale="de-DE", java_script_enabled=False)
        expect(page.locator("tr[data-slo=checkout]")).to_contain_text("98,19%")
        expect(page.locator(".slo-read")).to_contain_text(re.compile(r"\d\. \w+ \d{4} \d\d:\d\d:\d\d UTC"))


@seen_by(*ADMINS)
def test_the_admin_can_be_read_by_everybody(incident: Incident) -> None:
    """
    In the light and in the dark of the theme, whatever the reader's system prefers.

    A theme brings colours of its own; all else that axe-core looks at is the same in each.
    """
    rules = None if incident.name == "django" else ["color-contrast"]
    for address, is_dark in ((incident.list, False), (incident.detail("checkout"), True)):
        incident.page().evaluate(SWITCH[incident.name].format("dark" if is_dark else "light"))
        page = incident.open(address, color_scheme="light" if is_dark else "dark")
        expect(page.locator(".slo-paging").first).to_have_css(
            "color", "rgb(255, 138, 128)" if is_dark else "rgb(198, 40, 40)"
        )
        assert barriers(page, "#slo-status", rules=rules) == []
    page.evaluate("localStorage.clear()")


@seen_by("django")
def test_charts_take_the_colours_that_are_switched_to(incident: Incident) -> None:
    """At once, without a reload."""
    page = incident.open(incident.detail("checkout"))
    expect(page.locator(".slo-chart canvas")).to_have_count(3)
    drawn = "document.querySelector('[data-chart=burn] canvas')?.toDataURL()"
    wait_until(lambda: page.evaluate(drawn))
    page.wait_for_timeout(300)
    before = page.evaluate(drawn)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    wait_until(lambda: page.evaluate(drawn) not in (None, before), message="the chart keeps its colours")


@seen_by("django")
def test_the_keyboard_is_enough_in_the_admin(incident: Incident) -> None:
    """Find, pause, filter, open."""
    page = incident.open(incident.list)
    page.focus("#slo-search")
    page.keyboard.type("mails")
    assert page.locator("tr[data-slo]:visible").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_attribute("#slo-pause", "aria-pressed") == "true"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "mails":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    page.wait_for_url(incident.detail("mails"))


@seen_by("django")
def test_without_a_script_the_admin_is_complete(incident: Incident) -> None:
    """State, alerts, history and the way back; what only works with a script is not there."""
    page = incident.open(incident.list, java_script_enabled=False)
    assert names(page)[:2] == ["checkout", "search"]
    assert not page.locator(".slo-tools").is_visible()
    page.click("tr[data-slo=checkout] a >> nth=0")
    page.wait_for_url(incident.detail("checkout"))
    for text in ("Paging for", "firing", "Burn 1h", "Definition", "In Prometheus", "All SLOs"):
        expect(page.locator("#content-main")).to_contain_text(text)
    assert page.locator(".slo-history tbody tr").first.is_visible()
