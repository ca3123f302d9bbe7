"""The application says itself whether a request was good."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from slo_core import SLORegistry
from slo_core.http import slo_failed, slo_outcome
from slo_core.http.recorder import HTTPRecorder
from slo_core.testing import FakeClock, capture_requests

DEFINITIONS = {"a": {"target": 0.9}, "fast": {"target": 0.9, "latency": "1s"}}


@pytest.fixture
def outcome_of() -> Callable[..., dict[str, bool]]:
    """`outcome_of(say)`: how each SLO counts one request, in which the application calls `say(scope)`."""

    def serve(say: Callable[[Any], None], *, status: int = 200, seconds: float = 0.0) -> dict[str, bool]:
        timer = FakeClock(0.0)
        registry = SLORegistry.from_config(DEFINITIONS)
        recorder = HTTPRecorder(registry, timer=timer)
        scope: dict[str, Any] = {}
        before = {tracker.name: tracker.snapshot() for tracker in registry}
        with capture_requests(registry) as events:
            observed = recorder.begin(scope, "GET", "/x")
            assert observed is not None
            observed.status = status
            say(scope)
            timer.advance(seconds)
            recorder.finish(observed)
        assert all(before[name].total == 0 for name in before)
        return events[0].outcomes if events else {}

    return serve


def test_a_200_that_failed_is_bad(outcome_of: Callable[..., dict[str, bool]]) -> None:
    """GraphQL and JSON-RPC answer 200 with errors inside."""
    assert outcome_of(slo_failed) == {"a": False, "fast": False}
    assert outcome_of(lambda scope: slo_outcome(scope, False, reason="declined")) == {"a": False, "fast": False}


def test_a_500_that_succeeded_is_good_where_it_was_fast(outcome_of: Callable[..., dict[str, bool]]) -> None:
    """The outcome says nothing of the time."""

    def succeed(scope: Any) -> None:
        slo_outcome(scope, True)

    assert outcome_of(succeed, status=500) == {"a": True, "fast": True}
    assert outcome_of(succeed, status=500, seconds=2.0) == {"a": True, "fast": False}


def test_the_last_word_counts(outcome_of: Callable[..., dict[str, bool]]) -> None:
    """A retry inside the view may succeed."""

    def hesitate(scope: Any) -> None:
        slo_failed(scope)
        slo_outcome(scope, True)

    assert outcome_of(hesitate) == {"a": True, "fast": True}


@pytest.mark.parametrize("name", ["scope", "environ", "META"])
def test_a_request_is_taken_for_its_scope(outcome_of: Callable[..., dict[str, bool]], name: str) -> None:
    """Starlette and Django, Flask, Django; and a request that wraps another, as REST framework's does."""
    assert outcome_of(lambda scope: slo_failed(SimpleNamespace(**{name: scope}))) == {"a": False, "fast": False}
    assert outcome_of(lambda scope: slo_failed(SimpleNamespace(_request=SimpleNamespace(**{name: scope})))) == {
        "a": False, "fast": False,
    }  # fmt: skip


def test_a_request_that_no_slo_counts_is_left_alone() -> None:
    """A test of a view has no middleware."""
    scope: dict[str, Any] = {}

    slo_failed(scope)

    assert scope == {}


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((None, False), {}, TypeError, "expected a request, an ASGI scope or a WSGI environ, got NoneType"),
        (({}, 1), {}, TypeError, "expected True or False, got 1"),
        (
            ({}, False),
            {"reason": "User 5"},
            ValueError,
            "expected up to 64 characters of a-z, 0-9 and _.:-, got 'User 5'",
        ),
        (({}, False), {"reason": "x" * 65}, ValueError, "expected up to 64 characters"),
        (({}, False), {"reason": ""}, ValueError, "expected up to 64 characters"),
        (({}, False), {"reason": 5}, ValueError, "got int"),
    ],
)
def test_a_wrong_argument_is_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """In the view, where the mistake is."""
    with pytest.raises(error, match=message):
        slo_outcome(*arguments, **options)
