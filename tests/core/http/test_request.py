"""One request: counted once, whichever installation sees it, and what is seen of it."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from sent_request import counts, send
from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_core.http.outcome import slo_failed
from slo_core.http.recorder import HTTPRecorder, exempt_request
from slo_core.http.request import ObservedRequest
from slo_core.testing import capture_requests

ServiceOf = Callable[..., Any]


def test_a_request_is_counted_once_however_often_it_ends(service_of: ServiceOf) -> None:
    """`finish` is called from wherever the end shows first, and then again."""
    service = service_of()
    resolved = []

    class Resolved(ObservedRequest):
        def resolve(self) -> None:
            resolved.append(self.status)

    observed = service.recorder.begin({}, "GET", "/x", Resolved)
    observed.status = 200

    service.recorder.finish(observed)
    observed.exception = LookupError()
    service.recorder.finish(observed)

    assert service.counts() == (1, 0)
    assert resolved == [200]


def test_the_clock_stops_with_the_last_byte(service_of: ServiceOf) -> None:
    """Not when the application returns: a background task of 0.3 s makes no slow request."""
    service = service_of(latency="100ms")
    with capture_requests(service.registry) as events:
        observed = service.recorder.begin({}, "GET", "/x")
        service.timer.advance(0.02)
        observed.status, observed.first_byte = 200, service.timer()
        service.timer.advance(0.03)
        observed.ended = service.timer()
        service.timer.advance(0.3)
        service.recorder.finish(observed)

    (event,) = events
    assert (event.first_byte_seconds, event.duration_seconds) == (pytest.approx(0.02), pytest.approx(0.05))
    assert event.outcomes == {"a": True}


def test_a_listed_request_tells_what_was_seen_of_it(service_of: ServiceOf) -> None:
    """Everything that a test may want to look at."""
    service = service_of(latency="1s")
    error = LookupError()
    with capture_requests(service.registry) as events:
        service.request("/items/5", method="HEAD", status=503, route="items/{id}", view_name="item", seconds=0.5)
        service.request(method="FOO", status=None, route=None, exception=error, disconnected=True)

    first, second = events
    assert (first.method, first.path, first.route, first.view_name) == ("GET", "/items/5", "/items/{id}", "item")
    assert (first.status, first.exception, first.disconnected) == (503, None, False)
    assert (first.duration_seconds, first.first_byte_seconds) == (0.5, None)
    assert first.outcomes == {"a": False}
    assert (second.method, second.route, second.status, second.disconnected) == ("_OTHER", None, 500, True)
    assert second.exception is error


def test_an_exempt_request_counts_for_nothing(service_of: ServiceOf) -> None:
    """Our own views mark their requests, wherever they are mounted."""
    service = service_of()
    request_scope: dict[str, Any] = {}
    observed = service.recorder.begin(request_scope, "GET", "/metrics")
    observed.status = 200

    exempt_request(request_scope)
    exempt_request({})  # not under any installation: nothing to do
    service.recorder.finish(observed)

    assert service.counts() == (0, 0)


def test_the_outermost_of_two_installations_counts(service_of: ServiceOf) -> None:
    """A mounted application with the same middleware, an ASGI wrapper around Django: once, by what went out."""
    service = service_of()
    request_scope: dict[str, Any] = {}
    outer = service.recorder.begin(request_scope, "GET", "/mount/x")
    inner = service.recorder.begin(dict(request_scope), "GET", "/x")  # a copied scope shares the marks

    outer.status = 500
    service.recorder.finish(outer)

    assert inner is None
    assert service.counts() == (0, 1)


def test_a_finished_request_needs_no_garbage_collector_though_its_scope_is_kept(service_of: ServiceOf) -> None:
    """Servers hold the scope: the request stands in it until its end, and not longer."""
    service = service_of()

    class Weak(ObservedRequest):
        __slots__ = ("__weakref__",)

    def gone(request_scope: dict[str, Any], say: Callable[[Any], object]) -> bool:
        observed = service.recorder.begin(request_scope, "GET", "/x", Weak)
        reference = weakref.ref(observed)
        observed.status = 200
        say(request_scope)
        service.recorder.finish(observed)
        del observed
        return reference() is None

    scopes: list[dict[str, Any]] = [{} for _ in range(4)]
    gc.disable()
    try:
        says = (lambda scope: None, slo_failed, exempt_request, lambda scope: service.recorder.begin(scope, "GET", "/"))
        assert [gone(scope, say) for scope, say in zip(scopes, says, strict=True)] == [True] * 4
    finally:
        gc.enable()


def test_a_scope_that_is_served_again_counts_once_for_each_slo() -> None:
    """An application may be called twice with the same scope; what is said of it after its end changes nothing."""
    registry = SLORegistry()
    for name in ("a", "b"):
        registry.define(SLODefinition(name, 0.9, http=HTTPRule()))
    first, second = HTTPRecorder(registry, slo_name="a"), HTTPRecorder(registry)
    request_scope: dict[str, Any] = {}
    taken = []
    for recorder in (first, first, second, second):
        observed = recorder.begin(request_scope, "GET", "/x")
        handed_on = dict(request_scope)
        taken.append(observed is not None)
        if observed is not None:
            observed.status = 200
            recorder.finish(observed)
        slo_failed(request_scope)
        slo_failed(handed_on)

    assert taken == [True, False, True, False]
    assert (counts(registry["a"]), counts(registry["b"])) == ((1, 0), (1, 0))


def test_two_installations_for_two_slos_both_count() -> None:
    """Each with a classifier of its own."""
    registry = SLORegistry()
    for name in ("a", "b"):
        registry.define(SLODefinition(name, 0.9))
    first = HTTPRecorder(registry, slo_name="a")
    second = HTTPRecorder(registry, slo_name="b", classify=lambda status, exception: status != 404)
    request_scope: dict[str, Any] = {}
    requests = [recorder.begin(request_scope, "GET", "/x") for recorder in (first, second)]

    for recorder, observed in zip((first, second), requests, strict=True):
        assert observed is not None
        observed.status = 404
        recorder.finish(observed)

    assert (counts(registry["a"]), counts(registry["b"])) == ((1, 0), (0, 1))


def test_an_inner_installation_counts_what_the_outer_one_does_not() -> None:
    """For each SLO the outermost wins, and an SLO only one of them knows is that one's."""
    registry = SLORegistry()
    for name in ("a", "b"):
        registry.define(SLODefinition(name, 0.9, http=HTTPRule()))
    outer, inner = HTTPRecorder(registry, slo_name="a"), HTTPRecorder(registry)
    request_scope: dict[str, Any] = {}
    requests = [outer.begin(request_scope, "GET", "/x"), inner.begin(request_scope, "GET", "/x")]

    for recorder, observed, status in zip((outer, inner), requests, (500, 200), strict=True):
        assert observed is not None
        observed.status = status
        recorder.finish(observed)

    assert (counts(registry["a"]), counts(registry["b"])) == ((0, 1), (1, 0))


