"""An SLO that none of the first requests belongs to is named in the log, once."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from sent_request import send
from slo_core import SLORegistry
from slo_core.http import first_requests
from slo_core.http.markers import slo_exempt
from slo_core.http.recorder import HTTPRecorder, RouteMatch

DEFINITIONS: dict[str, Any] = {
    "all": {"target": 0.9},
    "writes": {"target": 0.9, "methods": ["POST"]},
    "jobs": {"target": 0.9, "kind": "custom"},
}
EXEMPT = RouteMatch("/health", view=slo_exempt(lambda: None))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests are enough."""
    monkeypatch.setattr(first_requests, "_ENOUGH_REQUESTS", 3)


def recorder_of(definitions: dict[str, Any], **options: Any) -> HTTPRecorder:
    return HTTPRecorder(SLORegistry.from_config(definitions), may_be_idle=True, **options)


def test_an_slo_without_a_request_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """With the place to look at; SLOs that are fed, or by hand, are not named."""
    recorder = recorder_of(DEFINITIONS)

    for _ in range(2):
        send(recorder)
    assert caplog.messages == []
    for _ in range(5):
        send(recorder)

    (message,) = caplog.messages
    assert message == (
        "none of the first 3 requests of this process belongs to the SLO 'writes'; if that is a surprise, look at its "
        "routes, views, methods and exclude in SLO_DEFINITIONS"
    )


def test_a_lone_slo_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    """No other SLO has to count the requests."""
    recorder = recorder_of({"orders": {"target": 0.9, "routes": ["/orders/*"], "exclude": ["/orders*"]}})

    for _ in range(4):
        send(recorder, route_match=RouteMatch("/orders/{id}"), path="/orders/7")

    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("route_match", "options"),
    [
        (RouteMatch(), {"status": 404}), (RouteMatch(), {"status": 301}), (EXEMPT, {}), (RouteMatch(is_static=True), {}),
        (RouteMatch("/up"), {}), (RouteMatch(), {"path": "/up"}),
    ],
)  # fmt: skip
def test_requests_that_no_slo_could_count_say_nothing(
    route_match: RouteMatch, options: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Scanners, probes, files and whatever the settings exclude may come by the thousand."""
    recorder = recorder_of({"orders": {"target": 0.9, "routes": ["/orders"]}}, exclude=["/up"])

    for _ in range(10):
        send(recorder, route_match=route_match, **options)

    assert caplog.messages == []


def test_silence_once_every_slo_has_taken_a_request(caplog: pytest.LogCaptureFixture) -> None:
    """Then there is nothing left to note, and requests are counted in the shortest way."""
    recorder = recorder_of(DEFINITIONS)

    for method in ("GET", "POST", "GET", "GET", "GET", "GET"):
        send(recorder, method=method)

    assert caplog.messages == []
    assert recorder._first_requests.is_over


def test_an_installation_that_counts_every_request_for_one_slo_judges_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Another one may feed them."""
    caplog.set_level(logging.WARNING)
    recorder = HTTPRecorder(SLORegistry.from_config(DEFINITIONS), slo_name="all")

    for _ in range(5):
        send(recorder)

    assert caplog.messages == []
