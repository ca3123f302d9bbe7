"""`/slo` of the FastAPI and the Flask example, under uvicorn and gunicorn, seen with a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.error
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from browser import barriers, let_it_refresh, new_context, open_browser, pass_time, stop_clock, watch
from redis_servers import RedisServer, start_redis
from slo_servers import HOST, PATIENCE_SECONDS, Server, fetch, free_port, python, soon, start_server, wait_until

EXAMPLES = Path(__file__).parents[2] / "example_projects"
TOKEN = "s3cret"
REFRESH_SECONDS = 15

# Customers that were served ten days ago: with a target of 99.5 %, they allow ten failures among 2,000 in all.
SERVED = 1990
# Measuring began ten days ago, so that a rule may fire now.
SEED = """
import time
at = time.time() - 10 * 86_400
for _ in range({served}):
    registry[{slo!r}].record_success(at=at)
registry.close()
"""


@dataclass
class Example:
    """
    One of the examples, as its README starts it.

    Attributes:
        name: Its folder.
        slo: One that is fed by a single address; 99.5 % in 30 days.
        pays: That address; `?fail=503` is appended to fail.
        counts: How many SLOs it has.
        registry: Code that makes `registry`.
        command: What serves it, without the port.
    """

    name: str
    slo: str
    pays: str
    counts: int
    registry: str
    command: tuple[str, ...]
    url: str = ""
    redis: RedisServer | None = field(default=None, repr=False)

    @property
    def page(self) -> str:
        """Where its status page is."""
        return f"{self.url}/slo"

    @property
    def detail(self) -> str:
        """The page of its SLO."""
        return f"{self.page}?slo={self.slo}"

    @contextmanager
    def served(self, **environment: str) -> Iterator[Server]:
        """The example on a free port."""
        port = free_port()
        command = python("-m", *(part.format(address=f"{HOST}:{port}", port=port) for part in self.command))
        with start_server(command, port=port, ready="/healthz", cwd=EXAMPLES / self.name, env=environment) as server:
            yield server

    def seed(self, store: str) -> None:
        """The past of its SLO, written by a process that ends."""
        code = self.registry + SEED.format(served=SERVED, slo=self.slo)
        environment = {**os.environ, "SLO_STORE": store}
        subprocess.run(python("-c", code), cwd=EXAMPLES / self.name, env=environment, check=True)

    def pay(self, *, bad: int) -> None:
        """Payments that fail."""
        for _ in range(bad):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                fetch(f"{self.url}{self.pays}?fail=503", method="POST")

    def is_away(self) -> bool:
        """Whether the worker that answers cannot read its store."""
        try:
            fetch(f"{self.page}.json")
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code == 503
        return False

    def exports(self, name: str, value: float, **labels: str) -> None:
        """Fail unless /metrics says so soon: a scrape may be a second old, and another worker may answer."""
        found = soon(lambda: self.metric(name, **labels), pytest.approx(value))
        assert found == pytest.approx(value), name

    def metric(self, name: str, **labels: str) -> float:
        """One number of /metrics about its SLO."""
        lines = [line for line in fetch(f"{self.url}/metrics").decode().splitlines() if line.startswith(name + "{")]
        wanted = [f'{label}="{value}"' for label, value in {"slo": self.slo, **labels}.items()]
        (line,) = [line for line in lines if all(part in line for part in wanted)]
        return float(line.rpartition(" ")[2])


NAMES = ("fastapi_service", "flask_api")


def example_of(name: str) -> Example:
    """Not started yet."""
    if name == "fastapi_service":
        command = ("uvicorn", "main:app", "--host", HOST, "--port", "{port}")
        return Example(name, "checkout", "/v1/checkout/1", 4, "from main import registry", command)
    making = "import flask_api; registry = flask_api.create_app().extensions['slo'].registry"
    command = ("gunicorn", "flask_api:create_app()", "-w", "2", "-k", "gthread", "--threads", "4", "-b", "{address}")
    return Example(name, "payments", "/api/orders/1/payment", 3, making, command)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def examples(browser: Any) -> Iterator[dict[str, Example]]:
    """Both, with a past, and with a Redis each that has on the disk what it has confirmed."""
    with ExitStack() as stack:
        started = {name: example_of(name) for name in NAMES}
        for example in started.values():
            example.redis = stack.enter_context(start_redis("--maxmemory-policy", "noeviction", durable=True))
            example.seed(example.redis.url)
            example.url = stack.enter_context(example.served(SLO_STORE=example.redis.url)).url
        yield started


@pytest.fixture(params=NAMES)
def example(request: pytest.FixtureRequest, examples: dict[str, Example]) -> Example:
    return examples[request.param]


@pytest.fixture
def open_page(browser: Any) -> Iterator[Any]:
    """Opens an address in a browser of its own, which is closed with the test."""
    with ExitStack() as stack:

        def opened(url: str, *, has_stopped_clock: bool = False, **options: Any) -> Any:
            context = new_context(browser, **options)
            stack.callback(context.close)
            page = context.new_page()
            if has_stopped_clock:
                stop_clock(page)
            page.complaints = watch(page, url.partition("/slo")[0]).complaints
            page.answer = page.goto(url)
            return page

        yield opened


def look_again(page: Any) -> None:
    """What happens every 15 s, and when a person comes back to the tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def look_until(page: Any, selector: str, *said: str) -> None:
    """Look again and again, without a reload, until something is there, and says all that at once."""
    shown = page.locator(f"{selector} >> visible=true")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        look_again(page)
        page.wait_for_timeout(250)
        if any(all(text in words_of(one) for text in said) for one in shown.all_inner_texts()):
            return
    raise AssertionError(f"{selector} {said} did not come; the page says {page.inner_text('#slo-status')!r}")


