"""The status view in the shop's admin, under gunicorn, seen with a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser import let_it_refresh, new_context, open_browser, stop_clock, watch
from redis_servers import RedisServer
from slo_servers import fetch, free_port, python, soon, start_server, wait_until

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "example_projects" / "django_shop"
PASSWORD = "correct horse"
LIST = "/admin/slo_django/slostatus/"


class Shop:
    """The running shop, its store, and a browser."""

    def __init__(self, url: str, redis: RedisServer, browser: Any) -> None:
        self.url = url
        self.redis = redis
        self.browser = browser

    def page(
        self, user: str | None = "sre", path: str = LIST, *, has_stopped_clock: bool = False, **options: Any
    ) -> Any:
        """A new page, signed in, that was asked for `path`."""
        page = new_context(self.browser, **options).new_page()
        if has_stopped_clock:
            stop_clock(page)
        if user is None:
            page.goto(self.url + path)
            return page
        page.goto(f"{self.url}/admin/login/?next={path}")
        page.fill("#id_username", user)
        page.fill("#id_password", PASSWORD)
        page.click("[type=submit]")
        page.wait_for_url(self.url + path)
        return page

    def check_out(self, *, good: int = 0, bad: int = 0) -> None:
        """Requests that are answered, and requests that fail."""
        for _ in range(good):
            fetch(f"{self.url}/checkout/", method="POST")
        for _ in range(bad):
            with pytest.raises(urllib.error.HTTPError):
                fetch(f"{self.url}/checkout/?fail=503", method="POST")

    def wait_for_store(self, *, is_up: bool) -> None:
        """Until both workers have noticed."""
        line = b"slo_store_up{"
        value = b"1.0" if is_up else b"0.0"

        def noticed() -> bool:
            pages = [fetch(f"{self.url}/metrics").splitlines() for _ in range(10)]
            return all(any(one.startswith(line) and one.endswith(value) for one in page) for page in pages)

        wait_until(noticed, message=f"the workers do not notice that the store is {'up' if is_up else 'away'}")

    def metric(self, name: str, slo: str) -> float:
        """One number of /metrics."""
        text = fetch(f"{self.url}/metrics").decode()
        (line,) = re.findall(rf"^{name}\{{[^}}]*slo=\"{slo}\"[^}}]*\}} (\S+)$", text, re.MULTILINE)
        return float(line)


def nudged(page: Any) -> bool:
    """True; and the page refreshes itself now, as it does when a person comes back to it."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    return True


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    own = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    with tempfile.TemporaryDirectory(prefix="slo-shop-") as folder, open_browser() as browser:
        redis = RedisServer(
            Path(folder), "--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction"
        )
        redis.start()
        env = {
            **own,
            "PYTHONPATH": os.pathsep.join([str(SHOP), str(ROOT / "tests" / "support"), own.get("PYTHONPATH", "")]),
            "DJANGO_SETTINGS_MODULE": "strict_shop",
            "SHOP_DEBUG": "0",
            "SHOP_SECRET_KEY": "only-for-tests-" + "x" * 50,
            "SHOP_DATABASE": f"{folder}/shop.sqlite3",
            "SHOP_STATIC_ROOT": f"{folder}/static",
            "SHOP_SLO_STORE": redis.url,
        }
        port = free_port()
        try:
            for command in (["migrate", "-v0"], ["collectstatic", "-v0", "--noinput"]):
                subprocess.run(python("-m", "django", *command), env=env, check=True)
            subprocess.run(python(str(ROOT / "tests" / "support" / "strict_shop_seed.py")), env=env, check=True)
            served = python("-m", "gunicorn", "-w", "2", "-k", "gthread", "--threads", "4", "-b")
            with start_server(
                [*served, f"127.0.0.1:{port}", "shop.wsgi"], port=port, ready="/healthz", cwd=SHOP, env=env
            ) as server:
                yield Shop(server.url, redis, browser)
        finally:
            redis.stop()


