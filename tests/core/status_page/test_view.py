"""
The status page and its JSON as answers: to whom, and what they say when the store is away.

Tests of view and page.
"""

from __future__ import annotations

import base64
import html
import json
import re

import pytest

from faulty_store import FaultyStore
from slo_core import SLORegistry
from slo_core.status_page.view import StatusView
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_servers import wait_until
from status_page_text import PageText, registry_of_states


def view_of(clock, **options):
    return StatusView(registry_of_states(clock), path="/internal/slo", **options)


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


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ("slo=met&range=7x", "range: expected one of 1h, 6h, 1d, 3d, 7d, 30d, got '7x'"),
        ("slo=met&range=", "range: expected one of 1h, 6h, 1d, 3d, 7d, 30d, got ''"),
        ("slo=met&range=1h&range=6h", "range: expected one value, got '1h' and '6h'"),
        ("range=6h", "range: expected with an SLO, whose history it is about; add slo=NAME"),
        ("slo=met&rnage=6h", "'rnage': unknown parameter of the JSON; did you mean \"range\"?"),
        ("state=breached", "'state': unknown parameter of the JSON; known: range, slo"),
    ],
)
def test_the_json_refuses_a_parameter_that_means_nothing(clock, query, error):
    """With 400, and what was expected; what it means twice is fine, and so is what caches are fooled with."""
    view = view_of(clock)

    answer = view.respond_json("GET", query=query)

    assert (answer.status, json.loads(answer.body)) == (400, {"version": 1, "error": error})
    assert view.respond_json("GET", query="slo=met&slo=met&range=6h&_=17").status == 200


@pytest.mark.parametrize(
    ("query", "note"),
    [
        ("slo=met&range=7x", "In the address, range: expected one of 1h, 6h, 1d, 3d, 7d, 30d, got '7x'."),
        ("slo=met&range=1h&range=6h", "In the address, range: expected one value, got '1h' and '6h'."),
        ("state=on+fire", "In the address, state: expected one of paging, ticketing, waiting, breached, exhausted,"),
        ("sort=colour", "In the address, sort: expected one of name, -name,"),
        ("stat=paging", "In the address, 'stat': unknown parameter of this page; did you mean \"state\"?"),
        ("foo=1", "In the address, 'foo': unknown parameter of this page; known: incidents, label, sort, state."),
        ("slo=met&rang=6h", "In the address, 'rang': unknown parameter of this page; did you mean \"range\"?"),
        ("state=paging&state=met", "In the address, state: expected one value, got 'paging' and 'met'."),
        ("slo=met&slo=burning", "In the address, slo: expected one value, got 'met' and 'burning'."),
    ],
)
def test_the_page_says_which_parameter_it_ignores(clock, query, note):
    """It stays a page: an old bookmark is no error; with the same state and order as without the parameter."""
    view = view_of(clock)

    answer = view.respond_page("GET", query=query)

    assert answer.status == 200
    assert note in html.unescape(answer.body.decode())
    if query.startswith("state"):
        assert PageText(answer.body.decode()).names == PageText(view.respond_page("GET").body.decode()).names
    assert "In the address" not in view.respond_page("GET", query="slo=met&range=1d&utm_source=mail&_=1").body.decode()
    assert "In the address" not in view.respond_page("GET", query="state=met&sort=-name").body.decode()


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
        assert ('id="slo-search"' in answer.body.decode()) is (not query)  # the rows will come, without a reload
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

    for text in (
        view.respond_page("GET").body.decode(),
        view.respond_page("GET", query="slo=met").body.decode(),
        json.loads(view.respond_json("GET").body)["note"],
        json.loads(view.respond_json("GET", query="slo=met").body)["note"],
    ):
        assert "the numbers of the one that answered" in text
        assert "does not see" not in text


def test_answers_are_compressed_for_those_who_ask(clock):
    """200 SLOs are a lot of text."""
    view = view_of(clock)

    assert dict(view.respond_page("GET", accept_encoding="gzip").headers)["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in dict(view.respond_page("GET").headers)