def words_of(text: str) -> str:
    """In one line."""
    return re.sub(r"\s+", " ", text)


def wait_until_drawn(page: Any) -> None:
    """All three charts, and on each more than an empty surface has."""
    # Not `wait_for_function`: from its second look on, a page's policy refuses it.
    drawn = (
        "() => { const all = [...document.querySelectorAll('.slo-chart canvas')]; return all.length === 3 && all.every(one =>"
        " new Set(one.getContext('2d').getImageData(0, 0, one.width, one.height).data).size > 4); }"
    )
    wait_until(lambda: page.evaluate(drawn), message="three charts are not drawn")


def wait_until_redrawn(page: Any, chart: str, before: str) -> None:
    """Until a chart is another picture than before."""
    drawn = f"document.querySelector('[data-chart={chart}] canvas').toDataURL()"
    wait_until(lambda: page.evaluate(drawn) != before, message=f"{chart} was not drawn anew")


def bad_events(page: Any) -> int:
    """What the page of an SLO says of its window."""
    return int(page.inner_text("dd:has-text(' allowed')").partition(" ")[0].replace(",", ""))


def test_the_list_the_charts_and_the_json(example: Example, open_page: Any) -> None:
    """All there, one click apart, with no error, no violation of the policy, and nothing asked of other hosts."""
    page = open_page(example.page)

    assert page.answer.status == 200
    assert page.answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert page.locator("tr[data-slo]").count() == example.counts
    page.click(f"tr[data-slo={example.slo}] a")
    page.wait_for_url(example.detail)
    wait_until_drawn(page)
    page.click("text=All SLOs")
    page.wait_for_url(example.page)

    document = page.evaluate("fetch('slo.json').then(answer => answer.json())")
    assert (document["version"], document["store"]["is_up"], len(document["slos"])) == (1, True, example.counts)
    (found,) = [slo for slo in document["slos"] if slo["name"] == example.slo]
    example.exports("slo_window_events", found["total"], window_seconds="2592000")
    assert page.complaints == []


