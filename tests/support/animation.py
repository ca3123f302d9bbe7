"""The README's moving picture: the demo's page and its story, while the incident begins and the page fires.

`python tests/support/animation.py docs/screenshots`, or `tox run -e screenshots`.
"""

from __future__ import annotations

import html
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from browser import new_context, open_browser
from slo_servers import HOST, free_port, python, stop

__all__ = ["record"]

DEMO = Path(__file__).resolve().parents[2] / "example_projects" / "fastapi_service"
NAME = "demo.webp"
# A README is 830 pixels wide: at this width the smallest letters stay legible.
WIDTH, PAGE_HEIGHT, STORY_LINES = 1000, 600, 4
# The list until Alertmanager has rung, a click, then the page of the SLO.
LIST_SECONDS, CLICK_SECONDS, DETAIL_SECONDS = 9, 1, 5
LARGEST = 600_000

STORY = """
<style>
  body { margin: 0; padding: 12px 16px; background: #f6f8fa; border-top: 1px solid #d0d7de; color: #24292f; }
  div { font: 14px/20px "DejaVu Sans Mono", monospace; white-space: pre; height: 20px; }
  .loud { color: #b42318; font-weight: bold; }
</style>
"""


def record(folder: Path) -> Path:
    """
    Run the demo, and record it.

    Args:
        folder: Where `demo.webp` is written to.

    Raises:
        RuntimeError: The demo did not page, or the picture is larger than a README should load.
    """
    frames: list[Any] = []
    with open_browser() as browser, _demo() as (url, story):
        context = new_context(
            browser,
            locale="en-GB",
            timezone_id="UTC",
            color_scheme="light",
            viewport={"width": WIDTH, "height": PAGE_HEIGHT},
        )
        page, below = context.new_page(), context.new_page()
        page.set_default_timeout(20_000)
        below.set_viewport_size({"width": WIDTH, "height": 20 * STORY_LINES + 25})
        pointer: tuple[float, float] | None = None
        started = time.monotonic()
        for second in range(LIST_SECONDS + CLICK_SECONDS + DETAIL_SECONDS):
            time.sleep(max(0.0, started + second - time.monotonic()))
            if second < LIST_SECONDS:
                page.goto(f"{url}/slo")
            elif second < LIST_SECONDS + CLICK_SECONDS:
                link = page.locator(".slo-table tbody a").first
                box = link.bounding_box()
                link.hover()
                pointer = box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.6
            else:
                if pointer is not None:
                    page.locator(".slo-table tbody a").first.click()
                    pointer = None
                else:
                    page.reload()
                page.wait_for_selector(".slo-chart canvas")
            page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
            below.set_content(STORY + "".join(map(_line, story[-STORY_LINES:])))
            frames.append(_joined(page.screenshot(), below.screenshot(), pointer))
    if not any("rings" in line for line in story) and not any("pages" in line for line in story):
        raise RuntimeError("the demo did not page while it was recorded")
    return _written(frames, folder / NAME)


def _line(text: str) -> str:
    kind = ' class="loud"' if " pages: " in text or " rings: " in text else ""
    return f"<div{kind}>{html.escape(text)}</div>"


@contextmanager
def _demo() -> Iterator[tuple[str, list[str]]]:
    """The demo from its first request on: its address, and its story, to which lines are added."""
    port = free_port()
    process = subprocess.Popen(python("demo.py", "--port", str(port)), cwd=DEMO, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    story: list[str] = []
    begun = threading.Event()

    def read() -> None:
        for line in process.stdout or ():
            if " s  " in line[:9]:
                story.append(line.rstrip())
                begun.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        if not begun.wait(60):
            raise RuntimeError("the demo did not start")
        yield f"http://{HOST}:{port}", story
    finally:
        stop(process)


def _joined(page: bytes, below: bytes, pointer: tuple[float, float] | None) -> Any:
    from PIL import Image, ImageDraw

    upper, lower = (Image.open(BytesIO(png)).convert("RGB") for png in (page, below))
    frame = Image.new("RGB", (WIDTH, upper.height + lower.height))
    frame.paste(upper, (0, 0))
    frame.paste(lower, (0, upper.height))
    if pointer is not None:
        arrow = ((0, 0), (0, 17), (4, 13), (7, 19), (10, 18), (7, 12), (12, 12))
        points = [(pointer[0] + x, pointer[1] + y) for x, y in arrow]
        ImageDraw.Draw(frame).polygon(points, fill="black", outline="white")
    return frame


def _written(frames: list[Any], path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The last picture stays a little longer, before it all begins again.
    seconds = [1000] * (len(frames) - 1) + [3000]
    frames[0].save(
        path,
        "WEBP",
        save_all=True,
        append_images=frames[1:],
        duration=seconds,
        loop=0,
        lossless=True,
        quality=100,
        method=4,
    )
    if path.stat().st_size > LARGEST:
        raise RuntimeError(f"{path} is larger than {LARGEST / 1000:.0f} KB")
    return path


if __name__ == "__main__":
    picture = record(Path(sys.argv[1]))
    print(f"{picture}: {picture.stat().st_size / 1000:.0f} KB")
