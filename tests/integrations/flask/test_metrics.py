"""The metrics route in a Flask application."""

from __future__ import annotations

import gzip
import inspect
import subprocess
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import prometheus_client.exposition as exposition
import pytest
from flask import Flask
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_service import AVAILABILITY, Service
from hung_store import HungReads
from slo_flask import SLO
from slo_servers import require
from wsgi_driver import Answer, serve

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def shop(**config: Any) -> Service:
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/boom", "boom", lambda: 1 / 0)
    app.add_url_rule("/<path:anything>", "anything", lambda anything: "anything", methods=["GET", "POST"])
    return Service(app, **config)


def header(answer: Answer, name: str) -> str | None:
    return dict(answer.headers).get(name)


def test_a_scrape_shows_what_was_counted() -> None:
    """One good request of two: the counters say so, and the scrape itself is not among them."""
    service = shop()
    service.ask(path="/")
    service.ask(path="/boom")

    service.ask(path="/metrics")
    samples = {
        (sample.name, sample.labels.get("slo"), sample.labels.get("outcome")): sample.value
        for family in parse_text(service.ask(path="/metrics").content.decode())
        for sample in family.samples
    }

    assert samples["slo_events_total", "availability", "good"] == 1
    assert samples["slo_events_total", "availability", "bad"] == 1
    assert samples["slo_target", "availability", None] == 0.9
    assert len(service.events) == 2


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", OPENMETRICS])
def test_the_content_type_is_what_was_negotiated(accept: str | None) -> None:
    """Prometheus 3 refuses a scrape whose content type does not fit its body."""
    answer = shop().ask(path="/metrics", **({} if accept is None else {"HTTP_ACCEPT": accept}))

    _, content_type = exposition.choose_encoder(accept or "")
    assert (answer.status, header(answer, "Content-Type")) == (200, content_type)
    parse = parse_openmetrics if "openmetrics" in content_type else parse_text
    assert {family.name for family in parse(answer.content.decode())} >= {"slo_target", "slo_breached"}


def test_gzip_and_names() -> None:
    """What the shared view offers passes through Flask: compression and a selection of names."""
    answer = shop().ask(path="/metrics?name[]=slo_target", HTTP_ACCEPT_ENCODING="gzip")

    assert header(answer, "Content-Encoding") == "gzip"
    families = list(parse_text(gzip.decompress(answer.content).decode()))
    assert [family.name for family in families] == ["slo_target"]


def test_head_has_the_headers_and_no_body() -> None:
    """The Content-Length is that of GET."""
    service = shop()

    answer = service.ask("HEAD", "/metrics")

    assert (answer.status, answer.content) == (200, b"")
    assert header(answer, "Content-Length") == str(len(service.ask(path="/metrics").content))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_are_405(method: str) -> None:
    """Answered by the view itself: no automatic OPTIONS, no other route that takes POST."""
    service = shop()

    answer = service.ask(method, "/metrics")

    assert (answer.status, header(answer, "Allow")) == (405, "GET, HEAD")
    assert service.events == []


def test_an_unknown_method_counts_for_nobody_either() -> None:
    """Flask's router answers FOO before the view is asked; it stays our own view."""
    app = Flask("shop")
    service = Service(app)

    assert service.ask("FOO", "/metrics").status == 405
    assert service.events == []


