"""Requests from their beginning to their end: each is counted, and an error of ours never reaches the response."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sent_request import counts, send
from slo_core import HTTPRule, InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.errors import UnknownNameError
from slo_core.http.recorder import HTTPRecorder, RouteMatch
from slo_core.http.request import ObservedRequest
from slo_core.stores.memory.store import MemoryLedger, MemoryStore
from slo_core.testing import FakeClock

ServiceOf = Callable[..., Any]


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
        observed.status, observed.exception, observed.route_match = status, exception, RouteMatch(is_static=True)
        recorder.finish(observed)

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


# Never an error of ours.


def test_a_route_that_cannot_be_told_is_reported_and_the_request_counts(service_of: ServiceOf) -> None:
    """Frameworks change their routing."""
    service = service_of()

    class Lost(ObservedRequest):
        def resolve(self) -> RouteMatch:
            raise AttributeError("the router has moved")

    observed = service.recorder.begin({}, "GET", "/x", Lost)
    observed.status = 500
    service.recorder.finish(observed)

    assert service.counts() == (0, 1)
    assert service.registry.internals.errors.total == 1


def test_no_route_is_no_route(service_of: ServiceOf) -> None:
    """Then the path decides."""
    service = service_of(routes=["/x"])
    observed = service.recorder.begin({}, "GET", "/x")
    observed.status = 200
    service.recorder.finish(observed)

    assert service.counts() == (1, 0)


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
    """The response is out: only the log can take it."""
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


@pytest.mark.parametrize("caller", ["classify", "listener", "timer", "clock", "resolve"])
def test_a_cancelled_future_in_a_users_function_is_that_functions_error(caller: str) -> None:
    """`result()` of a cancelled future raises no `Exception`; it must neither reach the request nor lose it for other SLOs."""

    def cancelled(*arguments: object) -> Any:
        raise asyncio.CancelledError

    registry = SLORegistry()
    rule = HTTPRule(classify=cancelled if caller == "classify" else None)
    clock = FakeClock()
    registry.add(SLOTracker(SLODefinition("mine", 0.9, http=rule), clock=lambda: clock()))
    registry.define(SLODefinition("last", 0.9, http=HTTPRule()))
    if caller == "listener":
        registry.internals.request_listeners.append(cancelled)
    recorder = HTTPRecorder(registry, timer=cancelled if caller == "timer" else FakeClock())

    class Request(ObservedRequest):
        resolve = cancelled if caller == "resolve" else ObservedRequest.resolve

    if caller == "clock":
        clock = cancelled  # type: ignore[assignment]  # from now on
    observed = recorder.begin({}, "GET", "/x", Request)
    if observed is not None:
        observed.status = 200
        recorder.finish(observed)

    assert registry.internals.errors.total == 1
    assert counts(registry["last"]) == ((1, 0) if caller != "timer" else (0, 0))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_signal_that_comes_in_a_users_function_stops_the_process(stop: type[BaseException]) -> None:
    """Python raises it wherever the process is at the moment."""

    def stopped(status: int, exception: BaseException | None) -> bool:
        raise stop

    registry = SLORegistry()
    registry.define(SLODefinition("a", 0.9, http=HTTPRule(classify=stopped)))

    with pytest.raises(stop):
        send(HTTPRecorder(registry))


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
    """A subclass may pass them on."""
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


def test_requests_from_many_threads_are_all_counted(service_with: ServiceOf) -> None:
    """4 x 2,000, while SLOs are added: nothing lost, nothing counted twice."""
    service = service_with({"a": {"target": 0.9, "routes": ["/x", "/y/*"]}, "b": {"target": 0.9, "latency": "1s"}})
    barrier = threading.Barrier(5)

    def work(number: int) -> None:
        barrier.wait()
        for index in range(2000):
            observed = service.recorder.begin({}, "GET", f"/y/{index}")
            observed.status = 500 if index % 4 == number else 200
            observed.route_match = RouteMatch(f"/y/{{id{number}}}")
            service.recorder.finish(observed)

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


@pytest.mark.parametrize(
    ("options", "request_options", "cell"),
    [
        ({}, {"seconds": 0.1}, 4),
        ({}, {"seconds": 0.3}, 7),
        ({}, {"seconds": 0.4}, 8),
        ({}, {"seconds": 99.0}, 15),
        ({}, {"seconds": 0.1, "first_byte": 0.01}, 0),
        ({"latency_of": "total"}, {"seconds": 0.1, "first_byte": 0.01}, 4),
        ({}, {"seconds": 0.1, "status": 503}, 4),
        ({}, {"seconds": 0.1, "exception": ValueError()}, 4),
        ({}, {"seconds": 0.4, "disconnected": True}, 8),
    ],
)
def test_every_request_that_counts_is_in_the_cell_of_its_time(
    service_of: Callable[..., Any], options: dict[str, Any], request_options: dict[str, Any], cell: int
) -> None:
    """Good, slow, failed or left by its client; twice, because the first request of a route takes another way."""
    service = service_of(latency="300ms", **options)
    for _ in range(2):
        service.request(**request_options)

    latencies = service.registry["a"].latency(3600)

    assert (latencies.counts[cell], latencies.known, latencies.unknown) == (2, 2, 0)
    assert sum(latencies.events) == 2


def test_what_is_left_out_or_added_by_hand_has_no_time(service_of: Callable[..., Any]) -> None:
    """A request that counts for nothing is in no cell; an event without a time is unknown."""
    service = service_of(latency="300ms", latency_failures="ignore")
    service.request(seconds=0.1, status=503)
    service.request(seconds=0.1, disconnected=True)
    service.registry["a"].record(True)

    latencies = service.registry["a"].latency(3600)

    assert (latencies.known, latencies.unknown) == (0, 1)
