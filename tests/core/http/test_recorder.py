"""Requests from their beginning to their end: counted once, by whoever is outermost, and never an error of ours."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from slo_core import HTTPRule, InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.errors import UnknownNameError
from slo_core.http.matching import MatchResult, match_slos
from slo_core.http.recorder import HTTPRecorder, RouteMatch, exempt_request
from slo_core.stores.memory.store import MemoryLedger, MemoryStore
from slo_core.testing import FakeClock, capture_requests

ServiceOf = Callable[..., Any]


def counts(tracker: SLOTracker) -> tuple[int, int]:
    """Good and bad."""
    snapshot = tracker.snapshot()
    return snapshot.lifetime_good, snapshot.lifetime_bad


def send(recorder: HTTPRecorder, *, status: int = 200, request_scope: dict[str, Any] | None = None) -> bool:
    """One request without a route; whether anybody wanted to count it."""
    observed = recorder.begin({} if request_scope is None else request_scope, "GET", "/x")
    if observed is None:
        return False
    observed.status = status
    recorder.finish(observed)
    return True


# What a recorder is made of.


def test_neither_registry_nor_tracker_is_a_mistake() -> None:
    """The message names what to pass."""
    with pytest.raises(ValueError, match="expected registry= or tracker=, got neither; pass the SLORegistry"):
        HTTPRecorder()


def test_a_registry_in_which_nothing_counts_requests_is_a_mistake() -> None:
    """Of custom SLOs only, or of plain definitions."""
    registry = SLORegistry()
    registry.define(SLODefinition("a", 0.9))
    registry.define(SLODefinition("b", 0.9, kind="custom"))

    with pytest.raises(ValueError, match=r"give a definition an http=HTTPRule\(\) part, or pass slo_name="):
        HTTPRecorder(registry)


def test_a_registry_that_is_filled_later_may_be_accepted() -> None:
    """Who asks for that begins to count with the first SLO."""
    registry = SLORegistry()
    recorder = HTTPRecorder(registry, may_be_idle=True)
    send(recorder)

    tracker = registry.define(SLODefinition("a", 0.9, http=HTTPRule()))
    send(recorder)

    assert counts(tracker) == (1, 0)


@pytest.mark.parametrize("options", [{"tracker": True}, {}])
def test_an_slo_name_belongs_to_a_registry_alone(options: dict[str, Any]) -> None:
    """Two ways to name the SLO could name two."""
    tracker = SLOTracker(SLODefinition("a", 0.9))
    registry = SLORegistry()
    registry.add(tracker)
    given = {"tracker": tracker, "registry": registry} if options else {"tracker": tracker}

    with pytest.raises(ValueError, match="slo_name= names an SLO of a registry"):
        HTTPRecorder(**given, slo_name="a")


def test_an_unknown_slo_name_is_a_key_error() -> None:
    """That lists the known ones."""
    with pytest.raises(UnknownNameError, match="no SLO named 'a' is registered; known: none"):
        HTTPRecorder(SLORegistry(), slo_name="a")


def test_a_classifier_belongs_to_one_slo() -> None:
    """And is a callable."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}})

    with pytest.raises(ValueError, match="classify= decides for one SLO"):
        HTTPRecorder(registry, classify=lambda status, exception: True)
    with pytest.raises(ValueError, match="expected a callable"):
        HTTPRecorder(registry, slo_name="a", classify="nothing")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected a list of globs"):
        HTTPRecorder(registry, exclude="/healthz")


# One SLO for every request.


@pytest.mark.parametrize("by_name", [True, False])
def test_one_slo_may_count_every_request(by_name: bool) -> None:
    """With nothing left out: 404s of scanners and preflights, too; by default, below 500 without an exception is good."""
    registry = SLORegistry()
    tracker = registry.define(SLODefinition("a", 0.9))
    registry.define(SLODefinition("b", 0.9, http=HTTPRule()))
    recorder = HTTPRecorder(registry, slo_name="a") if by_name else HTTPRecorder(tracker=tracker)

    for method, status, exception in (
        ("GET", 200, None), ("OPTIONS", 204, None), ("GET", 404, None), ("FOO", 301, None),
        ("GET", 500, None), ("GET", 200, LookupError()), ("GET", None, LookupError()),
    ):  # fmt: skip
        observed = recorder.begin({}, method, "/x")
        assert observed is not None
        observed.status, observed.exception = status, exception
        recorder.finish(observed, lambda: RouteMatch(is_static=True))

    assert counts(tracker) == (4, 3)
    assert counts(registry["b"]) == (0, 0)