def test_two_services_with_an_slo_of_the_same_name_both_count(service_of: ServiceOf) -> None:
    """They are two SLOs."""
    shop, blog = service_of(service="shop"), service_of(service="blog")
    request_scope: dict[str, Any] = {}

    assert send(shop.recorder, request_scope=request_scope)
    assert send(blog.recorder, request_scope=request_scope)
    assert not send(shop.recorder, request_scope=request_scope)

    assert (shop.counts(), blog.counts()) == ((1, 0), (1, 0))


def test_the_traceback_of_an_exception_is_not_kept(service_of: ServiceOf) -> None:
    """Its frames hold the request and all that belongs to it."""
    service = service_of()

    class Big:
        pass

    def fail(big: Big) -> None:
        raise LookupError

    big = Big()
    reference = weakref.ref(big)
    observed = service.recorder.begin({}, "GET", "/x")
    try:
        fail(big)
    except LookupError as exc:
        observed.exception = exc
    service.recorder.finish(observed)
    service.events.clear()
    del big
    gc.collect()

    assert reference() is None


@pytest.mark.parametrize("say", [lambda scope: None, slo_failed], ids=["alone", "with marks"])
def test_a_pickled_scope_counts_as_a_request_of_its_own(service_of: ServiceOf, say: Callable[[Any], object]) -> None:
    """It may be served elsewhere, or again; a deep copy in this process is the same request."""
    service = service_of()
    request_scope: dict[str, Any] = {}
    observed = service.recorder.begin(request_scope, "GET", "/x")
    say(request_scope)

    assert send(service.recorder, request_scope=pickle.loads(pickle.dumps(request_scope)))  # noqa: S301
    assert pickle.loads(pickle.dumps(observed)) == frozenset()  # noqa: S301
    assert not send(service.recorder, request_scope=copy.deepcopy(request_scope))
    assert service.counts() == (1, 0)


def test_a_scope_that_refuses_changes_counts(service_of: ServiceOf) -> None:
    """Of each service around it once: a dict that protects itself loses no request."""

    class Frozen(dict[str, Any]):
        def __setitem__(self, key: str, value: object) -> None:
            raise TypeError("frozen")

    shop, blog = service_of(service="shop"), service_of(service="blog")
    request_scope = Frozen()

    taken = [send(service.recorder, request_scope=request_scope) for service in (shop, blog, shop)]

    assert [bool(each) for each in taken] == [True, True, False]
    assert (shop.counts(), blog.counts()) == ((1, 0), (1, 0))