def test_failures_turn_its_state_by_itself(examples: dict[str, Example], open_page: Any) -> None:
    """
    Met, paging, exhausted, breached: the page's own timer does it, and nobody reloads.

    Of 2,000 payments ten may fail. Two of two in the last hour burn 200 times too fast.
    """
    watched = []
    for example in examples.values():
        page = open_page(example.page, has_stopped_clock=True)
        row = page.locator(f"tr[data-slo={example.slo}]")
        assert row.locator(".slo-state.slo-met").count() == 1
        page.evaluate("window.loadedOnce = true")
        example.pay(bad=2)
        watched.append((example, page, row))
    for example, page, row in watched:
        two_bad = f"{SERVED + 2:,} 2 bad"

        def shows_both(page: Any = page, row: Any = row, two_bad: str = two_bad) -> bool:
            let_it_refresh(page)
            return two_bad in words_of(row.inner_text())

        # What is counted is in the store after a moment, and every worker has read it after another one.
        wait_until(shows_both, message="the page does not show two failures")
        text = words_of(row.inner_text())
        for said in (two_bad, "paging", "page 1h/5m, 6h/30m", "1h 200.0x of 14.4"):
            assert said in text, said
        # The tab says so, without a reload.
        assert re.match(r"\d paging", page.title())
        assert "slo-paging.svg" in page.locator("link[rel=icon]").get_attribute("href")
        example.exports("slo_alert_firing", 1, severity="page", long_window_seconds="3600")
        example.exports("slo_burn_rate", 200, window_seconds="3600")

        example.pay(bad=8)
        exhausted = f"tr[data-slo={example.slo}]:has(.slo-state.slo-exhausted)"
        look_until(page, exhausted, "99.50%", "0.0%", "gone", f"{SERVED + 10:,} 10 bad")
        example.exports("slo_error_budget_remaining", 0)
        example.exports("slo_success_ratio", 0.995)
        example.exports("slo_breached", 0)

        example.pay(bad=1)
        breached = f"tr[data-slo={example.slo}]:has(.slo-state.slo-breached)"
        look_until(page, breached, "11 bad", "99.45%")  # 1,990 of 2,001, rounded down
        example.exports("slo_window_failures", 11, window_seconds="2592000")
        example.exports("slo_breached", 1)
        # The worst is on top now.
        look_until(page, "tr[data-slo] >> nth=0", "breached")
        assert page.evaluate("window.loadedOnce")
        assert page.complaints == []


def test_the_chart_follows(example: Example, open_page: Any) -> None:
    """And what stands beside it: the page of one SLO is as live as the list."""
    page = open_page(f"{example.detail}&range=1h")
    wait_until_drawn(page)
    before = page.evaluate("document.querySelector('[data-chart=events] canvas').toDataURL()")
    bad = bad_events(page)

    example.pay(bad=40)
    look_until(page, f"dd:has-text('{bad + 40} of ')")
    wait_until_redrawn(page, "events", before)
    assert page.locator(".slo-chart canvas").count() == 3
    assert page.complaints == []


def test_without_a_script_the_tables_are_complete(example: Example, open_page: Any) -> None:
    """What only works with a script is not there."""
    page = open_page(example.page, java_script_enabled=False)

    assert page.locator("tr[data-slo]").count() == example.counts
    assert not page.locator(".slo-tools").is_visible()
    page.click("thead >> text=SLO")
    page.wait_for_url(re.compile("sort=name"))
    page.click(f"tr[data-slo={example.slo}] a")
    page.wait_for_url(re.compile(f"slo={example.slo}"))
    text = page.inner_text("#slo-live")
    for said in ("How it stands", "Definition", "Store", "Until", "Even spend", "Burn 1h", "Fires at", "In Prometheus"):
        assert said in text, said
    rows = page.locator(".slo-history tbody tr")
    assert rows.count() >= 30  # the last hour, because something fires
    assert rows.first.is_visible()
    assert not page.locator(".slo-charts").is_visible()
    page.click("nav[aria-label='Time range'] >> text=1h")
    page.wait_for_url(re.compile("range=1h"))


# What the page looks like in states that none is in now.
ALL_COLOURS = """
for (const state of ["paging", "ticketing", "waiting", "met", "exhausted", "breached", "warming-up", "no-data"]) {
  const badge = document.querySelector(".slo-state").cloneNode(true);
  badge.className = "slo-state slo-" + state;
  document.querySelector("td, dd").append(badge);
}
const note = document.createElement("p");
note.className = "slo-note slo-away";
note.textContent = "The store cannot be read.";
document.getElementById("slo-live").prepend(note);
"""


