"""
Recording HTTP requests: each counts as good or bad for the SLOs that take it.

An integration calls `HTTPRecorder.begin` when a request comes in, sets the attributes of the `ObservedRequest` as it
learns them, and calls `HTTPRecorder.finish` at the first sign of the request's end.
"""

from __future__ import annotations

import math
import time
from _thread import get_ident
from bisect import bisect_left
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any, TypeVar, overload

from slo_core.budgets.causes import Cause
from slo_core.conventions import DEFAULT_SERVICE, REQUEST_MARKS_KEY
from slo_core.http.bound_slo import bind_slos
from slo_core.http.classify import Timing, deciding_exception, wire_status
from slo_core.http.counter_group import NOT_COUNTED, CounterGroups
from slo_core.http.counting_plan import CountingPlan
from slo_core.http.failure_notes import FailureNotes
from slo_core.http.first_requests import FirstRequests
from slo_core.http.globs import compile_globs
from slo_core.http.inner_marks import share_own_marks, tracked_inside
from slo_core.http.listening import notify
from slo_core.http.markers import marks_of
from slo_core.http.matching import MatchedSLOs, MatchResult, match_slos
from slo_core.http.request import (
    NO_ROUTE_MATCH,
    ObservedRequest,
    RequestEvent,
    RequestKey,
    RouteMatch,
    SLOKey,
    counted_method,
    exempt_request,
    is_unmatched_request,
)
from slo_core.objectives.http_rule import KNOWN_METHODS, Classifier
from slo_core.process.internal_errors import InternalErrors, user_code_errors
from slo_core.process.workers import several_workers
from slo_core.stores.failure_buffer import EventDetails
from slo_core.tracking.cause_names import CauseNames, exception_name
from slo_core.tracking.event_counter import ALWAYS_BAD
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

__all__ = ["HTTPRecorder", "RequestEvent", "RouteMatch", "exempt_request"]

E = TypeVar("E", bound=ObservedRequest)

# Routes times methods: most services have fewer. A cache that is full is emptied.
_REMEMBERED_KEYS = 1024


