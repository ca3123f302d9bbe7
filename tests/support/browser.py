"""A real browser: Debian's Chromium, driven by Playwright, which downloads none of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slo_servers import PATIENCE_SECONDS, require

__all__ = ["Watched", "new_context", "open_browser", "watch"]


@contextmanager
def open_browser() -> Iterator[Any]:
    """Chromium, until the `with` block ends."""
    executable = require("chromium")
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
