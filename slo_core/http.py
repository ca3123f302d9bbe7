"""
HTTP requests: which SLOs a request belongs to, and whether it was good. The one place for that rule.

An integration calls `HTTPRecorder.begin` when a request comes in, notes on the `Exchange` what it learns, and calls
`HTTPRecorder.finish` from wherever the end shows first.
"""

from __future__ import annotations

import math
import time
from _thread import get_ident
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, TypeVar, overload

from slo_core.conventions import DEFAULT_SERVICE, REQUEST_MARKS_KEY
from slo_core.http_rule import KNOWN_METHODS, OTHER_METHOD, Classifier, HTTPRule
from slo_core.incidents import Incidents
from slo_core.markers import marks_of, slo_exempt, slo_track
from slo_core.matching import Binding, Decision, Kind, Outcomes, compile_globs, decide
from slo_core.registry import SLORegistry
from slo_core.request import UNRESOLVED, Exchange, Identity, RequestEvent, RequestMarks, Resolved, exempt_request
from slo_core.tally import Shard
from slo_core.tracker import SLOTracker
from slo_core.verdict import Judge, Timing, wire_status
from slo_core.workers import several_workers

__all__ = [
    "Exchange",
    "HTTPRecorder",
    "HTTPRule",
    "RequestEvent",
    "Resolved",
    "exempt_request",
    "slo_exempt",
    "slo_track",
]

E = TypeVar("E", bound=Exchange)

# Kinds of requests are routes times methods; a service has fewer. Should it not, the cache starts anew.
_REMEMBERED_KINDS = 1024


_NOT_COUNTED = "a request could not be counted for one of its SLOs"