def test_a_token_is_asked_for() -> None:
    """Without it 401 and how to give it; with it the metrics."""
    service = shop(SLO_METRICS_TOKEN="s3cret")

    refused = service.ask(path="/metrics")
    assert (refused.status, header(refused, "WWW-Authenticate")) == (401, 'Bearer realm="metrics"')
    assert service.ask(path="/metrics", HTTP_AUTHORIZATION="Bearer wrong").status == 401
    assert service.ask(path="/metrics", HTTP_AUTHORIZATION="Bearer s3cret").status == 200
    assert service.events == []


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=abc", "text/plain; version=\xff", "," * 1_000_000]
)
def test_an_odd_accept_header_is_no_error(accept: str) -> None:
    """And nothing of it is in the answer."""
    answer = shop().ask(path="/metrics", headers={"Accept": accept})

    assert (answer.status, header(answer, "Content-Type")) == (200, exposition.choose_encoder("")[1])
    assert header(answer, "X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("authorization", ["Bearer \xff\xfe", "Basic \xe9", "Bearer \x00", "\xff" * 100_000])
def test_odd_bytes_in_the_token_open_nothing(authorization: str) -> None:
    """401, and no error."""
    service = shop(SLO_METRICS_TOKEN="s3cret")

    assert service.ask(path="/metrics", headers={"Authorization": authorization}).status == 401


def test_nothing_is_cached() -> None:
    """Proxies and browsers must ask each time."""
    assert header(shop().ask(path="/metrics"), "Cache-Control") == "no-store"


def test_the_path_comes_from_the_configuration() -> None:
    """/metrics is free then."""
    service = shop(SLO_METRICS_PATH="/internal/slo")

    assert b"slo_target" in service.ask(path="/internal/slo").content
    assert service.ask(path="/metrics").content == b"anything"


def test_switched_off_there_is_no_route() -> None:
    """SLO_METRICS_PATH = None; the requests are counted all the same."""
    service = shop(SLO_METRICS_PATH=None)

    assert service.ask(path="/metrics").content == b"anything"
    assert "slo_metrics" not in service.app.view_functions
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("part", ["routes", "views"])
def test_a_scrape_never_counts_not_even_when_named(part: str) -> None:
    """Our own view is out of every SLO."""
    app = Flask("shop")
    pattern = {"routes": "/metrics", "views": "slo_metrics"}[part]
    service = Service(app, {"metrics": {"target": 0.9, part: [pattern], "unmatched": True}})

    assert service.ask(path="/metrics").status == 200
    assert service.counts("metrics") == (0, 0)


def test_a_scrape_that_a_hook_refuses_counts_for_nobody() -> None:
    """The application asks for a login before every view: the metrics' mark is seen all the same."""
    app = Flask("shop")
    app.before_request(lambda: ("login, please", 401))
    service = Service(app)

    assert service.ask(path="/metrics").status == 401
    assert service.events == []


def test_the_scrape_of_a_mounted_application_counts_for_nobody() -> None:
    """Neither for itself nor for the application around it."""
    inner = shop()
    root = Flask("root")
    root.wsgi_app = DispatcherMiddleware(root.wsgi_app, {"/inner": inner.app})  # type: ignore[method-assign]
    outer = Service(root, {"outer": {"target": 0.9}})

    assert b"slo_target" in outer.ask(path="/inner/metrics").content
    assert (outer.events, inner.events) == ([], [])


def test_the_metrics_answer_with_host_matching() -> None:
    """On every host."""
    app = Flask("shop", host_matching=True, static_host="static.example")
    service = Service(app)

    assert service.ask(path="/metrics", HTTP_HOST="any.example").status == 200


def test_promtool_finds_nothing_to_complain_about() -> None:
    """The same linter that Prometheus's own documentation names."""
    promtool = require("promtool", package="prometheus")
    service = shop(
        definitions={**AVAILABILITY, "fast": {"target": 0.99, "latency": "250ms", "labels": {"team": 'a"b\n'}}}
    )
    service.ask(path="/")

    text = service.ask(path="/metrics").content
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False)

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")


def test_our_views_have_names_of_their_own_and_take_attributes() -> None:
    """Extensions tell views apart by `view.__module__` and `view.__name__`, read signatures, and hang notes on views."""
    views = [view for name, view in shop(SLO_STATUS_PATH="/slo").app.view_functions.items() if name.startswith("slo_")]

    assert (
        len({f"{view.__module__}.{view.__name__}" for view in views}) == len({view.__qualname__ for view in views}) == 4
    )
    for view in views:
        assert inspect.isfunction(view)
        assert view.__doc__
        inspect.signature(view)
        view.is_rate_limited = False  # type: ignore[attr-defined]  # as extensions do


def test_a_scrape_through_a_wrapped_view_counts_for_nobody() -> None:
    """A login decorator that hides the view's mark."""
    service = shop()
    view = service.app.view_functions["slo_metrics"]
    service.app.view_functions["slo_metrics"] = lambda: view()

    assert service.ask(path="/metrics").status == 200
    assert service.events == []


def test_a_server_with_several_workers_is_warned_of_its_setting(caplog: pytest.LogCaptureFixture) -> None:
    """The store is named by `SLO_STORE` here, and by no argument."""
    app = Flask("shop")
    app.config["SLO_DEFINITIONS"] = AVAILABILITY
    SLO().init_app(app)

    serve(app, "GET", "/metrics", **{"wsgi.multiprocess": True, "SERVER_SOFTWARE": "gunicorn"})

    assert "several workers (the server says wsgi.multiprocess)" in caplog.text
    assert "Set SLO_STORE to a store that all workers share" in caplog.text


def test_one_thread_at_a_time_waits_for_a_store_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server's threads: after a failure one scraper tries, and the others are answered at once."""
    app = Flask("shop")
    app.config.update(SLO_DEFINITIONS=AVAILABILITY, SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop")
    SLO(app)
    hung = HungReads(monkeypatch, failures=1)

    def scrape() -> bool:
        answer = serve(app, path="/metrics")
        assert answer.status == 200
        return b"slo_store_up{" in answer.content and b"slo_target{" in answer.content

    assert not scrape()
    with ThreadPoolExecutor(9) as threads:
        try:
            scrapers = []
            while not hung.began.is_set():  # the failure is shared for a second
                scrapers.append(threads.submit(scrape))
                wait([scrapers[-1]], 0.05)
            others = [threads.submit(scrape) for _ in range(8)]
            assert [other.result(60) for other in others] == [False] * 8
        finally:
            hung.release.set()
        assert any(scraper.result(60) for scraper in scrapers)
    app.extensions["slo"].registry.close()