def test_it_is_for_those_who_may_look(shop: Shop) -> None:
    """Strangers log in first; staff without the permission get 403 and no link; with it, page, link and breadcrumbs."""
    stranger = shop.page(None)
    assert "/admin/login/" in stranger.url

    clerk = shop.page("clerk", "/admin/")
    assert clerk.locator("text=SLO status").count() == 0
    for path in (LIST, f"{LIST}status.json", f"{LIST}checkout/change/"):
        assert clerk.goto(shop.url + path).status == 403

    sre = shop.page("sre", "/admin/")
    sre.click("#content-main >> text=SLO status")
    sre.wait_for_url(shop.url + LIST)
    assert sre.title().startswith("SLO status |")
    # Some versions of Django draw what stands between them.
    assert re.sub(r"[\s›]+", " ", sre.inner_text(".breadcrumbs")).strip() == "Home SLOs SLO status"
    sre.click("tr[data-slo=checkout] a")
    sre.wait_for_url(f"{shop.url}{LIST}checkout/change/")
    assert re.sub(r"[\s›]+", " ", sre.inner_text(".breadcrumbs")).strip().endswith("SLO status checkout")
    assert sre.goto(f"{shop.url}{LIST}nobody/change/").status == 404
    assert sre.goto(f"{shop.url}/admin/slo_django/slostatus/add/").status == 404


def test_a_site_of_ones_own_shows_it_too(shop: Shop) -> None:
    """With links that stay on that site."""
    page = shop.page("sre", "/operations/slo_django/slostatus/")

    assert "Operations" in page.inner_text("#site-name, #header")
    assert page.locator("#slo-live a[href^='/admin/']").count() == 0
    page.click("text=A month of it. >> xpath=../a")
    page.wait_for_url(f"{shop.url}/operations/slo_django/slostatus/history/change/")
    page.wait_for_selector(".slo-chart canvas")


def test_failures_page_and_then_exhaust_the_budget(shop: Shop) -> None:
    """By itself, with the numbers of /metrics; and the chart shows the drop."""
    shop.check_out(good=89)
    page = shop.page(has_stopped_clock=True)
    watched = watch(page, shop.url)
    row = page.locator("tr[data-slo=checkout]")
    detail = page.context.new_page()
    seen = watch(detail, shop.url)
    detail.goto(f"{shop.url}{LIST}checkout/change/?range=1h")
    detail.wait_for_selector(".slo-chart canvas")
    drawn = "document.querySelector('[data-chart=budget] canvas').toDataURL()"
    before = detail.evaluate(drawn)
    expect(row).to_contain_text("met")

    shop.check_out(bad=3)  # of 93: burns at 0.32, where 0.3 pages

    def is_paging() -> bool:
        let_it_refresh(page)
        return bool(row.locator(".slo-state.slo-paging").count())

    wait_until(is_paging, message="the page does not say that it pages")
    expect(row).to_contain_text("page 5m/4m")

    shop.check_out(bad=7)  # ten of a hundred are allowed
    exhausted = page.locator("tr[data-slo=checkout]:has(.slo-state.slo-exhausted)")
    # In one look: the page may be drawn again between two.
    (text,) = wait_until(lambda: nudged(page) and exhausted.all_inner_texts())
    assert "0.0%" in text
    assert "90.00%" in text
    assert "100" in text
    assert soon(lambda: shop.metric("slo_error_budget_remaining", "checkout"), 0) == 0
    assert soon(lambda: shop.metric("slo_success_ratio", "checkout"), 0.9) == 0.9
    wait_until(lambda: nudged(detail) and detail.locator(".slo-state.slo-exhausted").first.is_visible())
    wait_until(lambda: detail.evaluate(drawn) != before, message="the chart was not drawn anew")
    assert detail.locator(".slo-chart canvas").count() == 3
    expect(detail.locator("table:has(caption:text('Alert rules'))")).to_contain_text("firing")
    assert watched.complaints == seen.complaints == []


