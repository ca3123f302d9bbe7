"""What a bad request is counted as in the list of causes: where, and with which outcome; never anything of the request."""

from __future__ import annotations

import asyncio
import json
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo_core import HTTPRule, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.cause_shares import CauseShare
from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.causes import place_of
from slo_core.http.outcome import slo_failed, slo_outcome
from slo_core.http.recorder import HTTPRecorder, RouteMatch
from slo_core.http.request import RequestKey
from slo_core.testing import FakeClock

ServiceOf = Callable[..., Any]


def causes(service: Any) -> list[tuple[str | None, str, int]]:
    breakdown = service.registry["a"].causes(3600)
    assert sum(each.bad for each in breakdown.causes) == breakdown.events.bad
    return [(each.where, each.outcome, each.bad) for each in breakdown.causes]


class PaymentError(Exception):
    """Its text holds a secret."""


@pytest.mark.parametrize(
    ("options", "request_options", "outcome"),
    [
        ({}, {"status": 503}, "503"),
        ({}, {"status": 0}, "0"),
        ({"bad_statuses": [404]}, {"status": 404}, "404"),
        # Which class it was tells more than the 500 that it ended as.
        ({}, {"status": 500, "exception": PaymentError("card 4711"), "is_answered": True}, "PaymentError"),
        ({}, {"status": None, "exception": PaymentError("card 4711")}, "PaymentError"),
        ({}, {"status": 200, "exception": asyncio.CancelledError()}, "CancelledError"),
        ({"bad_statuses": [422]}, {"status": 422, "exception": PaymentError(), "is_answered": True}, "422"),
        ({"latency": "1s"}, {"seconds": 2.0}, "slow"),
        ({"latency": "1s"}, {"seconds": 2.0, "status": 503}, "503"),
        ({"client_disconnect": "bad"}, {"disconnected": True}, "disconnected"),
        ({"client_disconnect": "bad"}, {"disconnected": True, "status": None}, "disconnected"),
        ({"latency": "1s"}, {"disconnected": True, "seconds": 2.0}, "disconnected"),
        ({"classify": lambda status, exception: status != 418}, {"status": 418}, "418"),
        ({"classify": lambda status, exception: exception is None}, {"exception": PaymentError()}, "PaymentError"),
        ({"classify": lambda status, exception: True, "latency": "1s"}, {"seconds": 2.0}, "slow"),
    ],
)
def test_the_outcome_is_what_decided(
    service_of: ServiceOf, options: dict[str, Any], request_options: dict[str, Any], outcome: str
) -> None:
    """The same with and without a listener, and for a request whose plan is remembered."""
    service = service_of(**options)
    for _ in range(3):
        assert service.request(method="POST", route="/pay/{id}", path="/pay/4711", **request_options) == {"a": False}

    assert causes(service) == [("POST /pay/{id}", outcome, 3)]


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        (lambda scope: slo_failed(scope, reason="card_declined"), "card_declined"),
        (slo_failed, "failed"),
        (lambda scope: slo_outcome(scope, True), "slow"),
    ],
)
def test_the_application_names_the_outcome(service_of: ServiceOf, report: Callable[[Any], None], outcome: str) -> None:
    """A reason; without one it failed. One that it calls good may still be too slow."""
    service = service_of(latency="1s")
    scope: dict[str, Any] = {}
    recorder = service.recorder
    observed = recorder.begin(scope, "POST", "/graphql")
    assert REQUEST_MARKS_KEY in scope
    report(scope)
    service.timer.advance(2)
    observed.status, observed.route_match = 200, RouteMatch("/graphql")
    recorder.finish(observed)

    assert causes(service) == [("POST /graphql", outcome, 1)]


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (RequestKey("GET", "/items/{id}", "item", None, False, False), "GET /items/{id}"),
        (RequestKey("_OTHER", "/items/{id}", None, None, False, False), "OTHER /items/{id}"),
        (RequestKey("POST", None, "shop:item", None, False, False), "POST shop:item"),
        (RequestKey("POST", None, None, place_of, False, False), "POST place_of"),
        (RequestKey("POST", None, None, PaymentError(), False, False), "POST PaymentError"),
        (RequestKey("POST", None, None, None, False, False), "POST unmatched"),
        (RequestKey("GET", "/a\nb\x1b[31m", None, None, False, False), "GET /a?b?[31m"),
        (RequestKey("GET", "/" + "x" * 10_000, None, None, False, False), "GET /" + "x" * 94 + "…"),
    ],
)
def test_the_place_is_the_method_and_the_template(key: RequestKey, place: str) -> None:
    """The view's name where a framework has none; at most 100 printable characters."""
    assert place_of(key) == place