class HTTPRecorder:
    """
    Counts finished requests for the SLOs of a registry.

    It never raises while a request is served: what goes wrong inside is logged once a minute and counted in
    `SLORegistry.incidents`.

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
        self.incidents = Incidents() if registry is None else registry.incidents
        self._registry = registry
        self._service = DEFAULT_SERVICE if registry is None else registry.service
        self._listeners = () if registry is None else registry.request_listeners
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
            registry.note_workers(several_workers)

    def _rebuild(self) -> None:
        """Work out from the definitions what requests are matched and judged by."""
        if self._registry is not None:
            self._version = self._registry.version
        self._bindings = tuple(self._bind())
        self._identities: frozenset[Identity] = frozenset(binding.identity for binding in self._bindings)
        self._decisions: dict[Kind, Decision] = {}
        self._known: dict[tuple[Resolved, str, int | None], Outcomes] = {}

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
            identity=(self._service, tracker.name),
            tracker=tracker,
            rule=rule,
            judge=Judge(rule, name=tracker.name, incidents=self.incidents, classify=self._classify),
            counts_requests=counts_requests,
            takes_everything=takes_everything,
        )

    @overload
    def begin(self, carrier: MutableMapping[str, Any], method: str, path: str) -> Exchange | None: ...
    @overload
    def begin(self, carrier: MutableMapping[str, Any], method: str, path: str, kind: type[E]) -> E | None: ...

    def begin(
        self, carrier: MutableMapping[str, Any], method: str, path: str, kind: type[Exchange] = Exchange
    ) -> Exchange | None:
        """
        A request came in.

        Args:
            carrier: The ASGI scope or WSGI environ; a marker is left in it, so that the outermost of several
                installations counts.
            method: The HTTP method as it came.
            path: The path without root path (SCRIPT_NAME) and query.
            kind: An integration's own exchange, which has room for more.

        Returns:
            What to note the request's progress on, or None when there is nothing to count: pass it through.
        """
        try:
            registry = self._registry
            if registry is not None and registry.version != self._version:
                self._rebuild()
            mine = self._identities
            marks = carrier.get(REQUEST_MARKS_KEY)
            if marks is None:
                marks = carrier[REQUEST_MARKS_KEY] = RequestMarks()
                marks.exempt = False
                marks.counted_by = mine
            elif not marks.counted_by:
                marks.counted_by = mine
            else:
                mine = mine - marks.counted_by
                if not mine:
                    return None
                marks.counted_by |= mine
            exchange = kind()
            exchange.method = method
            exchange.path = path
            exchange.marks = marks
            exchange.mine = mine
            exchange.first_byte = exchange.ended = exchange.status = exchange.exception = exchange.resolved = None
            exchange.disconnected = exchange.finished = False
            exchange.started = self.timer()
        except Exception as exc:  # the request must go on
            self.incidents.report("a request could not be taken up", exc)
            return None
        return exchange

    def finish(self, exchange: Exchange, resolve: Callable[[], Resolved | None] | None = None) -> None:
        """
        The request is over: count it. A second call does nothing.

        Args:
            exchange: What `begin` returned, filled in.
            resolve: Says which route took the request, unless the exchange tells; called once, and allowed to fail.
        """
        if exchange.finished:
            return
        exchange.finished = True
        try:
            if not exchange.marks.exempt:
                resolved = exchange.resolved
                if resolved is None and resolve is not None:
                    try:
                        resolved = resolve()
                    except Exception as exc:  # frameworks change their routing: count without a route
                        self.incidents.report("the route of a request could not be told", exc)
                if resolved is None:
                    resolved = UNRESOLVED
                if (
                    exchange.exception is None
                    and not exchange.disconnected
                    and exchange.mine is self._identities
                    and not self._listeners
                ):
                    # Nearly every request: what its route, method and status mean to each SLO was worked out before.
                    # Its whole way is in this function: as five it took 1 us more within a busy process.
                    outcomes = self._known.get((resolved, exchange.method, exchange.status))
                    if outcomes is None:
                        self._record(exchange, resolved, is_undisturbed=True)
                    else:
                        self._count(exchange, outcomes)
                else:
                    self._record(exchange, resolved, is_undisturbed=False)
        except Exception as exc:  # the response is out, or on its way
            self.incidents.report("a request could not be counted", exc)
        # Its traceback leads to frames that hold the exchange: nothing should wait for the garbage collector.
        exchange.exception = None

    def _record(self, exchange: Exchange, resolved: Resolved, *, is_undisturbed: bool) -> None:
        known = self._known  # an SLO added meanwhile replaces it: what old definitions decide goes with the old
        status = wire_status(exchange)
        decision = self._decision(exchange.method, resolved, status)
        takers = decision.takers(exchange.path)
        if is_undisturbed and status is not None:
            outcomes = takers.outcomes(status)
            if not outcomes.open:
                # Clients may make up methods and statuses come from applications: remembered is what is bounded.
                if not decision.depends_on_path and exchange.method in KNOWN_METHODS:
                    if len(known) >= _REMEMBERED_KINDS:
                        known.clear()
                    known[resolved, exchange.method, exchange.status] = outcomes
                self._count(exchange, outcomes)
                return
        if takers.bindings:
            self._judge(exchange, resolved, status, takers.bindings)

    def _count(self, exchange: Exchange, outcomes: Outcomes) -> None:
        """Count an undisturbed request, of which the status says all but how long it took."""
        # What `SLOTracker.record` does, for all of them with one look at the clock: 1 us less for three SLOs.
        now, thread = outcomes.clock(), get_ident()
        for shards, turn, is_good in outcomes.settled:
            try:
                shard = shards[thread]
            except KeyError:  # this thread's first event
                shard = self._turned(turn, now)
            if not shard.start <= now < shard.end:
                shard = self._turned(turn, now)
            if is_good:
                shard.good += 1
            else:
                shard.bad += 1
        if outcomes.timed:
            ended = self.timer() if exchange.ended is None else exchange.ended
            # As `Timing` has it: to make one takes 0.3 of the 2.0 us that a request costs here.
            first = ended if exchange.first_byte is None else exchange.first_byte
            for shards, turn, threshold, to_end in outcomes.timed:
                try:
                    shard = shards[thread]
                except KeyError:
                    shard = self._turned(turn, now)
                if not shard.start <= now < shard.end:
                    shard = self._turned(turn, now)
                if (ended if to_end else first) - exchange.started <= threshold:
                    shard.good += 1
                else:
                    shard.bad += 1

    def _turned(self, turn: Callable[[float], Shard], now: float) -> Shard:
        """The calling thread's shard of one SLO, for the second of `now`."""
        try:
            return turn(now)
        except Exception as exc:  # a store of the user's own; the other SLOs count all the same
            self.incidents.report(_NOT_COUNTED, exc)
            lost = Shard(0)  # the event is counted in it, and nowhere else
            lost.start, lost.end = -math.inf, math.inf
            return lost

    def _judge(self, exchange: Exchange, resolved: Resolved, status: int | None, bindings: Iterable[Binding]) -> None:
        """Count a request that each SLO's judge must look at, and tell who listens."""
        timing = Timing(exchange, self.timer() if exchange.ended is None else exchange.ended)
        counted: dict[str, bool] = {}
        for binding in bindings:
            if binding.identity in exchange.mine:
                try:
                    good = binding.judge(exchange, status, timing)
                    if good is not None:
                        binding.tracker.record(good)
                        counted[binding.tracker.name] = good
                except Exception as exc:  # as in `_count`
                    self.incidents.report(_NOT_COUNTED, exc)
        if counted and self._listeners:
            self._tell(exchange, resolved, status, timing, counted)

    def _tell(
        self, exchange: Exchange, resolved: Resolved, status: int | None, timing: Timing, outcomes: dict[str, bool]
    ) -> None:
        event = RequestEvent(
            method=counted_method(exchange.method),
            path=exchange.path,
            route=resolved.route,
            view_name=resolved.view_name,
            status=status,
            exception=exchange.exception,
            disconnected=exchange.disconnected,
            duration_seconds=timing.total,
            first_byte_seconds=None if exchange.first_byte is None else timing.first_byte,
            outcomes=outcomes,
        )
        for listener in tuple(self._listeners):
            listener(event)

    def _decision(self, method: str, resolved: Resolved, status: int | None) -> Decision:
        route, view_name = resolved.route, resolved.view_name
        # A 404 or a redirect that no route gave: scanners, typos and missing slashes.
        is_unmatched = (
            route is None and view_name is None and status is not None and (status == 404 or 300 <= status < 400)
        )
        counted = method if method == "GET" else counted_method(method)
        kind: Kind = (counted, route, view_name, resolved.view, resolved.is_static, is_unmatched)
        decisions = self._decisions  # an SLO added meanwhile replaces it: what old definitions decide goes with the old
        try:
            return decisions[kind]
        except KeyError:
            if len(decisions) >= _REMEMBERED_KINDS:
                decisions.clear()
            decision = decisions[kind] = self._decide(kind)
            return decision
        except TypeError:  # an unhashable view: rare enough to decide each time
            return self._decide(kind)

    def _decide(self, kind: Kind) -> Decision:
        marks = marks_of(kind[3])
        if self._only is None and self._registry is not None:
            for name in marks.tracked:
                if name not in self._registry:
                    self.incidents.report(f"slo_track({name!r}): no SLO of that name is registered")
        return decide(self._bindings, kind, marks, exclude=self._exclude)


def counted_method(method: str) -> str:
    """The method a request counts as: HEAD is GET, what no standard knows is `"_OTHER"`."""
    if method == "HEAD":
        return "GET"
    return method if method in KNOWN_METHODS else OTHER_METHOD
