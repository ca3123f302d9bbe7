"""
HTTP requests: which SLOs a request belongs to, and whether it was good. The one place for that rule.

An integration calls `HTTPRecorder.begin` when a request comes in, notes on the `ObservedRequest` what it learns, and calls
`HTTPRecorder.finish` from wherever the end shows first.
"""

from __future__ import annotations

import math
import time
from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, TypeVar, overload

from slo_core.conventions import DEFAULT_SERVICE, REQUEST_MARKS_KEY
from slo_core.http.classify import RequestClassifier, Timing, wire_status
from slo_core.http.markers import marks_of, slo_exempt, slo_track
from slo_core.http.matching import Binding, CountingPlan, Kind, MatchResult, compile_globs, decide
from slo_core.http.request import (
    NO_ROUTE_MATCH,
    ObservedRequest,
    RequestEvent,
    RequestMarks,
    RouteMatch,
    SLOKey,
    exempt_request,
)
from slo_core.objectives.http_rule import KNOWN_METHODS, OTHER_METHOD, Classifier, HTTPRule
from slo_core.process.internal_errors import InternalErrors
from slo_core.process.workers import several_workers
from slo_core.tracking.event_counter import ThreadCounts
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

__all__ = [
    "HTTPRecorder",
    "HTTPRule",
    "ObservedRequest",
    "RequestEvent",
    "RouteMatch",
    "exempt_request",
    "slo_exempt",
    "slo_track",
]

E = TypeVar("E", bound=ObservedRequest)

# Kinds of requests are routes times methods; a service has fewer. Should it not, the cache starts anew.
_REMEMBERED_KINDS = 1024


_NOT_COUNTED = "a request could not be counted for one of its SLOs"


