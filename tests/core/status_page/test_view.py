"""The status page: what it shows, to whom, and what it says when the store is away."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from faulty_store import FaultyStore
from slo_core import SLORegistry
from slo_core.budgets.alerts import AlertState
from slo_core.budgets.burn_rate import sample
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.objectives.target import Target
from slo_core.status_page.links import relative_links
from slo_core.status_page.overview import burn_list
from slo_core.status_page.page import StatusPage
from slo_core.status_page.view import StatusView
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from slo_servers import wait_until

HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "&lt;b&gt; &amp; 'quotes' \"too\"",
    "x" * 300,
    "🔥 checkout 🧾",
    "תשלום الدفع",
    "a/b?c=d&e#f%2F",
    "</main></html>",
    "<slot></slot>",
]
LINKS = relative_links("slo")


class Text(HTMLParser):
    """What a reader sees of each row of the list."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr" and "data-slo" in dict(attributes):
            self.names.append(dict(attributes)["data-slo"])

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def registry_of(clock, names=("quiet", "met", "exhausted", "breached"), **options):
    registry = SLORegistry.from_config({name: {"target": "90%", **options} for name in names}, clock=clock)
    for name, bad in (("met", 0), ("exhausted", 1), ("breached", 2)):
        if name in registry:
            for number in range(10):
                registry[name].record(number >= bad)
    return registry


def overview(registry, **query):
    return Text(StatusPage(registry).overview(query, links=LINKS).html)


def test_the_worst_comes_first(clock):
    """What is in trouble is on top, without a click."""
    assert overview(registry_of(clock)).names == ["breached", "exhausted", "quiet", "met"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["breached", "exhausted", "met", "quiet"]),
        ("-name", ["quiet", "met", "exhausted", "breached"]),
        ("budget", ["breached", "exhausted", "met", "quiet"]),
        ("success", ["breached", "exhausted", "met", "quiet"]),
        ("nonsense", ["breached", "exhausted", "quiet", "met"]),
    ],
)
def test_every_column_sorts(clock, sort, names):
    """Either way round; what is no column sorts by state."""
    assert overview(registry_of(clock), sort=sort).names == names


@pytest.mark.parametrize(
    "column", ["name", "state", "target", "success", "budget", "burn", "alerts", "exhausted", "events", "fed"]
)
def test_no_column_breaks_the_list(clock, column):
    """With SLOs of every state in it."""
    assert len(overview(registry_of(clock), sort=column).names) == 4
    assert len(overview(registry_of(clock), sort=f"-{column}").names) == 4


def test_one_state_can_be_picked(clock):
    """And the others are a link away, with their counts."""
    found = overview(registry_of(clock), state="breached")

    assert found.names == ["breached"]
    assert "all 4" in found.text
    assert "met 1" in found.text


def test_a_row_says_everything(clock):
    """Two of ten failed where one may: the budget is overspent by as much again."""
    registry = registry_of(
        clock,
        description="Every page answers.",
        alert_rules=[
            {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 2},
        ],
    )
    clock.advance(seconds=600)
    registry["breached"].record(False)
    registry["breached"].record(False)

    text = overview(registry, state="breached").text

    for said in (
        "Every page answers.",
        "90.0%",
        "66.66%",
        "-233.4%",
        "1h 3.3x of 2",
        "page 1h/5m",
        "gone",
        "12",
        "4 bad",
    ):
        assert said in text, said
    assert "10m of 30 days measured" in text


def test_a_month_that_is_measured_from_its_first_on_is_not_called_partly_measured(clock):
    """Only what is missing of the month so far is told: on 11 January ten days of 31, measured or not."""
    clock.advance(seconds=datetime(2025, 12, 25, tzinfo=UTC).timestamp() - clock())
    whole = registry_of(clock, names=("met",), window="month")
    clock.advance(days=9)  # 3 January
    partly = registry_of(clock, names=("met",), window="month")
    clock.advance(days=8)

    assert "measured" not in overview(whole).text
    assert "8 of 31 days measured" in overview(partly).text
    assert "10 of 31 days" in Text(StatusPage(whole).detail("met", {}, links=LINKS).html).text


@pytest.mark.parametrize(
    ("column", "order"),
    [
        ("name", "ascending"),
        ("success", "ascending"),
        ("target", "descending"),
        ("burn", "descending"),
        ("alerts", "descending"),
        ("events", "descending"),
    ],
)
def test_the_order_is_told_as_it_is(clock, column, order):
    """To those who cannot see it: some columns begin with the biggest, and turned round with the smallest."""
    page = StatusPage(registry_of(clock))
    turned = {"ascending": "descending", "descending": "ascending"}[order]

    for sort, said in ((column, order), (f"-{column}", turned)):
        assert re.findall('aria-sort="([a-z]+)"', page.overview({"sort": sort}, links=LINKS).html) == [said]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("is_detail", [False, True])