def test_head_counts_as_get_and_a_made_up_method_as_other(service_of: ServiceOf) -> None:
    """Clients may make up any number of methods."""
    service = service_of()
    for method in ("HEAD", "GET", "BREW", "secret-token"):
        service.request(method=method, status=500, route="/x")

    assert causes(service) == [("GET /x", "500", 2), ("OTHER /x", "500", 2)]


def test_a_thousand_reasons_are_reported_once_and_counted_as_the_rest(clock: FakeClock) -> None:
    """An application that gives an id for a reason: no event is lost, and the log says it once."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("a", 0.9, http=HTTPRule()))
    recorder = HTTPRecorder(registry)
    for number in range(1000):
        scope: dict[str, Any] = {}
        observed = recorder.begin(scope, "GET", "/x")
        assert observed is not None
        slo_failed(scope, reason=f"order-{number}")
        observed.status = 200
        recorder.finish(observed)

    breakdown = tracker.causes(3600)
    assert breakdown is not None
    assert sum(each.bad for each in breakdown.causes) == 1000
    assert len(breakdown.causes) <= 32 + 17 + 1
    assert registry.internals.errors.total == 1


def test_an_exception_class_may_have_any_name(service_of: ServiceOf) -> None:
    """Made at run time from data, or with a metaclass that raises."""

    class Meta(type):
        @property
        def __name__(cls) -> str:
            raise ZeroDivisionError

    service = service_of()
    for exception in (type("card 4711\n" + "x" * 100, (Exception,), {})(), Meta("Lying", (Exception,), {})()):
        service.request(status=500, exception=exception, is_answered=True)

    assert sorted(outcome for _, outcome, _ in causes(service)) == ["Lying", "card_4711_" + "x" * 54]
    assert service.registry.internals.errors.total == 0


secrets = st.text(alphabet=string.ascii_letters + string.digits, min_size=12, max_size=20).map("zq".__add__)


@settings(max_examples=40, deadline=None)
@given(secret=secrets, status=st.sampled_from([None, 200, 404, 500]), is_unhandled=st.booleans())
def test_nothing_of_a_request_gets_into_a_cause(secret: str, status: int | None, is_unhandled: bool) -> None:
    """Not its path, its query, its headers, its method, nor an exception's text."""
    registry = SLORegistry(clock=FakeClock())
    tracker: SLOTracker = registry.define(
        SLODefinition("a", 0.9, http=HTTPRule(bad_statuses=["4xx", "5xx"], unmatched=True))
    )
    recorder = HTTPRecorder(registry)
    for route in (None, "/users/{name}"):
        scope: dict[str, Any] = {"query_string": secret, "headers": [(b"cookie", secret.encode())]}
        observed = recorder.begin(scope, secret, f"/users/{secret}")
        assert observed is not None
        observed.status, observed.route_match = status, RouteMatch(route)
        if is_unhandled:
            observed.exception = LookupError(secret)
        recorder.finish(observed)
    breakdown = tracker.causes(3600)

    assert breakdown is not None
    assert all(isinstance(each, CauseShare) for each in breakdown.causes)
    assert secret not in json.dumps([(each.where, each.outcome) for each in breakdown.causes])