class HTTPRecorder:
    """
    Counts finished requests for the SLOs of a registry.

    It never raises while a request is served: its errors are logged once a minute and counted in
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

    Attributes:
        needs_routes: Some SLO names routes or views, or counts marked views only, or routes may be excluded: then a
            request that was answered before it reached the router is worth matching against the routes.
        service: Whose SLOs it counts.
        failure_notes: Notes bad requests one by one.

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
        self._cause_names = CauseNames(self.internal_errors)
        header = None if registry is None else registry.internals.request_id_header
        self.failure_notes = FailureNotes(header, self.internal_errors)
        self._registry = registry
        self.service = DEFAULT_SERVICE if registry is None else registry.service
        self._listeners = () if registry is None else registry.internals.request_listeners
        self._single_tracker = tracker
        self._classify = classify
        self._exclude = compile_globs(exclude)
        # None when an SLO was added since they were bound.
        self._slo_keys: frozenset[SLOKey] | None = None
        self._changes = 0
        if registry is not None:
            registry.internals.definition_listeners.append(self._note_change)
        self._rebuild()
        if not may_be_idle and all(slo.marked_views_only for slo in self._bound_slos):
            raise ValueError(
                "no SLO of this registry counts HTTP requests; give a definition an http=HTTPRule() part, "
                "or pass slo_name= to count every request for one SLO"
            )
        if registry is not None:
            registry.internals.note_workers(several_workers)

    def _note_change(self) -> None:
        """An SLO was added: the next request binds them all. One that added a thousand would wait for a million bindings."""
        self._changes += 1
        self._slo_keys = None

    def _rebuild(self) -> frozenset[SLOKey]:
        """Bind the SLOs as they are defined now, and forget everything worked out from older definitions."""
        changes = self._changes
        self._counter_groups = CounterGroups(self.internal_errors)
        self._bound_slos = bind_slos(
            self._registry,
            self._single_tracker,
            service=self.service,
            errors=self.internal_errors,
            classify=self._classify,
        )
        self.needs_routes = self._exclude is not None or any(
            slo.marked_views_only or slo.routes or slo.views or slo.exclude for slo in self._bound_slos
        )
        self.failure_notes.slow_after = min((slo.classifier.threshold for slo in self._bound_slos), default=math.inf)
        where = "" if self._registry is None else self._registry.internals.definitions_setting
        self._first_requests = FirstRequests(self._bound_slos, exclude=self._exclude, where=where)
        # By the fields of a `RequestKey`. Looked up with a plain tuple: a named one takes 0.2 us to make.
        self._match_results: dict[tuple[object, ...], MatchResult] = {}
        # By route, method and status: how an undisturbed request is counted.
        self._counting_plans: dict[tuple[RouteMatch, str, int | None], CountingPlan] = {}
        slo_keys = self._slo_keys = frozenset(slo.slo_key for slo in self._bound_slos)
        if self._changes != changes:  # by another thread, in the meantime
            self._slo_keys = None
        return slo_keys

    @overload
    def begin(self, request_scope: MutableMapping[str, Any], method: str, path: str) -> ObservedRequest | None: ...
    @overload
    def begin(
        self, request_scope: MutableMapping[str, Any], method: str, path: str, request_class: type[E]
    ) -> E | None: ...

    def begin(
        self,
        request_scope: MutableMapping[str, Any],
        method: str,
        path: str,
        request_class: type[ObservedRequest] = ObservedRequest,
    ) -> ObservedRequest | None:
        """
        A request came in.

        Args:
            request_scope: The ASGI scope or WSGI environ; the request is left in it, so that the outermost of several
                installations counts.
            method: The HTTP method as it came.
            path: The path without root path (SCRIPT_NAME) and query; the `path` of `request_class` may decode it.
            request_class: An integration's own subclass, with attributes of its own.

        Returns:
            The request to fill in; None when no SLO of this installation counts it.
        """
        try:
            slo_keys = self._slo_keys
            if slo_keys is None:
                slo_keys = self._rebuild()
            observed = request_class()
            observed.request_scope = request_scope
            observed.method = method
            observed.raw_path = path
            observed.slo_keys = slo_keys
            observed.first_byte = observed.ended = observed.status = observed.disturbance = None
            observed.marks = observed.route_match = None
            observed.finished = False
            timer = self.timer  # as a variable: to call an attribute that is no method takes 0.05 us more
            observed.started = timer()
            left = request_scope.setdefault(REQUEST_MARKS_KEY, observed)
            if left is not observed and not observed.is_left_by(left):
                return None
        except user_code_errors() as exc:  # the request must go on
            self.internal_errors.report("a request could not be taken up", exc)
            return None
        return observed

    def finish(self, observed: ObservedRequest) -> None:  # noqa: PLR0912, PLR0915  # as it says below
        """
        The request is over: count it. A second call does nothing.

        Args:
            observed: What `begin` returned, filled in. Its `resolve` is called once where its `route_match` is None.
        """
        # All in this function: divided into five it took 1 us more within a busy process, which has none of them in its caches.
        if observed.finished:
            return
        observed.finished = True
        try:
            route_match = observed.route_match
            if route_match is None:
                try:
                    route_match = observed.resolve()
                except user_code_errors() as exc:  # frameworks change their routing: count without a route
                    self.internal_errors.report("the route of a request could not be determined", exc)
                if route_match is None:
                    route_match = NO_ROUTE_MATCH
            marks, slo_keys = observed.marks, observed.slo_keys
            try:  # the scope would lead back to this object, and both would wait for the garbage collector
                if marks is not None:
                    marks.unfinished -= 1
                observed.request_scope[REQUEST_MARKS_KEY] = slo_keys if marks is None else marks
            except user_code_errors():  # a dict of a kind that refuses changes
                pass
            if (
                (observed.disturbance is not None and (observed.exception is not None or observed.disconnected))
                or (marks is not None and marks.notes is not None)
                or slo_keys is not self._slo_keys
                or self._listeners
            ):
                try:
                    plan = self._plan(observed, route_match, is_undisturbed=False)
                finally:
                    # Its traceback leads to frames that hold this object, and both would wait for the garbage collector.
                    observed.exception = None
                    if marks is not None:
                        marks.forget_exceptions()
            else:
                try:
                    # Nearly every request: an earlier one of its route, method and status has made the plan.
                    plan = self._counting_plans[route_match, observed.method, observed.status]
                except KeyError:
                    plan = self._plan(observed, route_match, is_undisturbed=True)
            if plan is None:
                return
            # As `SLOTracker.record` counts, but with one look at the second for all SLOs: 1 us less for three of them.
            clock = plan.clock
            now = clock()
            try:
                row = plan.rows[get_ident()]
                if not row.start <= now < row.end:
                    row = plan.rotate(now)
            except KeyError:  # this thread's first request
                row = plan.rotate(now)
            for counts in row.good:
                counts.good += 1
            if row.bad is not None:
                for counts in row.bad:
                    counts.count_bad(plan.bad_cause)
                self.failure_notes.note(observed, row.bad, plan.bad_cause, at=now, timer=self.timer)
            if row.timed is not None:
                # As in `Timing`: to make one would take 0.3 us of the 2.0 us that a request costs here.
                first, ended = observed.first_byte, observed.ended
                if first is None or plan.needs_end:
                    if ended is None:
                        timer = self.timer
                        ended = timer()
                    if first is None:
                        first = ended
                else:
                    ended = first  # no threshold applies to the end
                started = observed.started
                for counts, threshold, to_end, cells, edges in row.timed:
                    seconds = (ended if to_end else first) - started
                    if cells is not None:  # before the event, as `ThreadCounts.count_cell`
                        cells[bisect_left(edges, seconds)] += 1
                    if seconds <= threshold:
                        counts.good += 1
                    else:
                        cause = plan.bad_cause if threshold == ALWAYS_BAD else plan.slow_cause
                        counts.count_bad(cause)
                        self.failure_notes.note(observed, (counts,), cause, at=now, timer=self.timer)
        except user_code_errors() as exc:  # the response is out, or on its way
            self.internal_errors.report("a request could not be counted", exc)

    def _plan(self, observed: ObservedRequest, route_match: RouteMatch, *, is_undisturbed: bool) -> CountingPlan | None:
        """How to count a request for which no plan is remembered; None when it was counted, or counts for no SLO."""
        if observed.marks is not None:
            share_own_marks(observed, observed.marks, route_match.view, service=self.service)
        notes = observed.notes
        if notes is not None:
            if notes.exempt:
                return None
            observed.heed(notes)
        # When an SLO is added meanwhile, `_rebuild` replaces this dictionary: a plan of the old definitions goes with it.
        counting_plans = self._counting_plans
        status = wire_status(observed)
        tracked = () if notes is None else tracked_inside(notes, service=self.service)
        match_result = self._match_result(observed.method, route_match, status, tracked)
        matched_slos = match_result.matched_slos(observed.path)
        if not self._first_requests.is_over:
            self._first_requests.note(observed, route_match, status, taking=matched_slos.bound_slos)
        if is_undisturbed and status is not None:
            plan = matched_slos.counting_plan(status, self._counter_groups)
            if not plan.undecided:
                # Only methods of a known list are remembered, because clients may make up any number of them.
                may_remember = self._first_requests.is_over and not match_result.depends_on_path
                if may_remember and observed.method in KNOWN_METHODS:
                    if len(counting_plans) >= _REMEMBERED_KEYS:
                        counting_plans.clear()
                    counting_plans[route_match, observed.method, observed.status] = plan
                return plan
        if matched_slos.bound_slos:
            if status is not None and not is_undisturbed:
                exception_plan = self._plan_of_exception(observed, status, matched_slos)
                if exception_plan is not None:
                    return exception_plan
            self._classify_and_count(observed, route_match, status, matched_slos)
        return None

    def _plan_of_exception(
        self, observed: ObservedRequest, status: int, matched_slos: MatchedSLOs
    ) -> CountingPlan | None:
        """How to count a request with an exception; None where more than that and the status decides."""
        is_said = observed.notes is not None and observed.notes.outcome is not None
        if is_said or observed.slo_keys is not self._slo_keys or observed.disconnected or self._listeners:
            return None
        exception, name = deciding_exception(observed, status), None
        if exception is not None:
            name = self._cause_names.cause(matched_slos.place, exception_name(type(exception))).outcome
        plan = matched_slos.counting_plan(status, self._counter_groups, exception=name)
        return None if plan.undecided else plan

    def _classify_and_count(
        self, observed: ObservedRequest, route_match: RouteMatch, status: int | None, matched_slos: MatchedSLOs
    ) -> None:
        """Count a request that each SLO's classifier has to see, and call the listeners."""
        timing = Timing(observed, self.timer() if observed.ended is None else observed.ended)
        counted: dict[str, bool] = {}
        cause: Cause | None = None
        details: EventDetails | None = None
        for slo in matched_slos.bound_slos:
            if slo.slo_key in observed.slo_keys:
                try:
                    is_good, outcome = slo.classifier.classify(observed, status, timing)
                    if is_good is not None:
                        internals, seconds = slo.tracker.internals, slo.classifier.seconds_of(timing)
                        if is_good:
                            internals.record_good(slo.tracker, seconds)
                        else:
                            if cause is None or cause[1] != outcome:
                                cause = self._cause_names.cause(matched_slos.place, outcome)
                            if details is None and internals.notes_failures:
                                details = self.failure_notes.details(observed, timing.total)
                            internals.record_cause(slo.tracker, cause, details, seconds=seconds)
                        counted[slo.tracker.name] = is_good
                except user_code_errors() as exc:  # as in `CounterGroup.rotate`
                    self.internal_errors.report(NOT_COUNTED, exc)
        if counted and self._listeners:
            notify(self._listeners, observed, route_match, status, timing, counted)

    def _match_result(
        self, method: str, route_match: RouteMatch, status: int | None, tracked: tuple[str, ...]
    ) -> MatchResult:
        route, view_name = route_match.route, route_match.view_name
        is_unmatched = is_unmatched_request(route_match, status)
        method = method if method == "GET" else counted_method(method)
        key = (method, route, view_name, route_match.view, route_match.is_static, is_unmatched, tracked)
        match_results = self._match_results  # replaced by `_rebuild`, as in `_plan`
        try:
            return match_results[key]
        except KeyError:
            if len(match_results) >= _REMEMBERED_KEYS:
                match_results.clear()
            return match_results.setdefault(key, self._match(RequestKey(*key)))
        except TypeError:  # an unhashable view: rare enough to match each time
            return self._match(RequestKey(*key))

    def _match(self, key: RequestKey) -> MatchResult:
        marks = marks_of(key.view, key.method)
        if self._single_tracker is None and self._registry is not None:
            for name in marks.tracked:
                if name not in self._registry:
                    self.internal_errors.report(f"slo_track({name!r}): no SLO of that name is registered")
        return match_slos(self._bound_slos, key, marks, exclude=self._exclude)