def test_it_can_be_read_by_everybody(examples: dict[str, Example], open_page: Any) -> None:
    """axe-core finds nothing serious; in the dark, which the page takes by itself, its contrasts are others."""
    example = examples["fastapi_service"]
    for url in (example.page, example.detail):
        page = open_page(url)
        if url == example.detail:
            page.wait_for_selector(".slo-chart canvas")
            page.click("summary")
        page.evaluate(ALL_COLOURS)
        for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 18, 18)")):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("body")).to_have_css("background-color", paper)
            assert barriers(page, rules=["color-contrast"] if scheme == "dark" else None) == []
        assert page.complaints == []


# Keeps what a screen reader would read.
LISTEN = """
window.heard = [];
const aloud = document.querySelector("#slo-message [role=status]");
new MutationObserver(() => aloud.textContent && heard.push(aloud.textContent)).observe(aloud, {childList: true});
"""


def test_a_service_that_hangs_is_told_of_once(examples: dict[str, Example], open_page: Any) -> None:
    """A request without an answer makes the numbers old, and that is read aloud; what is routine is not."""
    example = examples["fastapi_service"]
    page = open_page(example.page, has_stopped_clock=True)
    page.evaluate(LISTEN)
    let_it_refresh(page)
    assert page.inner_text("#slo-message").startswith("Updated ")
    assert page.evaluate("heard") == []

    answering = False
    page.route(example.page, lambda route: route.continue_() if answering else None)
    for _ in range(2):
        with page.expect_request(example.page):
            pass_time(page, REFRESH_SECONDS)
        with page.expect_event("requestfailed"):
            pass_time(page, REFRESH_SECONDS)
        page.wait_for_selector("#slo-status.slo-stale")
    # It asks again when the last one is over: what is heard by then is heard of both.
    with page.expect_request(example.page):
        pass_time(page, REFRESH_SECONDS)
    (said,) = page.evaluate("heard")
    assert said.startswith(f"Not refreshed: no answer within {REFRESH_SECONDS} s. What you see is from ")

    answering = True
    with page.expect_event("requestfailed"):
        pass_time(page, REFRESH_SECONDS)
    for _ in range(3):
        let_it_refresh(page)
    _, said = page.evaluate("heard")
    assert said.startswith("Updated ")
    page.unroute(example.page)
    page.route(example.page, lambda route: route.fulfill(body="<p>Log in"))
    pass_time(page, REFRESH_SECONDS)
    expect(page.locator("#slo-message")).to_contain_text("are you still signed in? What you see is from ")
    page.click("#slo-pause")
    assert page.evaluate("heard")[3:] == ["Paused."]


# Keeps what was written into each chart when it was last drawn, its ticks, and how many times it was.
READ = """
window.written = {};
const { clearRect, fillText } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.clearRect = function (...all) {
  const place = this.canvas.closest("[data-chart]");
  if (place) written[place.dataset.chart] = [];
  return clearRect.apply(this, all);
};
CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
  const { dataset } = this.canvas.closest("[data-chart]");
  const texts = (written[dataset.chart] ??= []);
  if (texts.push(text) === 1) dataset.written = Number(dataset.written || 0) + 1;
  return fillText.call(this, text, ...rest);
};
"""


def test_a_refresh_leaves_the_zoom_alone(examples: dict[str, Example], open_page: Any) -> None:
    """What a person has picked out of a chart stays; a double click shows all of it again."""
    example = examples["fastapi_service"]
    page = open_page(example.page)
    page.add_init_script(READ)
    page.goto(example.detail)
    wait_until_drawn(page)
    page.click("#slo-pause")  # no refresh of its own while this looks

    # Not the picture: "now" has moved on by seconds, and with it the lines by a shade.
    def ticks() -> list[str]:
        return page.evaluate("written.budget")

    def drawings() -> int:
        return int(page.get_attribute("[data-chart=budget]", "data-written"))

    whole = ticks()
    chart = page.locator("[data-chart=budget] .u-over")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=5)
    page.mouse.up()
    page.mouse.move(1, 1)
    wait_until(lambda: ticks() != whole, message="the chart was not zoomed")
    zoomed, before = ticks(), drawings()

    with page.expect_response("**/slo.json?*"):
        page.evaluate("document.getElementById('slo-pause').click()")
    wait_until(lambda: drawings() > before, message="the chart was not drawn anew")
    assert ticks() == zoomed

    chart.dblclick()
    wait_until(lambda: ticks() != zoomed, message="the chart was not shown whole")
    assert page.complaints == []