def test_one_slo_with_a_classifier_of_the_users_own() -> None:
    """`classify(status, exception_or_None) -> bool` decides, above the definition's own."""
    rule = HTTPRule(classify=lambda status, exception: False)
    tracker = SLOTracker(SLODefinition("a", 0.9, http=rule))
    recorder = HTTPRecorder(tracker=tracker, classify=lambda status, exception: status == 418)

    send(recorder, status=418)
    send(recorder, status=200)

    assert counts(tracker) == (1, 1)


def test_one_slo_that_has_a_rule_keeps_to_it() -> None:
    """It was asked to count its requests, not others."""
    tracker = SLOTracker(SLODefinition("a", 0.9, http=HTTPRule(routes=("/y",))))
    recorder = HTTPRecorder(tracker=tracker)

    send(recorder)

    assert counts(tracker) == (0, 0)


# From beginning to end.


def test_a_request_is_counted_once_however_often_it_ends(service_of: ServiceOf) -> None:
    """`finish` is called from wherever the end shows first, and then again."""
    service = service_of()
    observed = service.recorder.begin({}, "GET", "/x")
    observed.status = 200
    route_match = []

    service.recorder.finish(observed, lambda: route_match.append(1))
    observed.exception = LookupError()
    service.recorder.finish(observed, lambda: route_match.append(2))

    assert service.counts() == (1, 0)
    assert route_match == [1]


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


def test_an_slo_added_later_counts_from_then_on(service_of: ServiceOf) -> None:
    """Also for kinds of requests that were decided before."""
    service = service_of()
    assert service.request().keys() == {"a"}

    service.registry.define(SLODefinition("b", 0.9, http=HTTPRule()))

    assert service.request().keys() == {"a", "b"}


def test_a_request_under_way_when_an_slo_is_added_is_counted_by_those_it_began_with(service_of: ServiceOf) -> None:
    """Another installation may have taken the new SLO's count."""
    service = service_of()
    observed = service.recorder.begin({}, "GET", "/x")
    observed.status = 200
    service.registry.define(SLODefinition("b", 0.9, http=HTTPRule()))
    assert service.request().keys() == {"a", "b"}

    service.recorder.finish(observed)

    assert (service.counts("a"), service.counts("b")) == ((2, 0), (1, 0))


# Installed more than once.


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


def test_two_installations_for_two_slos_both_count() -> None:
    """Each with a classifier of its own."""
    registry = SLORegistry()
    for name in ("a", "b"):
        registry.define(SLODefinition(name, 0.9))
    first = HTTPRecorder(registry, slo_name="a")
    second = HTTPRecorder(registry, slo_name="b", classify=lambda status, exception: status != 404)
    request_scope: dict[str, Any] = {}
    exchanges = [recorder.begin(request_scope, "GET", "/x") for recorder in (first, second)]

    for recorder, observed in zip((first, second), exchanges, strict=True):
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
    exchanges = [outer.begin(request_scope, "GET", "/x"), inner.begin(request_scope, "GET", "/x")]

    for recorder, observed, status in zip((outer, inner), exchanges, (500, 200), strict=True):
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


# Never an error of ours.


def test_a_route_that_cannot_be_told_is_reported_and_the_request_counts(service_of: ServiceOf) -> None:
    """Frameworks change their routing."""
    service = service_of()
    observed = service.recorder.begin({}, "GET", "/x")
    observed.status = 500

    def resolve() -> RouteMatch:
        raise AttributeError("the router has moved")

    service.recorder.finish(observed, resolve)

    assert service.counts() == (0, 1)
    assert service.registry.internals.errors.total == 1


def test_no_route_is_no_route(service_of: ServiceOf) -> None:
    """A resolver that says None, and none at all, are the same."""
    service = service_of(routes=["/x"])
    for resolve in (None, lambda: None):
        observed = service.recorder.begin({}, "GET", "/x")
        observed.status = 200
        service.recorder.finish(observed, resolve)

    assert service.counts() == (2, 0)


