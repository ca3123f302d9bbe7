"""
The pictures of the page: `python tests/support/screenshots.py docs/screenshots`, or `tox run -e screenshots`.

Those of the README show six SLOs in Django's admin; the others 200 SLOs in an incident, for a phone and a desk.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from browser import new_context, open_browser
from incident_service import PAGING
from slo_servers import HOST, free_port, python, start_server

__all__ = ["INCIDENT_PICTURES", "PICTURES", "take_incident_screenshots", "take_screenshots"]

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "example_projects" / "django_shop"
SUPPORT = ROOT / "tests" / "support"

# File name, path in the admin, colours, and what is the last thing to be seen: a README is no place for all of it.
LIST = "/admin/slo_django/slostatus/"
PICTURES = tuple(
    (f"{name}-{scheme}.png", path, scheme, last)
    for name, path, last in (("list", LIST, ".slo-table"), ("detail", f"{LIST}checkout/change/", ".slo-charts"))
    for scheme in ("light", "dark")
)
WIDTH, MARGIN = 1200, 12
# File name, query, width and height that are shown, colours.
INCIDENT_PICTURES = tuple(
    (f"incident-{name}-{width}-{scheme}.png", query, width, height, scheme)
    for name, query, heights in (("list", "", (1500, 1100)), ("detail", f"?slo={PAGING}", (2100, 1300)))
    for width, height in zip((390, 1280), heights, strict=True)
    for scheme in ("light", "dark")
)
# Enough for a page of few colours, and half the size.
COLOURS = 256


def take_screenshots(folder: Path) -> list[Path]:
    """
    The pictures of the admin's status view, made anew.

    Args:
        folder: Where they are written to; it is made if it is not there.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with open_browser() as browser, _shop() as url:
        size = {"width": WIDTH, "height": 1200}
        page = new_context(browser, locale="en-GB", timezone_id="UTC", viewport=size).new_page()
        _sign_in(page, url)
        for name, path, scheme, last in PICTURES:
            page.emulate_media(color_scheme=scheme)
            page.goto(url + path)
            if path != LIST:
                page.wait_for_selector(".slo-chart canvas >> nth=2")
            # Until it is drawn, and the legends tell of the last point.
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            box = page.locator(last).first.bounding_box()
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": box["y"] + box["height"] + MARGIN}
            taken.append(folder / name)
            taken[-1].write_bytes(_small(page.screenshot(clip=clip)))
    return taken


def take_incident_screenshots(folder: Path) -> list[Path]:
    """The pictures of a list of 200 SLOs, and of one of them, in an incident; arguments as for `take_screenshots`."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with open_browser() as browser, _shop_in_an_incident() as url:
        for name, query, width, height, scheme in INCIDENT_PICTURES:
            size = {"width": width, "height": height}
            context = new_context(browser, locale="en-GB", timezone_id="UTC", viewport=size, color_scheme=scheme)
            page = context.new_page()
            page.goto(f"{url}/slo{query}")
            if query:
                page.wait_for_selector(".slo-chart canvas >> nth=2")
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            taken.append(folder / name)
            taken[-1].write_bytes(_small(page.screenshot()))
            context.close()
    return taken


def _sign_in(page: Any, url: str) -> None:
    page.add_init_script("localStorage.setItem('django.admin.navSidebarIsOpen', 'false')")
    page.goto(f"{url}/admin/login/")
    page.fill("#id_username", "sre")
    page.fill("#id_password", "correct horse")
    page.click("[type=submit]")
    page.wait_for_url("**/admin/")


def _small(png: bytes) -> bytes:
    from PIL import Image

    few = Image.open(BytesIO(png)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    written = BytesIO()
    few.save(written, "PNG", optimize=True)
    return written.getvalue()


@contextmanager
def _shop() -> Iterator[str]:
    """The shop after a month of `showcase_shop_seed`."""
    with tempfile.TemporaryDirectory(prefix="slo-showcase-") as folder:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(SHOP), str(SUPPORT), os.environ.get("PYTHONPATH", "")]),
            "DJANGO_SETTINGS_MODULE": "showcase_shop",
            "SHOP_DEBUG": "1",
            "SHOP_DATABASE": f"{folder}/shop.sqlite3",
        }
        subprocess.run(python("-m", "django", "migrate", "-v0"), env=environment, check=True)
        subprocess.run(python(str(SUPPORT / "showcase_shop_seed.py")), env=environment, check=True)
        port = free_port()
        command = python("-m", "django", "runserver", "--noreload", f"{HOST}:{port}")
        with start_server(command, port=port, ready="/healthz", cwd=SHOP, env=environment) as server:
            yield server.url


@contextmanager
def _shop_in_an_incident() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="slo-showcase-") as folder:
        port = free_port()
        command = python(str(SUPPORT / "incident_service.py"), str(port), folder)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])}
        with start_server(command, port=port, ready="/slo", env=environment) as server:
            yield server.url


if __name__ == "__main__":
    pictures = Path(sys.argv[1])
    for path in (*take_screenshots(pictures), *take_incident_screenshots(pictures)):
        print(f"{path}: {path.stat().st_size / 1000:.0f} KB")