def test_names_and_descriptions_stay_text(clock, name, is_detail):
    """Whatever they hold: no tag comes of it, and nothing is lost."""
    registry = SLORegistry.from_config({name: {"target": "99%", "description": name, "runbook": name}}, clock=clock)
    plain = SLORegistry.from_config({"a": {"target": "99%", "description": "a", "runbook": "a"}}, clock=clock)

    def page(of, called):
        query = LINKS.detail(called, {}).partition("?")[2] if is_detail else ""
        answer = StatusView(of, path="/slo").respond_page("GET", query=query)
        assert answer.status == 200
        return Text(answer.body.decode())

    found = page(registry, name)
    assert found.tags == page(plain, "a").tags
    assert name in found.text


def test_the_page_of_an_slo_has_everything_without_a_script(clock):
    """Numbers, definition, store, history, alerts, and what to look for in Prometheus."""
    registry = registry_of(clock, routes=["/checkout/*"], runbook="https://wiki.example/checkout")

    text = Text(StatusPage(registry).detail("breached", {"range": "6h"}, links=LINKS).html).text

    for said in (
        "2 of 1.0 allowed",
        "-100.0%",
        "/checkout/*",
        "https://wiki.example/checkout",
        "counts of one process",
        "The charts as a table",
        "Fires at",
        'slo_error_budget_remaining{slo="breached"}',
        "0s of 30 days",
    ):
        assert said in text, said


def is_good(status, exception):
    """What a project may write itself."""
    return status < 400


def defined(clock, **options):
    """What the page of an SLO says of its definition, by label."""
    registry = SLORegistry.from_config({"a": {"target": "90%", **options}}, clock=clock)
    html = StatusPage(registry).detail("a", {}, links=LINKS).html
    (section,) = re.findall("<h2>Definition</h2>(.*?)</section>", html)
    return dict(re.findall("<dt>(.*?)</dt><dd[^>]*>(.*?)</dd>", section))


def test_the_definition_is_shown_as_configured(clock):
    """All that decides what is counted, where it is not as usual."""
    found = defined(
        clock,
        latency="300ms",
        latency_failures="ignore",
        client_disconnect="bad",
        unmatched=True,
        burn_rate_windows=[1800, 7200],
        burn_rate_threshold=0.5 + 2,
    )

    assert found["Failed responses"] == "ignore"
    assert found["Client went away"] == "bad"
    assert found["Unmatched requests"] == "are counted"
    assert found["Burn windows"] == "30m, 2h"
    assert found["Burn threshold"] == "2.5x"
    usual = defined(clock, latency="300ms")
    told = ("Failed responses", "Client went away", "Unmatched requests", "Burn windows", "Burn threshold")
    assert not usual.keys() & set(told)


def test_what_classifies_stands_in_place_of_statuses(clock):
    """They do not count then."""
    found = defined(clock, classify=is_good)

    assert found["Classified by"] == f"{__name__}.is_good"
    assert "Bad statuses" not in found
    assert defined(clock)["Bad statuses"] == "5xx"


def test_a_factor_is_shown_as_it_was_written(clock):
    """A quarter is not two tenths."""
    rule = {"long_window": "1d", "short_window": "2h", "severity": "ticket", "burn_rate": 0.25}
    registry = SLORegistry.from_config({"a": {"target": "90%", "alert_rules": [rule]}}, clock=clock)

    assert "<td>0.25x<p>" in StatusPage(registry).detail("a", {}, links=LINKS).html


def test_a_window_stands_out_exactly_where_its_rule_would_fire():
    """One event short of a burn rate of 14.4 is below it, even where floats no longer tell them apart."""

    def stands_out(bad):
        window = sample(3600, EventCounts(10**20 - bad, bad), Target(0.999))
        snapshot = SLOSnapshot(
            "a", 0.999, 86_400, 0, 0, 1.0, 1.0, 0.0, alerts=(AlertState("page", 14.4, window, window, is_firing=False),)
        )
        return burn_list(snapshot).find(".//strong") is not None

    assert stands_out(144 * 10**16)
    assert not stands_out(144 * 10**16 - 1)


def test_a_script_is_no_runbook(clock):
    """Only addresses of the web become links."""
    registry = SLORegistry.from_config({"a": {"target": "99%", "runbook": "javascript:alert(1)"}}, clock=clock)

    html = StatusPage(registry).detail("a", {}, links=LINKS).html

    assert "javascript:alert(1)" in html
    assert 'href="javascript' not in html


def view_of(clock, **options):
    return StatusView(registry_of(clock), path="/internal/slo", **options)


def test_a_page_loads_nothing_from_elsewhere(clock):
    """Under the strictest policy: no inline style or script, no other host."""
    for query in ("", "slo=met"):
        answer = view_of(clock).respond_page("GET", query=query)
        html = answer.body.decode()

        assert dict(answer.headers)["Content-Security-Policy"].startswith("default-src 'self'")
        assert " style=" not in html
        assert " onclick" not in html
        assert re.findall(r"<script[^>]*>([^<]+)", html) == []
        assert all(address.startswith("slo") for address in re.findall(r'(?:src|href)="([^"]*)"', html))