class BrokenTimer:
    """A timer, or anything else of ours, that fails."""

    def __call__(self) -> float:
        raise LookupError("no time")


def test_what_fails_at_the_beginning_is_reported_and_the_request_passes(service_of: ServiceOf) -> None:
    """`None` is the integration's sign to step aside."""
    service = service_of()
    service.recorder.timer = BrokenTimer()

    assert service.recorder.begin({}, "GET", "/x") is None
    assert service.recorder.begin({"slo_core.request": "somebody else's"}, "GET", "/x") is None
    assert service.registry.internals.errors.total == 2


def test_what_fails_at_the_end_is_reported(service_of: ServiceOf) -> None:
    """The response is out: there is nobody to tell but the log."""
    service = service_of()
    observed = service.recorder.begin({}, "GET", "/x")
    observed.status = 200
    observed.method = ["GET"]  # what no server hands over

    service.recorder.finish(observed)

    assert service.counts() == (0, 0)
    assert service.registry.internals.errors.total == 1


def test_a_listener_that_fails_is_reported_and_the_request_is_counted() -> None:
    """A test's mistake is no user's."""
    service_registry = SLORegistry.from_config({"a": {"target": 0.9}})

    def listen(event: object) -> None:
        raise LookupError

    service_registry.internals.request_listeners.append(listen)
    send(HTTPRecorder(service_registry))

    assert counts(service_registry["a"]) == (1, 0)
    assert service_registry.internals.errors.total == 1


@pytest.mark.parametrize("latency", [None, 1.0])
@pytest.mark.parametrize("classify", [None, lambda status, exception: True])
def test_a_store_that_fails_does_not_keep_the_other_slos_from_counting(
    listens: bool, latency: float | None, classify: Any
) -> None:
    """Each SLO for itself; the trouble is counted for each request and logged once."""

    class BrokenStore(InMemoryStore):
        def record(self, observation: object) -> None:
            raise OSError("disk full")

    rule = HTTPRule(latency_seconds=latency, classify=classify)
    registry = SLORegistry()
    registry.add(SLOTracker(SLODefinition("broken", 0.9, http=rule), store=BrokenStore(60)))
    registry.define(SLODefinition("a", 0.9, http=rule))
    if listens:
        registry.internals.request_listeners.append(lambda event: None)
    recorder = HTTPRecorder(registry)

    send(recorder)
    send(recorder)

    assert counts(registry["a"]) == (2, 0)
    assert registry.internals.errors.total == 2


@pytest.mark.parametrize("latency", [None, 1.0])
def test_a_ledger_that_fails_does_not_keep_the_other_slos_from_counting(latency: float | None) -> None:
    """The same for a store that shares its numbers, which is turned to once a second."""

    class BrokenLedger(MemoryLedger):
        def wake(self) -> None:
            raise OSError("no thread to be had")

    class BrokenStore(MemoryStore):
        def ledger(self, definition: SLODefinition) -> MemoryLedger:
            return BrokenLedger(definition.longest_seconds, clock=self._clock)

    rule, clock = HTTPRule(latency_seconds=latency), FakeClock()
    registry = SLORegistry(clock=clock)
    registry.add(SLOTracker(SLODefinition("broken", 0.9, http=rule), store=BrokenStore(clock=clock), clock=clock))
    registry.define(SLODefinition("a", 0.9, http=rule))
    recorder = HTTPRecorder(registry)

    for status in (200, 200, 500):
        send(recorder, status=status)

    assert counts(registry["a"]) == (2, 1)
    assert registry.internals.errors.total == 3


def test_slos_with_clocks_of_their_own_are_counted_by_their_own_clocks() -> None:
    """Those of one registry share a look at the clock; a tracker made elsewhere may have another."""
    registry = SLORegistry(clock=FakeClock(2_000_000))
    mine = registry.define(SLODefinition("mine", 0.9, http=HTTPRule()))
    other = registry.add(SLOTracker(SLODefinition("other", 0.9, http=HTTPRule()), clock=FakeClock(1_000_000)))
    recorder = HTTPRecorder(registry)

    send(recorder)
    send(recorder)

    assert (mine.snapshot().last_event_at, other.snapshot().last_event_at) == (2_000_000, 1_000_000)
    assert counts(mine) == counts(other) == (2, 0)


