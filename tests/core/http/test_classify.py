"""Good, bad or left out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest

ServiceOf = Callable[..., Any]
GOOD, BAD, LEFT_OUT = {"a": True}, {"a": False}, {}  # type: ignore[var-annotated]


@pytest.mark.parametrize(
    ("options", "status", "outcome"),
    [
        ({}, 200, GOOD), ({}, 101, GOOD), ({}, 304, GOOD), ({}, 404, GOOD), ({}, 429, GOOD), ({}, 499, GOOD),
        ({}, 500, BAD), ({}, 503, BAD), ({}, 599, BAD),
        ({}, 600, BAD), ({}, 999, BAD), ({}, 0, BAD),  # RFC 9110: a client takes an invalid status for a server error
        ({"bad_statuses": ["5xx", 429]}, 429, BAD), ({"bad_statuses": ["5xx", 429]}, 503, BAD),
        ({"bad_statuses": ["5xx", 429]}, 428, GOOD),
        ({"bad_statuses": ["4xx"]}, 404, BAD), ({"bad_statuses": ["4xx"]}, 500, GOOD),
        ({"bad_statuses": [503]}, 500, GOOD), ({"bad_statuses": [503]}, 503, BAD),
        ({"bad_statuses": []}, 500, GOOD),
    ],
)  # fmt: skip
def test_a_status_is_good_unless_it_is_named_bad(
    service_of: ServiceOf, options: dict[str, Any], status: int, outcome: dict[str, bool]
) -> None:
    """`bad_statuses` replaces `5xx`."""
    assert service_of(**options).request(status=status) == outcome


@pytest.mark.parametrize("exception", [LookupError(), SystemExit(1), KeyboardInterrupt(), asyncio.CancelledError()])
@pytest.mark.parametrize("status", [None, 200, 404])
@pytest.mark.parametrize("options", [{}, {"bad_statuses": []}, {"latency": "1s"}])
def test_an_unhandled_exception_is_always_bad(
    service_of: ServiceOf, options: dict[str, Any], status: int | None, exception: BaseException
) -> None:
    """Before the response or after it had started, whatever its status."""
    assert service_of(**options).request(status=status, exception=exception) == BAD


@pytest.mark.parametrize(
    ("options", "status", "outcome"),
    [
        ({}, 422, GOOD), ({}, 404, GOOD), ({}, 500, BAD), ({}, 503, BAD), ({}, 200, BAD), ({}, 302, BAD),
        ({"bad_statuses": [429]}, 429, BAD), ({"bad_statuses": [429]}, 422, GOOD),
        # An exception that ends as 500 is bad even where 5xx is not.
        ({"bad_statuses": [429]}, 500, BAD), ({"ignored_statuses": [422]}, 422, LEFT_OUT),
    ],
)  # fmt: skip
def test_an_exception_that_the_last_resort_answers_with_4xx_counts_as_that_status(
    service_of: ServiceOf, options: dict[str, Any], status: int, outcome: dict[str, bool]
) -> None:
    """An error page that answers anything below 400 hides nothing."""
    assert service_of(**options).request(status=status, exception=LookupError(), is_answered=True) == outcome


@pytest.mark.parametrize(
    ("ignored", "request_options", "outcome"),
    [
        ([401, "3xx"], {"status": 401}, LEFT_OUT), ([401, "3xx"], {"status": 302}, LEFT_OUT),
        ([401, "3xx"], {"status": 200}, GOOD), ([401, "3xx"], {"status": 500}, BAD),
        # Ignored goes before bad, before an exception, and before a classifier.
        ([503], {"status": 503}, LEFT_OUT), ([500], {"status": None, "exception": LookupError()}, LEFT_OUT),
    ],
)  # fmt: skip
def test_an_ignored_status_is_left_out(
    service_of: ServiceOf, ignored: list[Any], request_options: dict[str, Any], outcome: dict[str, bool]
) -> None:
    """Neither good nor bad: a scanner without a password spends no budget and earns none."""
    assert service_of(ignored_statuses=ignored).request(**request_options) == outcome
    assert service_of(ignored_statuses=ignored, latency="1s").request(**request_options) == outcome


def test_an_ignored_status_is_not_shown_to_the_classifier(service_of: ServiceOf) -> None:
    """It decides about the others."""
    service = service_of(ignored_statuses=[401], classify=lambda status, exception: False)

    assert service.request(status=401) == LEFT_OUT
    assert service.request(status=200) == BAD


def test_an_exception_before_any_response_is_a_500(service_of: ServiceOf) -> None:
    """That is what the server answers; an application that returns without a response gets the same."""
    service = service_of(bad_statuses=[500])

    assert service.request(status=None, exception=LookupError()) == BAD
    assert service.request(status=None) == BAD
    assert service.request(status=200, exception=LookupError()) == BAD
    assert service.request(status=200) == GOOD


@pytest.mark.parametrize(
    ("options", "request_options", "outcome"),
    [
        # Exactly at the threshold is good.
        ({}, {"seconds": 0.25}, GOOD),
        ({}, {"seconds": 0.26}, BAD),
        ({}, {"seconds": 0.0}, GOOD),
        # A stream is timed to its first byte, unless the rule says otherwise.
        ({}, {"seconds": 9.0, "first_byte": 0.25}, GOOD),
        ({}, {"seconds": 9.0, "first_byte": 0.26}, BAD),
        ({"latency_of": "total"}, {"seconds": 9.0, "first_byte": 0.1}, BAD),
        ({"latency_of": "total"}, {"seconds": 0.25, "first_byte": 0.1}, GOOD),
        # A body without a byte is timed to its end.
        ({}, {"seconds": 0.26, "status": 204}, BAD),
        # Fast failures are failures; or left out.
        ({}, {"seconds": 0.0, "status": 500}, BAD),
        ({}, {"seconds": 0.0, "exception": LookupError()}, BAD),
        ({"latency_failures": "ignore"}, {"seconds": 0.0, "status": 500}, LEFT_OUT),
        ({"latency_failures": "ignore"}, {"seconds": 9.0, "status": 500}, LEFT_OUT),
        ({"latency_failures": "ignore"}, {"seconds": 0.0, "exception": LookupError()}, LEFT_OUT),
        ({"latency_failures": "ignore"}, {"seconds": 9.0}, BAD),
        ({"latency_failures": "ignore"}, {"seconds": 0.1}, GOOD),
        ({"bad_statuses": [404]}, {"seconds": 0.0, "status": 404}, BAD),
    ],
)
def test_a_latency_slo(
    service_of: ServiceOf, options: dict[str, Any], request_options: dict[str, Any], outcome: dict[str, bool]
) -> None:
    """Good: answered well, in at most 250 ms."""
    assert service_of(latency="250ms", **options).request(**request_options) == outcome


def test_failures_are_ignored_by_latency_slos_only(service_of: ServiceOf) -> None:
    """Without a threshold the option has nothing to leave out."""
    assert service_of(latency_failures="ignore").request(status=500) == BAD


@pytest.mark.parametrize(
    ("policy", "latency", "seconds", "outcome"),
    [
        ("auto", None, 0.0, LEFT_OUT),
        ("auto", None, 99.0, LEFT_OUT),
        ("auto", "250ms", 0.25, LEFT_OUT),
        ("auto", "250ms", 0.26, BAD),
        ("ignore", None, 0.0, LEFT_OUT),
        ("ignore", "250ms", 0.26, LEFT_OUT),
        ("good", None, 0.0, GOOD),
        ("good", "250ms", 0.26, GOOD),
        ("bad", None, 0.0, BAD),
        ("bad", "250ms", 0.0, BAD),
    ],
)
@pytest.mark.parametrize("status", [None, 200])
def test_a_client_that_went_away(
    service_of: ServiceOf,
    policy: str,
    latency: str | None,
    seconds: float,
    status: int | None,
    outcome: dict[str, bool],
) -> None:
    """Before any status, or in the middle of a body: no server error; too slow if the threshold had passed."""
    options = {} if latency is None else {"latency": latency}
    service = service_of(client_disconnect=policy, **options)

    assert service.request(status=status, seconds=seconds, disconnected=True) == outcome


@pytest.mark.parametrize("policy", ["auto", "ignore", "good", "bad"])
def test_a_server_error_is_one_though_the_client_went_away(service_of: ServiceOf, policy: str) -> None:
    """The 500 had gone out, or the application failed before it could."""
    service = service_of(client_disconnect=policy)

    assert service.request(status=500, disconnected=True) == BAD
    assert service.request(status=None, exception=LookupError(), disconnected=True) == BAD


def test_a_client_that_left_in_the_middle_of_a_stream_had_its_first_byte_in_time(service_of: ServiceOf) -> None:
    """Timed to the first byte it is left out; to the last it was already too slow."""
    request = {"first_byte": 0.1, "seconds": 5.0, "disconnected": True}

    assert service_of(latency="250ms").request(**request) == LEFT_OUT
    assert service_of(latency="250ms", latency_of="total").request(**request) == BAD


def test_a_classifier_decides_in_place_of_the_statuses(service_of: ServiceOf) -> None:
    """It sees the status and the exception."""
    seen = []

    def classify(status: int, exception: BaseException | None) -> bool:
        seen.append((status, type(exception)))
        return status == 418

    service = service_of(classify=classify)

    assert service.request(status=418) == GOOD
    assert service.request(status=200) == BAD
    assert service.request(status=None, exception=LookupError()) == BAD
    assert seen == [(418, type(None)), (200, type(None)), (500, LookupError)]


def test_a_classifier_may_forgive_an_exception(service_of: ServiceOf) -> None:
    """It decides, and alone."""
    service = service_of(classify=lambda status, exception: isinstance(exception, LookupError))

    assert service.request(status=None, exception=LookupError()) == GOOD


def test_a_classifier_and_a_threshold_must_both_be_met(service_of: ServiceOf) -> None:
    """Good and in time."""
    service = service_of(classify=lambda status, exception: True, latency="250ms")

    assert service.request(status=500, seconds=0.1) == GOOD
    assert service.request(status=200, seconds=0.3) == BAD


def test_a_classifier_is_not_asked_about_a_client_that_left_before_any_status(service_of: ServiceOf) -> None:
    """There is no status to show it."""

    def classify(status: int, exception: BaseException | None) -> bool:
        raise AssertionError

    assert service_of(classify=classify).request(status=None, disconnected=True) == LEFT_OUT


@pytest.mark.parametrize("verdict", [None, 1, 0, "good", [], LookupError, asyncio.CancelledError])
def test_a_classifier_that_raises_or_says_neither_leaves_it_to_the_default_rule(
    service_of: ServiceOf, verdict: object, caplog: pytest.LogCaptureFixture
) -> None:
    """Each time counted, once a minute logged; the request is not lost."""

    def classify(status: int, exception: BaseException | None) -> bool:
        if isinstance(verdict, type):
            raise verdict
        return verdict  # type: ignore[return-value]  # that is the mistake

    service = service_of(classify=classify)
    with caplog.at_level(logging.ERROR, "slo_core"):
        assert [service.request(status=status) for status in (200, 500, 200)] == [GOOD, BAD, GOOD]

    assert service.registry.internals.errors.total == 3
    (record,) = caplog.records
    assert "classify of the SLO 'a'" in record.getMessage()
    assert "the default rule decided" in record.getMessage()
