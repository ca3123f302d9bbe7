"""Recent failures of a Flask application: the trace is that of the request's span, though the span ends before the body."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask, Response, g
from opentelemetry import context, trace

from flask_service import Service
from slo_core import ConfigError
from slo_core.budgets.causes import Cause
from slo_flask import SLO
from traced_apps import Tracing, in_spans_wsgi

DEFINITIONS = {"availability": {"target": 0.9}, "latency": {"target": 0.9, "latency": "200ms"}}


def in_spans_flask(app: Flask, tracing: Tracing) -> None:
    """A span that begins before the view and ends with the context of the request."""

    @app.before_request
    def begin() -> None:
        g.span = tracing.tracer.start_span("request")
        g.token = context.attach(trace.set_span_in_context(g.span))

    @app.teardown_request
    def end(_: object) -> None:
        context.detach(g.token)
        g.span.end()


@pytest.fixture
def tracing() -> Tracing:
    return Tracing()


def service_of(tracing: Tracing, *, is_listening: bool = False) -> Service:
    service = Service(definitions=DEFINITIONS)
    in_spans_flask(service.app, tracing)

    @service.app.get("/orders/<order>/<kind>")
    def view(order: str, kind: str) -> Any:
        service.clock.advance(0.25)
        if kind == "raise":
            raise ValueError("a secret")
        if kind == "stream":
            return Response(iter([b"a", b"b"]), 503)
        return "secret", 503 if kind == "503" else 200

    if not is_listening:
        service.registry.internals.request_listeners.clear()
    return service


@pytest.mark.parametrize("is_listening", [False, True])
@pytest.mark.parametrize(("kind", "outcome"), [("503", "503"), ("raise", "ValueError"), ("stream", "503")])
def test_a_bad_request_has_the_trace_of_its_span(tracing: Tracing, kind: str, outcome: str, is_listening: bool) -> None:
    """For an answer, an exception, a stream; nothing of the path, the query or the message is kept."""
    service = service_of(tracing, is_listening=is_listening)

    service.ask(path=f"/orders/alice-secret/{kind}", QUERY_STRING="token=secret")

    (failure,) = service.registry["availability"].recent_failures()
    assert failure.cause == Cause("GET /orders/<order>/<kind>", outcome)
    assert [failure.trace_id] == tracing.trace_ids
    assert failure.duration_seconds == pytest.approx(0.25)
    assert failure.at == service.clock()
    assert "secret" not in repr(failure)


def test_a_slow_request_has_its_trace_too(tracing: Tracing) -> None:
    """Its status is a good one: nothing is noted for the other SLO."""
    service = service_of(tracing)

    service.ask(path="/orders/1/good")

    (failure,) = service.registry["latency"].recent_failures()
    assert failure.cause == Cause("GET /orders/<order>/<kind>", "slow")
    assert [failure.trace_id] == tracing.trace_ids
    assert service.registry["availability"].recent_failures() == ()


def test_a_span_around_the_application_is_seen(tracing: Tracing) -> None:
    """OpenTelemetry's middleware for WSGI, outside of ours."""
    service = Service()
    service.app.add_url_rule("/", "view", lambda: Response(iter([b"a"]), 503))
    service.app.wsgi_app = in_spans_wsgi(service.app.wsgi_app, tracing)  # type: ignore[method-assign]

    service.ask()

    (failure,) = service.registry["availability"].recent_failures()
    assert [failure.trace_id] == tracing.trace_ids


def test_settings_are_those_of_the_application() -> None:
    """The header of request ids, the number, the address; a mistake is named by its key."""
    app = Flask("shop")
    app.config.update(
        SLO_DEFINITIONS={"a": {"target": 0.9}}, SLO_REQUEST_ID_HEADER="X-Request-ID", SLO_RECENT_FAILURES=1,
        SLO_TRACE_URL="https://t.example/{trace_id}",
    )  # fmt: skip
    app.add_url_rule("/", "view", lambda: ("", 503))
    SLO(app)
    registry = app.extensions["slo"].registry
    for number in range(2):
        app.test_client().get("/", headers={"X-Request-ID": f"r-{number}"}).get_data()

    assert [failure.request_id for failure in registry["a"].recent_failures()] == ["r-1"]
    assert registry.internals.trace_url == "https://t.example/{trace_id}"

    wrong = Flask("shop")
    wrong.config.update(SLO_DEFINITIONS={"a": {"target": 0.9}}, SLO_TRACE_URL="ftp://t.example/{trace_id}")
    with pytest.raises(ConfigError, match=r"app\.config\['SLO_TRACE_URL'\]: expected an address such as"):
        SLO(wrong)