def test_what_a_tracker_of_the_users_does_with_each_event_happens() -> None:
    """A subclass may show them to somebody else."""
    seen = []

    class Telling(SLOTracker):
        def record(self, success: bool, *, at: float | None = None) -> None:
            seen.append(success)
            super().record(success, at=at)

    tracker = Telling(SLODefinition("a", 0.9))
    recorder = HTTPRecorder(tracker=tracker)

    for status in (200, 200, 500):
        send(recorder, status=status)

    assert seen == [True, True, False]
    assert counts(tracker) == (2, 1)


def test_a_log_that_fails_does_not_reach_the_response(service_of: ServiceOf) -> None:
    """An error in reporting an error is the end of the line."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("disk full")

    service, handler = service_of(), Handler()
    service.recorder.timer = BrokenTimer()
    logging.getLogger("slo_core").addHandler(handler)
    try:
        assert service.recorder.begin({}, "GET", "/x") is None
    finally:
        logging.getLogger("slo_core").removeHandler(handler)


@pytest.mark.parametrize("path", ["", "x" * 65_536, "/\udcff\ud800", "/a\0b\n", "//", "/%ff", "/\U0001f525"])
@pytest.mark.parametrize("method", ["GET", "", "\udcff", "G" * 10_000])
def test_malformed_requests_are_requests(service_of: ServiceOf, path: str, method: str) -> None:
    """Whatever a server lets through is counted and never an error of ours."""
    service = service_of(routes=["*"], exclude=["/nowhere"])

    assert service.request(path, method=method, route=None) == {"a": True}
    assert service.registry.internals.errors.total == 0


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


def test_requests_from_many_threads_are_all_counted(service_with: ServiceOf) -> None:
    """4 x 2,000, while SLOs are added: nothing lost, nothing counted twice."""
    service = service_with({"a": {"target": 0.9, "routes": ["/x", "/y/*"]}, "b": {"target": 0.9, "latency": "1s"}})
    barrier = threading.Barrier(5)

    def work(number: int) -> None:
        barrier.wait()
        for index in range(2000):
            observed = service.recorder.begin({}, "GET", f"/y/{index}")
            observed.status = 500 if index % 4 == number else 200
            service.recorder.finish(observed, lambda: RouteMatch(f"/y/{{id{number}}}"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for number in range(20):
        service.registry.define(SLODefinition(f"later-{number}", 0.9, http=HTTPRule()))
    for thread in threads:
        thread.join()

    assert service.counts("a") == (6000, 2000)
    assert service.counts("b") == (6000, 2000)
    assert service.registry.internals.errors.total == 0
    service.request()
    assert sum(service.counts("later-19")) >= 1


def test_a_decision_made_while_an_slo_is_added_is_not_remembered_for_it(
    service_of: ServiceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worked out from the old definitions, it goes with them: the new SLO counts from the next request on."""
    service = service_of()
    add = [SLODefinition("b", 0.9, http=HTTPRule())]

    def match_slowly(*args: Any, **options: Any) -> MatchResult:
        match_result = match_slos(*args, **options)
        if add:  # another thread adds an SLO, and a request of its own makes it count
            service.registry.define(add.pop())
            service.recorder.begin({}, "GET", "/other")
        return match_result

    monkeypatch.setattr("slo_core.http.recorder.match_slos", match_slowly)
    service.request()

    assert service.request().keys() == {"a", "b"}


def test_a_fake_clock_serves_as_both_clocks() -> None:
    """Durations and instants from one."""
    clock = FakeClock()
    registry = SLORegistry.from_config({"a": {"target": 0.9, "latency": "1s"}}, clock=clock)
    recorder = HTTPRecorder(registry, timer=clock)
    observed = recorder.begin({}, "GET", "/x")
    assert observed is not None
    clock.advance(1)
    observed.status = 200
    recorder.finish(observed)

    assert counts(registry["a"]) == (1, 0)
