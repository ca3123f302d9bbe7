"""A real browser: Debian's Chromium, driven by Playwright, which downloads none of its own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slo_servers import PATIENCE_SECONDS, require, wait_until

__all__ = [
    "Watched",
    "barriers",
    "let_it_refresh",
    "new_context",
    "open_browser",
    "pass_time",
    "stop_clock",
    "watch",
]


@contextmanager
def open_browser() -> Iterator[Any]:
    """
    Chromium, until the `with` block ends.

    Without its windows, menus and services of its own where that package is installed: the same engine, and a page costs a
    third of the processor time.
    """
    executable = (
        shutil.which("chromium-headless-shell") or shutil.which("chromium") or require("chromium-headless-shell")
    )
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--disable-dev-shm-usage"],
            timeout=PATIENCE_SECONDS * 1000,
        )
        try:
            yield browser
        finally:
            browser.close()


def new_context(browser: Any, **options: Any) -> Any:
    """A browser context whose pages are as patient as everything else is."""
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_SECONDS * 1000)
    return context


# A time-out of a request is the browser's own: a test's clock knows timers only.
_TIMEOUT_BY_TIMER = """
AbortSignal.timeout = milliseconds => {
  const aborting = new AbortController();
  setTimeout(() => aborting.abort(new DOMException("signal timed out", "TimeoutError")), milliseconds);
  return aborting.signal;
};
"""


def stop_clock(page: Any) -> None:
    """Before a page is opened: its timers and time-outs wait for `pass_time`, however slow the machine is."""
    now = time.time()
    page.clock.install(time=now)
    page.add_init_script(_TIMEOUT_BY_TIMER)
    page.clock.pause_at(now + 1)


def pass_time(page: Any, seconds: float) -> None:
    """So much time passes at once on a page whose clock is stopped, and what was to happen in it happens."""
    page.clock.run_for(seconds * 1000)


def let_it_refresh(page: Any) -> None:
    """A status page whose clock is stopped refreshes itself once, by its own timer."""
    before = page.inner_text("#slo-message")
    pass_time(page, float(page.get_attribute("#slo-status", "data-refresh")))
    # It shows the time of its refresh, which is another one each time.
    wait_until(lambda: page.inner_text("#slo-message") != before, message="the page did not refresh itself")


# Of what is in order, axe-core would tell as much as of what is not, and the browser would hand it over.
_LOOK = """
async ([context, rules]) => {
  const only = rules ? { runOnly: { type: "rule", values: rules } } : {};
  const { violations } = await axe.run(context ?? document, { resultTypes: ["violations"], ...only });
  return violations.filter(one => ["serious", "critical"].includes(one.impact)).map(one =>
    [one.id, ...one.nodes.slice(0, 3).map(node => node.html)]);
}
"""


def barriers(page: Any, selector: str | None = None, *, rules: list[str] | None = None) -> list[list[str]]:
    """
    What axe-core finds serious on a page, contrast included: rules, and what breaks them first.

    Args:
        page: The page.
        selector: The part of it that is looked at.
        rules: Only these.
    """
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(_LOOK, [selector and {"include": [[selector]]}, rules])


class Watched:
    """
    What a page complains about.

    Attributes:
        complaints: Errors and warnings of its console, exceptions of its scripts, requests to other hosts.
    """

    def __init__(self, page: Any, origin: str) -> None:
        self.complaints: list[str] = []
        page.on("console", lambda said: said.type in ("error", "warning") and self.complaints.append(said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._asked(request.url, origin))

    def _asked(self, url: str, origin: str) -> None:
        if not url.startswith((origin, "data:")):
            self.complaints.append(f"asked elsewhere: {url}")


def watch(page: Any, origin: str) -> Watched:
    """Note from now on what a page complains about."""
    return Watched(page, origin)