def test_charts_round_as_tables_do(examples: dict[str, Example], open_page: Any) -> None:
    """Down, to one decimal; what was written is shown as written."""
    example = examples["fastapi_service"]

    def told(route: Any) -> None:
        document = route.fetch().json()
        document["history"]["error_budget_remaining"][-1] = 0.5799
        document["history"]["even_spend"][-1] = 0.57
        document["history"]["burn_rates"][0]["burn_rate"][-1] = 14.39
        document["slos"][0]["alerts"][0]["threshold"] = 0.25
        route.fulfill(json=document)

    page = open_page(example.page)
    page.route("**/slo.json?*", told)
    page.goto(example.detail)
    for chart, shown in (("budget", "57.9%"), ("budget", "57.0%"), ("burn", "14.3×"), ("burn", "at 0.25×")):
        expect(page.locator(f"[data-chart={chart}] .u-legend")).to_contain_text(shown)


@pytest.mark.parametrize(
    ("left", "burned", "shown"),
    [
        (0.999, 0.0, {"budget": ("0", "100", "20"), "burn": ("0", "1.25", "0.25")}),
        (-3.2, 30.0, {"budget": ("-300", "100", "100"), "burn": ("0", "30", "10")}),
    ],
    ids=["hardly used", "overspent"],
)
def test_axes_hold_what_lines_are_measured_by(
    left: float, burned: float, shown: dict[str, tuple[str, str, str]], examples: dict[str, Example], open_page: Any
) -> None:
    """
    A budget's from nothing to all of it, and below where it is overspent; a burn rate's from 0 to over 1.

    Ticks are as far from each other as their labels say: a quarter is not two tenths.
    """
    example = examples["fastapi_service"]

    def told(route: Any) -> None:
        document = route.fetch().json()
        past = document["history"]
        count = len(past["end"])
        past["error_budget_remaining"] = [left + (1 - left) * place / count for place in range(count)]
        past["even_spend"] = [1.0] * count
        for one in past["burn_rates"]:
            one["burn_rate"] = [burned] * count
        for alert in document["slos"][0]["alerts"]:
            alert["threshold"] = 1.2
        route.fulfill(json=document)

    page = open_page(example.page)
    page.add_init_script(READ)
    page.route("**/slo.json?*", told)
    page.goto(example.detail)

    for chart, unit in (("budget", "%"), ("burn", "×")):
        page.wait_for_selector(f"[data-chart={chart}][data-written]")
        written = page.evaluate("chart => [...written[chart]]", chart)
        ticks = sorted(Decimal(text.removesuffix(unit)) for text in written if text.endswith(unit))
        lowest, highest, step = map(Decimal, shown[chart])
        assert (ticks[0], ticks[-1]) == (lowest, highest), written
        assert {later - earlier for earlier, later in pairwise(ticks)} == {step}, written
    assert page.complaints == []


def test_the_keyboard_is_enough(example: Example, open_page: Any) -> None:
    """Find, pause, sort, open: and a refresh does not take the focus away."""
    page = open_page(example.page)

    page.keyboard.press("Tab")
    page.keyboard.type(example.slo)
    assert page.evaluate("document.activeElement.id") == "slo-search"
    shown = page.locator("tr[data-slo]:visible")
    assert shown.count() < example.counts
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_attribute("#slo-pause", "aria-pressed") == "true"
    assert page.inner_text("#slo-message") == "Paused."
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    look_again(page)
    assert asked == []
    with page.expect_response(example.page):
        page.keyboard.press("Space")  # goes on, at once
    page.wait_for_selector("#slo-message:has-text('Updated')")
    assert shown.count() < example.counts

    link = page.locator(f"tr[data-slo={example.slo}] a")
    for _ in range(30):
        page.keyboard.press("Tab")
        if link.evaluate("one => one === document.activeElement"):
            break
    assert link.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.evaluate("document.querySelector('tr[data-slo]').dataset.old = 'yes'")
    look_again(page)
    page.wait_for_selector("tr[data-old]", state="detached")
    assert link.evaluate("one => one === document.activeElement")
    page.keyboard.press("Enter")
    page.wait_for_url(example.detail)


