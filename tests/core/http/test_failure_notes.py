"""What is noted of a bad request: a trace, a request id, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import RouteMatch
from slo_core.testing import FakeClock

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
TRACEPARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ROUTE = RouteMatch("/orders/{id}")
SECRETS = {"path": "/orders/alice-secret", "query_string": b"token=secret", "user": "secret"}


class Served:
    """A registry with an SLO of availability and one of latency, and a recorder of its requests."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        options = {"request_id_header": "X-Request-ID", **options}
        self.registry = SLORegistry(clock=self.clock, **options)
        self.registry.define(SLODefinition("a", 0.9, http=HTTPRule()))
        self.registry.define(SLODefinition("slow", 0.9, http=HTTPRule(latency_seconds=1.0)))
        self.recorder = HTTPRecorder(self.registry, timer=self.clock)

    def request(
        self, scope: dict[str, Any], status: int = 503, *, seconds: float = 0.25, exception: Any = None
    ) -> None:
        observed = self.recorder.begin(scope, "GET", "/orders/alice-secret")
        assert observed is not None
        self.clock.advance(seconds)
        observed.status, observed.route_match = status, ROUTE
        if exception is not None:
            observed.exception = exception
        self.recorder.finish(observed)

    def failures(self, name: str = "a") -> Any:
        return self.registry[name].recent_failures()


def asgi(*headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http", "headers": [(b"cookie", b"secret"), *headers], **SECRETS}


def wsgi(**headers: str) -> dict[str, Any]:
    return {"PATH_INFO": "/orders/alice-secret", "QUERY_STRING": "token=secret", "HTTP_COOKIE": "secret", **headers}


@pytest.mark.parametrize(
    "scope",
    [
        asgi((b"x-request-id", b"r-1"), (b"traceparent", TRACEPARENT.encode())),
        wsgi(HTTP_TRACEPARENT=TRACEPARENT, HTTP_X_REQUEST_ID="r-1"),
    ],
)
def test_a_bad_request_is_noted(scope: dict[str, Any]) -> None:
    """With its cause, its duration, the trace of its caller and its id; nothing else of it."""
    served = Served()
    served.request(scope)

    (failure,) = served.failures()
    assert failure.at == served.clock()
    assert failure.cause == Cause("GET /orders/{id}", "503")
    assert (failure.duration_seconds, failure.trace_id, failure.request_id) == (0.25, TRACE, "r-1")
    assert served.failures("slow") == (failure,)
    assert "secret" not in repr(failure)


def test_an_exception_is_noted_by_its_class() -> None:
    """Its message is not kept."""
    served = Served()
    served.request(asgi((b"x-request-id", b"r-1")), exception=ValueError("a secret"))

    (failure,) = served.failures()
    assert (failure.cause, failure.request_id) == (Cause("GET /orders/{id}", "ValueError"), "r-1")
    assert "secret" not in repr(failure)


def test_a_slow_request_is_noted_for_the_slo_that_it_was_too_slow_for() -> None:
    """Good requests are not noted."""
    served = Served()
    served.request(asgi(), 200, seconds=2)
    served.request(asgi(), 200)

    assert served.failures() == ()
    (failure,) = served.failures("slow")
    assert (failure.cause, failure.duration_seconds) == (Cause("GET /orders/{id}", "slow"), 2.0)


def test_the_current_span_outranks_the_header() -> None:
    """The header names the caller's trace, which may be another one."""
    served = Served()
    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        served.request(asgi((b"traceparent", TRACEPARENT.encode())))

    assert int(served.failures()[0].trace_id, 16) == span.get_span_context().trace_id


def test_a_trace_that_was_noted_at_the_start_of_the_answer_stays() -> None:
    """Spans end before a body is sent under WSGI. A good and fast answer notes none."""
    served = Served()
    scope, good = wsgi(), wsgi()
    observed, fast = served.recorder.begin(scope, "GET", "/a"), served.recorder.begin(good, "GET", "/a")
    assert observed is not None
    assert fast is not None
    with TracerProvider().get_tracer("test").start_as_current_span("request") as span:
        served.recorder.failure_notes.note_trace(fast, 200, served.clock)
        served.clock.advance(2)
        served.recorder.failure_notes.note_trace(observed, 200, served.clock)
    observed.status = 200
    served.recorder.finish(observed)

    assert int(served.failures("slow")[0].trace_id, 16) == span.get_span_context().trace_id
    assert "slo_core.trace" not in good


@pytest.mark.parametrize(
    "value",
    [b"a" * 10_000_000, b"a\r\nb", b"\x00", b"<script>", b"\xff\xfe", b"", b"a b", b"${jndi:x}", "x", None, 7, ["a"]],
)
def test_hostile_headers_are_left_out(value: Any) -> None:
    """The request counts, and is noted without them."""
    served = Served()
    served.request(asgi((b"x-request-id", value), (b"traceparent", value)))
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    served.request(wsgi(HTTP_TRACEPARENT=text, HTTP_X_REQUEST_ID=text))

    failures = served.failures()
    assert [failure.trace_id for failure in failures] == [None, None]
    assert {failure.request_id for failure in failures} <= {None, "x"}
    assert served.registry.snapshot_all()[0].failures == 2


@pytest.mark.parametrize("headers", [7, [1, 2], [(b"a",)], [b"abc"], "text", [(b"traceparent", TRACEPARENT)] * 3])
def test_headers_of_another_shape_hurt_nothing(headers: Any) -> None:
    """A middleware may put anything into a scope."""
    served = Served()
    served.request({"headers": headers})

    assert len(served.failures()) == 1
    assert served.registry.snapshot_all()[0].failures == 1


def test_of_many_headers_the_first_are_looked_at() -> None:
    """100,000 of them cost no time."""
    served = Served()
    served.request(asgi(*[(b"a", b"b")] * 100_000, (b"x-request-id", b"late")))

    assert served.failures()[0].request_id is None


def test_without_a_setting_no_request_id_is_kept() -> None:
    """It is the application's to say which header is one."""
    served = Served(request_id_header=None)
    served.request(asgi((b"x-request-id", b"r-1")))
    served.request(wsgi(HTTP_X_REQUEST_ID="r-1"))

    assert [failure.request_id for failure in served.failures()] == [None, None]


def test_switched_off_nothing_is_looked_at() -> None:
    """No header is read, no span is asked for: the scope has headers that would raise."""

    class Untouched(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            assert key not in ("headers", "HTTP_TRACEPARENT", "slo_core.trace")
            return super().get(key, default)

    served = Served(recent_failures=0)
    served.request(Untouched(headers=[]))
    served.request(Untouched(headers=[]), exception=ValueError())

    assert served.failures() == ()
    assert served.registry.snapshot_all()[0].failures == 2
    assert served.registry.internals.errors.total == 0


def test_a_scope_that_raises_costs_the_details_only() -> None:
    """The request is counted and noted, and the error is reported."""

    class Raising(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            raise RuntimeError

    served = Served()
    served.request(Raising())

    assert served.registry.snapshot_all()[0].failures == 1
    assert served.failures()[0].trace_id is None
    assert served.registry.internals.errors.total > 0