def test_every_file_of_a_page_is_there(clock):
    """For a year, because another version has another address; and all of them together are small."""
    view = view_of(clock)
    html = view.respond_page("GET", query="slo=met").body.decode()
    names = set(re.findall(r'"slo/([a-z.]+)\?v=', html))

    assert names == {"slo.css", "slo.js", "slo.svg", "uplot.css", "uplot.js"}
    sizes = 0
    for name in names:
        answer = view.respond_asset("GET", name)
        assert answer.status == 200
        assert "immutable" in dict(answer.headers)["Cache-Control"]
        sizes += len(answer.body)
    assert sizes < 120_000
    assert view.respond_asset("GET", "../view.py").status == 404
    assert view.respond_asset("POST", "slo.js").status == 405


@pytest.mark.parametrize("respond", ["respond_page", "respond_json"])
def test_a_token_is_asked_for(clock, respond):
    """As a bearer token, or as the password that a browser asks a person for."""
    ask = getattr(view_of(clock, token="s3cret"), respond)
    basic = {
        password: "Basic " + base64.b64encode(f"anyone:{password}".encode()).decode()
        for password in ("s3cret", "wrong")
    }

    assert ask("GET").status == 401
    assert dict(ask("GET").headers)["WWW-Authenticate"].startswith("Basic")
    assert ask("GET", authorization="Bearer wrong").status == 401
    assert ask("GET", authorization=basic["wrong"]).status == 401
    assert ask("GET", authorization="Basic no base64!").status == 401
    assert ask("GET", authorization="s3cret").status == 401
    assert ask("GET", authorization=basic["s3cret"]).status == 200
    assert ask("GET", authorization="Bearer s3cret").status == 200


def test_methods_and_unknown_names(clock):
    """HEAD is GET without a body; what changes things is refused; an unknown SLO is not found."""
    view = view_of(clock)

    head, get = view.respond_page("HEAD"), view.respond_page("GET")
    assert head.body == b""
    assert dict(head.headers)["Content-Length"] == dict(get.headers)["Content-Length"]
    assert view.respond_page("POST").status == 405
    assert view.respond_json("DELETE").status == 405
    assert view.respond_page("GET", query="slo=nobody").status == 404
    assert json.loads(view.respond_json("GET", query="slo=nobody").body)["error"].startswith("no SLO named 'nobody'")
    assert view.respond_json("GET", query="slo=nobody").status == 404


def test_the_json_has_a_version_and_the_numbers_of_the_page(clock):
    """And with a name the past, in columns of one length."""
    view = view_of(clock)

    everything = json.loads(view.respond_json("GET").body)
    one = json.loads(view.respond_json("GET", query="slo=breached&range=6h").body)

    assert everything["version"] == one["version"] == 1
    assert [slo["name"] for slo in everything["slos"]] == ["quiet", "met", "exhausted", "breached"]
    past = one["history"]
    assert [slo["state"] for slo in one["slos"]] == ["breached"]
    assert past["range_seconds"] == 6 * 3600
    assert sum(past["bad"]) == 2
    assert past["error_budget_remaining"][-1] == one["slos"][0]["error_budget_remaining"] == -1.0
    columns = [past[name] for name in ("end", "good", "bad", "error_budget_remaining", "even_spend")]
    columns += [burned["burn_rate"] for burned in past["burn_rates"]]
    assert {len(column) for column in columns} == {len(past["end"])}


def test_a_store_that_is_away_is_told_of(clock, tmp_path):
    """In the page with 200, to programs with 503, and with no number that could be taken for one."""
    faulty = FaultyStore(SQLiteBucketStore(tmp_path / "slo.db", service="shop", clock=clock))
    store = WriteBehindStore(faulty, clock=clock, monotonic=clock)
    registry = SLORegistry.from_config({"a": {"target": "90%"}}, store=store, service="shop", clock=clock)
    registry["a"].record_failure()
    view = StatusView(registry, path="/slo")
    faulty.fails = "before"

    for query in ("", "slo=a"):
        answer = view.respond_page("GET", query=query)
        assert answer.status == 200
        assert "The store cannot be read" in answer.body.decode()
        assert 'data-store="away"' in answer.body.decode()
        assert "hunter2" not in answer.body.decode()
        assert "<td" not in answer.body.decode()
    for query in ("", "slo=a"):
        answer = view.respond_json("GET", query=query)
        assert answer.status == 503
        assert json.loads(answer.body)["store"]["is_up"] is False
    faulty.fails = None
    clock.advance(seconds=60)
    wait_until(lambda: 'data-store="up"' in view.respond_page("GET").body.decode())  # a failure is shared for a second


def test_counts_of_one_process_are_called_so(clock):
    """The page is served by the process that counts: it must not say, as a command does, that it sees nothing."""
    view = view_of(clock)

    for said in (
        view.respond_page("GET").body.decode(),
        view.respond_page("GET", query="slo=met").body.decode(),
        json.loads(view.respond_json("GET").body)["note"],
        json.loads(view.respond_json("GET", query="slo=met").body)["note"],
    ):
        assert "the numbers of the one that answered" in said
        assert "does not see" not in said


def test_answers_are_compressed_for_those_who_ask(clock):
    """200 SLOs are a lot of text."""
    view = view_of(clock)

    assert dict(view.respond_page("GET", accept_encoding="gzip").headers)["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in dict(view.respond_page("GET").headers)
