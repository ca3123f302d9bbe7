"""Recent failures of a Django project: the trace is that of the request's span, wherever OpenTelemetry's middleware stands."""

from __future__ import annotations

import json

import pytest
from django.core import checks
from django.core.handlers.asgi import ASGIHandler
from django.test import override_settings
from slo_test_project.project import COMMON, MIDDLEWARE, OpenProject
from slo_test_project.tracing import tracing

from slo_core.budgets.causes import Cause
from slo_django.asgi import with_lifespan

TRACING = "slo_test_project.tracing.in_spans"
DEFINITIONS = {"availability": {"target": 0.9}}


@pytest.mark.parametrize("middleware", [[TRACING, MIDDLEWARE, COMMON], [MIDDLEWARE, TRACING, COMMON]])
@pytest.mark.parametrize("interface", ["wsgi", "asgi", "asgi with lifespan"])
@pytest.mark.parametrize(("path", "outcome"), [("/status/503/", "503"), ("/boom/", "RuntimeError")])
def test_a_bad_request_has_the_trace_of_its_span(
    open_for: OpenProject, interface: str, middleware: list[str], path: str, outcome: str
) -> None:
    """For an answer and an exception; of the request only its request id is kept."""
    project = open_for(
        interface[:4], MIDDLEWARE=middleware, SLO_DEFINITIONS=DEFINITIONS, SLO_REQUEST_ID_HEADER="X-Request-ID"
    )
    before = len(tracing.trace_ids)

    project.get(
        f"{path}?token=secret",
        headers={"X-Request-ID": "r-1", "Cookie": "secret"},
        application=with_lifespan(ASGIHandler()) if "lifespan" in interface else None,
    )

    (failure,) = project.registry["availability"].recent_failures()
    assert failure.cause is not None
    assert failure.cause.outcome == outcome
    if middleware[0] == TRACING or outcome != "503":  # else the span has ended when ours gets the answer
        assert [failure.trace_id] == tracing.trace_ids[before:]
    assert failure.request_id == "r-1"
    assert "secret" not in repr(failure)


def test_a_span_that_has_ended_leaves_the_header(open_for: OpenProject) -> None:
    """The trace of the caller."""
    project = open_for("wsgi", SLO_DEFINITIONS=DEFINITIONS)

    project.get("/status/503/", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    (failure,) = project.registry["availability"].recent_failures()
    assert (failure.cause, failure.trace_id) == (Cause("GET /status/<int:code>/", "503"), "ab" * 16)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SLO_TRACE_URL", "javascript:{trace_id}"), ("SLO_TRACE_URL", "https://t.example/{id}"),
        ("SLO_REQUEST_ID_HEADER", "HTTP_X_REQUEST_ID"), ("SLO_RECENT_FAILURES", 501),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named_by_the_check(setting: str, value: object) -> None:
    """As every other setting."""
    with override_settings(**{setting: value}):
        messages = checks.run_checks(tags=["slo"])

    assert [message.msg.partition(":")[0] for message in messages if message.is_serious()] == [f"settings.{setting}"]


def test_the_page_of_the_project_shows_them(open_for: OpenProject) -> None:
    """With links to the traces; and the JSON has them."""
    project = open_for(
        "wsgi", SLO_DEFINITIONS=DEFINITIONS, SLO_STATUS_PATH="/slo", SLO_TRACE_URL="https://t.example/{trace_id}"
    )
    project.get("/status/503/", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})

    page = project.get("/slo?slo=availability").body.decode()
    document = json.loads(project.get("/slo.json?slo=availability").body)

    assert f'href="https://t.example/{"ab" * 16}"' in page
    assert [failure["trace_id"] for failure in document["recent_failures"]] == ["ab" * 16]