def test_without_a_script_the_tables_are_complete(shop: Shop) -> None:
    """List and detail, history and alerts included; what only works with a script is not there."""
    page = shop.page(java_script_enabled=False)

    assert page.locator("tr[data-slo]").count() == 7
    assert not page.locator("#slo-pause").is_visible()
    page.click("text=A month of it. >> xpath=../a")
    page.wait_for_url(f"{shop.url}{LIST}history/change/")
    text = page.inner_text("#slo-live")
    for said in (
        "How it stands",
        "Definition",
        "Store",
        "Budget left",
        "Until",
        "Burn 1h",
        "Fires at",
        "In Prometheus",
    ):
        assert said in text
    assert page.locator(".slo-history tbody tr").count() >= 40
    assert not page.locator(".slo-charts").is_visible()


def test_a_click_sorts_and_a_word_finds(shop: Shop) -> None:
    """And both stay when the page refreshes itself."""
    page = shop.page()

    page.click("thead >> text=SLO")
    page.wait_for_url(re.compile("sort=name"))
    names = page.locator("tr[data-slo]").evaluate_all("rows => rows.map(row => row.dataset.slo)")
    assert names == sorted(names, key=str.casefold)
    page.fill("#slo-search", "month of")
    assert page.locator("tr[data-slo]:visible").count() == 1
    with page.expect_response(lambda answer: "slostatus" in answer.url):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_selector("#slo-message:has-text('Updated')")
    assert page.locator("tr[data-slo]:visible").count() == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.get_attribute("#slo-pause", "aria-pressed") == "true"


def test_names_stay_text(shop: Shop) -> None:
    """Markup, quotes, 300 letters, emoji and right-to-left text: shown, linked, and never run."""
    page = shop.page()
    watched = watch(page, shop.url)
    names = page.locator("tr[data-slo]").evaluate_all("rows => rows.map(row => row.dataset.slo)")
    assert len(names) == 7

    for name in names:
        page.goto(shop.url + LIST)
        page.evaluate(
            "name => [...document.querySelectorAll('tr[data-slo]')].find(row => row.dataset.slo === name)"
            ".querySelector('a').click()",
            name,
        )
        page.wait_for_selector(".slo-chart canvas")
        expect(page.locator("#content h1")).to_have_text(name)
        assert name[:20] in page.title()
    assert watched.complaints == []


def test_a_store_that_is_killed_is_told_of_and_comes_back(shop: Shop) -> None:
    """Never a 500; the old numbers stay, marked as old; and without a reload the page recovers."""
    page = shop.page()
    detail = shop.page(path=f"{LIST}history/change/")
    shop.redis.kill()
    shop.wait_for_store(is_up=False)

    for one in (page, detail):
        wait_until(lambda one=one: nudged(one) and one.locator(".slo-away").is_visible())
    assert page.locator("tr[data-slo]").count() == 7
    assert "The store cannot be read" in page.inner_text("#slo-message")
    assert page.goto(shop.url + LIST).status == 200
    assert page.locator("tr[data-slo]").count() == 0

    shop.redis.start()
    wait_until(lambda: nudged(page) and page.locator("tr[data-slo]").count())
    fresh = detail.locator("#slo-status:not(.slo-stale):not(:has(.slo-away))")
    wait_until(lambda: nudged(detail) and fresh.count())


def test_looking_counts_for_no_slo(shop: Shop) -> None:
    """A page that is open all day must not improve the numbers."""
    shop.wait_for_store(is_up=True)

    def counted() -> list[str]:
        return re.findall(r"^slo_events_total\{.*$", fetch(f"{shop.url}/metrics").decode(), re.MULTILINE)

    before = counted()
    page = shop.page()
    with page.expect_response(lambda answer: "slostatus" in answer.url):
        assert nudged(page)
    shop.wait_for_store(is_up=True)  # longer than an interval

    assert counted() == before