# Whether the bar at the headline has the colour of its tools' quiet parts, rather than that of a state.
IS_GREY = """() => {
  const headline = document.querySelector(".slo-headline"), quiet = headline.ownerDocument.createElement("span");
  quiet.style.color = "var(--slo-quiet)";
  headline.append(quiet);
  const colours = [getComputedStyle(headline).borderInlineStartColor, getComputedStyle(quiet).color];
  quiet.remove();
  return colours[0] === colours[1];
}"""


def test_a_store_that_is_killed_is_told_of_and_comes_back(example: Example, open_page: Any) -> None:
    """Never a 500; the old numbers stay, marked as old; and without a reload the pages recover."""
    assert example.redis is not None
    overview, detail = open_page(example.page), open_page(example.detail, locale="de-DE")
    detail.wait_for_selector(".slo-chart canvas")
    # Numbers of the store are written as the reader's browser does, the definition as it was.
    expect(detail.locator("dt:text-is('Clock ahead of it by') + dd")).to_have_text(re.compile(r"-?\d,\d s"))
    expect(detail.locator("dt:text-is('Target') + dd")).to_have_text("99.5%")
    bad = bad_events(detail)

    example.redis.kill()
    try:
        # An answer of a worker that has not noticed would bring the numbers back.
        wait_until(lambda: all(example.is_away() for _ in range(10)), message="a worker does not notice")
        for page in (overview, detail):
            look_until(page, ".slo-away")
            assert "The store cannot be read. What you see is from" in page.inner_text("#slo-message")
            assert page.locator(".slo-away").count() == 1
            assert page.locator(".slo-state").count() > 0
            # It is not put there anew, which would be read aloud again.
            page.evaluate("document.querySelector('.slo-away').dataset.kept = 'yes'")
            with page.expect_response(page.url):
                look_again(page)
            page.wait_for_timeout(250)
            assert page.locator(".slo-away[data-kept]").count() == 1
            assert "The store cannot be read: the numbers below are from" in page.inner_text(".slo-away")
        assert detail.evaluate(IS_GREY)
        late, late_list = open_page(example.detail), open_page(example.page)
        assert not late_list.is_visible("#slo-search")
        assert late.answer.status == 200
        assert "there are no numbers to show" in late.inner_text(".slo-away")
        assert late.evaluate("fetch('slo.json').then(answer => answer.status)") == 503
        example.pay(bad=1)  # is counted when the store is back
    finally:
        example.redis.start()
    for page in (overview, detail, late, late_list):
        # At once: the next answer may be another worker's, which has not noticed yet.
        look_until(page, "#slo-status:not(.slo-stale):not(:has(.slo-away)):has(.slo-state)")
    assert late_list.is_visible("#slo-search")
    assert not detail.evaluate(IS_GREY)
    look_until(late, ".slo-chart canvas >> nth=2")
    assert late.locator(".slo-chart canvas").count() == 3
    look_until(late, f"dd:has-text('{bad + 1} of ')")


@pytest.mark.parametrize("name", NAMES)
def test_the_token_opens_it(name: str, open_page: Any) -> None:
    """401 for strangers; the browser asks, and with the token as password everything works, refreshing too."""
    with example_of(name).served(API_METRICS_TOKEN=TOKEN, SLO_STORE="memory://") as server:
        for path in ("/slo", "/slo.json"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetch(server.url + path)
            refused.value.close()
            assert refused.value.code == 401
            assert refused.value.headers["WWW-Authenticate"].startswith("Basic")
        wrong = open_page(f"{server.url}/slo", http_credentials={"username": "me", "password": "guess"})
        assert wrong.answer.status == 401

        page = open_page(
            f"{server.url}/slo?slo=availability", http_credentials={"username": "anyone", "password": TOKEN}
        )
        assert page.answer.status == 200
        page.wait_for_selector(".slo-chart canvas")
        look_until(page, "#slo-message:has-text('Updated')")
        assert page.complaints == []