class HTTPRecorder:
    """
    Counts finished requests for the SLOs of a registry.

    It never raises while a request is served: what goes wrong inside is logged once a minute and counted in
    `RegistryInternals.errors`.

    Args:
        registry: Every definition with an `http` part counts. SLOs added later count from then on.
        tracker: Count every request for this one SLO instead. Give this or `registry`.
        slo_name: The same, by the name of an SLO in `registry`.
        classify: With one SLO: decides what is good, in place of `status < 500` without an exception.
        exclude: Globs of routes and paths that never count.
        timer: Monotonic seconds; tests pass `FakeClock`.
        may_be_idle: Accept a registry in which no definition counts requests: one that is filled later, or whose SLOs
            only count requests of views marked with `slo_track`.

    Raises:
        ValueError: Neither registry nor tracker, or no definition that counts requests.
        UnknownNameError: A `KeyError`: no SLO of that name.
    """

    def __init__(
        self,
        registry: SLORegistry | None = None,
        *,
        tracker: SLOTracker | None = None,
        slo_name: str | None = None,
        classify: Classifier | None = None,
        exclude: Iterable[str] = (),
        timer: Callable[[], float] = time.perf_counter,
        may_be_idle: bool = False,
    ) -> None:
        if registry is None and tracker is None:
            raise ValueError("expected registry= or tracker=, got neither; pass the SLORegistry that holds your SLOs")
        if slo_name is not None:
            if registry is None or tracker is not None:
                raise ValueError("slo_name= names an SLO of a registry; pass it with registry= and without tracker=")
            tracker = registry.get(slo_name)
        if classify is not None and not callable(classify):
            raise ValueError(f"classify=: expected a callable (status, exception) -> bool, got {classify!r}")
        if classify is not None and tracker is None:
            raise ValueError("classify= decides for one SLO; pass tracker= or slo_name= too, or HTTPRule(classify=...)")
        self.timer = timer
        self.internal_errors = InternalErrors() if registry is None else registry.internals.errors
        self._registry = registry
        # Held by itself, because every request looks at the version.
        self._internals = None if registry is None else registry.internals
        self._service = DEFAULT_SERVICE if registry is None else registry.service
        self._listeners = () if registry is None else registry.internals.request_listeners
        self._only = tracker
        self._classify = classify
        self._exclude = compile_globs(exclude)
        self._version = 0
        self._rebuild()
        if not may_be_idle and not any(binding.counts_requests for binding in self._bindings):
            raise ValueError(
                "no SLO of this registry counts HTTP requests; give a definition an http=HTTPRule() part, "
                "or pass slo_name= to count every request for one SLO"
            )
        if registry is not None:
            registry.internals.note_workers(several_workers)

    def _rebuild(self) -> None:
        """Work out from the definitions what requests are matched and judged by."""
        if self._internals is not None:
            self._version = self._internals.version
        self._bindings = tuple(self._bind())
        self._slo_keys: frozenset[SLOKey] = frozenset(binding.slo_key for binding in self._bindings)
        self._match_results: dict[Kind, MatchResult] = {}
        self._known: dict[tuple[RouteMatch, str, int | None], CountingPlan] = {}

    def _bind(self) -> Iterator[Binding]:
        if self._only is not None:
            rule = self._only.definition.http
            yield self._binding(self._only, rule or HTTPRule(unmatched=True), takes_everything=rule is None)
        elif self._registry is not None:
            for tracker in self._registry:
                rule = tracker.definition.http
                yield self._binding(tracker, rule or HTTPRule(), counts_requests=rule is not None)

    def _binding(
        self, tracker: SLOTracker, rule: HTTPRule, *, takes_everything: bool = False, counts_requests: bool = True
    ) -> Binding:
        return Binding(
            slo_key=(self._service, tracker.name),
            tracker=tracker,
            rule=rule,
            classifier=RequestClassifier(
                rule, name=tracker.name, internal_errors=self.internal_errors, classify=self._classify
            ),
            counts_requests=counts_requests,
            takes_everything=takes_everything,
        )

    @overload
    def begin(self, request_scope: MutableMapping[str, Any], method: str, path: str) -> ObservedRequest | None: ...
    @overload
    def begin(self, request_scope: MutableMapping[str, Any], method: str, path: str, kind: type[E]) -> E | None: ...

    def begin(
        self,
        request_scope: MutableMapping[str, Any],
        method: str,
        path: str,
        kind: type[ObservedRequest] = ObservedRequest,
    ) -> ObservedRequest | None:
        """
        A request came in.

        Args:
            request_scope: The ASGI scope or WSGI environ; a marker is left in it, so that the outermost of several
                installations counts.
            method: The HTTP method as it came.
            path: The path without root path (SCRIPT_NAME) and query.
            kind: An integration's own exchange, which has room for more.

        Returns:
            What to note the request's progress on, or None when there is nothing to count: pass it through.
        """
        try:
            internals = self._internals
            if internals is not None and internals.version != self._version:
                self._rebuild()
            mine = self._slo_keys
            marks = request_scope.get(REQUEST_MARKS_KEY)
            if marks is None:
                marks = request_scope[REQUEST_MARKS_KEY] = RequestMarks()
                marks.exempt = False
                marks.counted_by = mine
            elif not marks.counted_by:
                marks.counted_by = mine
            else:
                mine = mine - marks.counted_by
                if not mine:
                    return None
                marks.counted_by |= mine
            observed = kind()
            observed.method = method
            observed.path = path
            observed.marks = marks
            observed.mine = mine
            observed.first_byte = observed.ended = observed.status = observed.exception = observed.route_match = None
            observed.disconnected = observed.finished = False
            observed.started = self.timer()
        except Exception as exc:  # the request must go on
            self.internal_errors.report("a request could not be taken up", exc)
            return None
        return observed

    def finish(self, observed: ObservedRequest, resolve: Callable[[], RouteMatch | None] | None = None) -> None:
        """
        The request is over: count it. A second call does nothing.

        Args:
            observed: What `begin` returned, filled in.
            resolve: Says which route took the request, unless the exchange tells; called once, and allowed to fail.
        """
        if observed.finished:
            return
        observed.finished = True
        try:
            if not observed.marks.exempt:
                route_match = observed.route_match
                if route_match is None and resolve is not None:
                    try:
                        route_match = resolve()
                    except Exception as exc:  # frameworks change their routing: count without a route
                        self.internal_errors.report("the route of a request could not be told", exc)
                if route_match is None:
                    route_match = NO_ROUTE_MATCH
                if (
                    observed.exception is None
                    and not observed.disconnected
                    and observed.mine is self._slo_keys
                    and not self._listeners
                ):
                    # Nearly every request: what its route, method and status mean to each SLO was worked out before.
                    # Its whole way is in this function: as five it took 1 us more within a busy process.
                    outcomes = self._known.get((route_match, observed.method, observed.status))
                    if outcomes is None:
                        self._record(observed, route_match, is_undisturbed=True)
                    else:
                        self._count(observed, outcomes)
                else:
                    self._record(observed, route_match, is_undisturbed=False)
        except Exception as exc:  # the response is out, or on its way
            self.internal_errors.report("a request could not be counted", exc)
        # Its traceback leads to frames that hold the exchange: nothing should wait for the garbage collector.
        observed.exception = None

    def _record(self, observed: ObservedRequest, route_match: RouteMatch, *, is_undisturbed: bool) -> None:
        known = self._known  # an SLO added meanwhile replaces it: what old definitions decide goes with the old
        status = wire_status(observed)
        match_result = self._match_result(observed.method, route_match, status)
        matched_slos = match_result.matched_slos(observed.path)
        if is_undisturbed and status is not None:
            outcomes = matched_slos.outcomes(status)
            if not outcomes.open:
                # Clients may make up methods and statuses come from applications: remembered is what is bounded.
                if not match_result.depends_on_path and observed.method in KNOWN_METHODS:
                    if len(known) >= _REMEMBERED_KINDS:
                        known.clear()
                    known[route_match, observed.method, observed.status] = outcomes
                self._count(observed, outcomes)
                return
        if matched_slos.bindings:
            self._classify_and_count(observed, route_match, status, matched_slos.bindings)

    def _count(self, observed: ObservedRequest, outcomes: CountingPlan) -> None:
        """Count an undisturbed request, of which the status says all but how long it took."""
        # What `SLOTracker.record` does, for all of them with one look at the clock: 1 us less for three SLOs.
        now, thread = outcomes.clock(), get_ident()
        for thread_counts, rotate, is_good in outcomes.settled:
            try:
                counts = thread_counts[thread]
            except KeyError:  # this thread's first event
                counts = self._rotated(rotate, now)
            if not counts.start <= now < counts.end:
                counts = self._rotated(rotate, now)
            if is_good:
                counts.good += 1
            else:
                counts.bad += 1
        if outcomes.timed:
            ended = self.timer() if observed.ended is None else observed.ended
            # As `Timing` has it: to make one takes 0.3 of the 2.0 us that a request costs here.
            first = ended if observed.first_byte is None else observed.first_byte
            for thread_counts, rotate, threshold, to_end in outcomes.timed:
                try:
                    counts = thread_counts[thread]
                except KeyError:
                    counts = self._rotated(rotate, now)
                if not counts.start <= now < counts.end:
                    counts = self._rotated(rotate, now)
                if (ended if to_end else first) - observed.started <= threshold:
                    counts.good += 1
                else:
                    counts.bad += 1

    def _rotated(self, rotate: Callable[[float], ThreadCounts], now: float) -> ThreadCounts:
        """The calling thread's counts of one SLO, for the second of `now`."""
        try:
            return rotate(now)
        except Exception as exc:  # a store of the user's own; the other SLOs count all the same
            self.internal_errors.report(_NOT_COUNTED, exc)
            lost = ThreadCounts(0)  # the event is counted in it, and nowhere else
            lost.start, lost.end = -math.inf, math.inf
            return lost

    def _classify_and_count(
        self, observed: ObservedRequest, route_match: RouteMatch, status: int | None, bindings: Iterable[Binding]
    ) -> None:
        """Count a request that each SLO's judge must look at, and tell who listens."""
        timing = Timing(observed, self.timer() if observed.ended is None else observed.ended)
        counted: dict[str, bool] = {}
        for binding in bindings:
            if binding.slo_key in observed.mine:
                try:
                    good = binding.classifier(observed, status, timing)
                    if good is not None:
                        binding.tracker.record(good)
                        counted[binding.tracker.name] = good
                except Exception as exc:  # as in `_count`
                    self.internal_errors.report(_NOT_COUNTED, exc)
        if counted and self._listeners:
            self._tell(observed, route_match, status, timing, counted)

    def _tell(
        self,
        observed: ObservedRequest,
        route_match: RouteMatch,
        status: int | None,
        timing: Timing,
        outcomes: dict[str, bool],
    ) -> None:
        event = RequestEvent(
            method=counted_method(observed.method),
            path=observed.path,
            route=route_match.route,
            view_name=route_match.view_name,
            status=status,
            exception=observed.exception,
            disconnected=observed.disconnected,
            duration_seconds=timing.total,
            first_byte_seconds=None if observed.first_byte is None else timing.first_byte,
            outcomes=outcomes,
        )
        for listener in tuple(self._listeners):
            listener(event)

    def _match_result(self, method: str, route_match: RouteMatch, status: int | None) -> MatchResult:
        route, view_name = route_match.route, route_match.view_name
        # A 404 or a redirect that no route gave: scanners, typos and missing slashes.
        is_unmatched = (
            route is None and view_name is None and status is not None and (status == 404 or 300 <= status < 400)
        )
        counted = method if method == "GET" else counted_method(method)
        kind: Kind = (counted, route, view_name, route_match.view, route_match.is_static, is_unmatched)
        match_results = (
            self._match_results
        )  # an SLO added meanwhile replaces it: what old definitions decide goes with the old
        try:
            return match_results[kind]
        except KeyError:
            if len(match_results) >= _REMEMBERED_KINDS:
                match_results.clear()
            match_result = match_results[kind] = self._decide(kind)
            return match_result
        except TypeError:  # an unhashable view: rare enough to decide each time
            return self._decide(kind)

    def _decide(self, kind: Kind) -> MatchResult:
        marks = marks_of(kind[3])
        if self._only is None and self._registry is not None:
            for name in marks.tracked:
                if name not in self._registry:
                    self.internal_errors.report(f"slo_track({name!r}): no SLO of that name is registered")
        return decide(self._bindings, kind, marks, exclude=self._exclude)


def counted_method(method: str) -> str:
    """The method a request counts as: HEAD is GET, what no standard knows is `"_OTHER"`."""
    if method == "HEAD":
        return "GET"
    return method if method in KNOWN_METHODS else OTHER_METHOD
