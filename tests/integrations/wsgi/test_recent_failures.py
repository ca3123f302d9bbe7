"""Recent failures behind the WSGI middleware, with OpenTelemetry inside and outside of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from slo_core import SLORegistry
from slo_wsgi import SLOMiddleware
from traced_apps import Tracing, in_spans_wsgi
from wsgi_driver import serve

DEFINITIONS = {"availability": {"target": 0.9}}


def application(environ: Any, start_response: Any) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/raise":
        raise ValueError("a secret")
    start_response("503 Service Unavailable", [])
    return iter([b"a", b"b"])


@pytest.mark.parametrize(("path", "is_inside"), [("/", True), ("/", False), ("/raise", False)])
def test_a_bad_request_has_the_trace_of_its_span(path: str, is_inside: bool) -> None:
    """Of a span that has ended when the body is sent. One that an exception has ended before is not seen."""
    tracing, registry = Tracing(), SLORegistry.from_config(DEFINITIONS)
    app: Any = in_spans_wsgi(application, tracing) if is_inside else application
    app = SLOMiddleware(app, registry=registry)
    if not is_inside:
        app = in_spans_wsgi(app, tracing)

    serve(app, "GET", path)

    (failure,) = registry["availability"].recent_failures()
    assert [failure.trace_id] == tracing.trace_ids


def test_without_a_span_the_header_names_the_trace() -> None:
    """Also after an exception."""
    registry = SLORegistry.from_config(DEFINITIONS, request_id_header="X-Request-ID")
    app = SLOMiddleware(application, registry=registry)
    headers = {"HTTP_TRACEPARENT": f"00-{'ab' * 16}-{'cd' * 8}-01", "HTTP_X_REQUEST_ID": "r-1"}

    serve(app, "GET", "/raise", **headers)

    (failure,) = registry["availability"].recent_failures()
    assert (failure.trace_id, failure.request_id) == ("ab" * 16, "r-1")
    assert "secret" not in repr(failure)
