"""One HTTP request on its way through the service, and what was observed of it."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.objectives.http_rule import KNOWN_METHODS, OTHER_METHOD

__all__ = [
    "NO_ROUTE_MATCH",
    "Disturbance",
    "ObservedRequest",
    "RequestEvent",
    "RequestKey",
    "RequestMarks",
    "RequestNotes",
    "RouteMatch",
    "SLOKey",
    "counted_method",
    "exempt_request",
    "is_unmatched_request",
    "shared_marks",
]

# Identifies an SLO across registries: the service and the SLO's name.
SLOKey = tuple[str, str]


class RequestNotes:
    """
    Notes on a request that few requests have.

    Attributes:
        exempt: The request counts for no SLO: it asked for a view of slo-suite, or the server's own stop ended it.
        tracked: The SLOs that a view in an inner installation is marked with; see `leave_marks`.
        outcome: What the application said with `slo_outcome`; None when it said nothing.
        reason: The reason that it gave; None without one.
        router_scope: The ASGI scope as the router received it, where a middleware had handed on a copy; None otherwise,
            because the scope leads to these notes, and a cycle would wait for the garbage collector.
        broken_off: The exception that broke off the response that the endpoint had started; None without one.
        unhandled: The exception that reached the framework's last resort; None without one.
        client_left_first: The client was seen to go away before anything had failed: no exception that follows is a failure.
    """

    __slots__ = (
        "broken_off", "client_left_first", "exempt", "outcome", "reason", "router_scope", "tracked", "unhandled",
    )  # fmt: skip

    def __init__(self) -> None:
        self.exempt = self.client_left_first = False
        self.tracked: tuple[SLOKey, ...] = ()
        self.outcome: bool | None = None
        self.reason: str | None = None
        self.router_scope: MutableMapping[str, Any] | None = None
        self.broken_off: Exception | None = None
        self.unhandled: Exception | None = None


class RequestMarks:
    """
    The state of one request that several installations share.

    It travels in the ASGI scope or WSGI environ, by reference, so that a copied scope still shares it. Few requests have
    any: see `ObservedRequest.share`.

    Args:
        counted_by: SLOs that an installation counts this request for already; the outermost wins.

    Attributes:
        notes: None until there is something to note.
        innermost: The request as the innermost WSGI installation sees it, until that is finished; None elsewhere.
        unfinished: How many installations still have to count the request.
    """

    __slots__ = ("counted_by", "innermost", "notes", "unfinished")

    def __init__(self, counted_by: frozenset[SLOKey]) -> None:
        self.counted_by = counted_by
        self.unfinished = 0
        self.notes: RequestNotes | None = None
        self.innermost: ObservedRequest | None = None

    def noting(self) -> RequestNotes:
        """The notes, to add to them."""
        if self.notes is None:
            self.notes = RequestNotes()
        return self.notes

    def forget_exceptions(self) -> None:
        """An installation has counted the request. The last one lets go of the exceptions that were noted."""
        if self.unfinished <= 0 and self.notes is not None:
            # Their tracebacks lead to frames that hold the scope, which leads to these marks.
            self.notes.broken_off = self.notes.unhandled = None

    def within(self, request_scope: MutableMapping[str, Any]) -> None:
        """
        Mark a request that the application sends itself, in process, while it serves this one.

        It is part of this one: it counts for no SLO that counts this one, and what is noted of it stays with it.
        """
        request_scope[REQUEST_MARKS_KEY] = RequestMarks(self.counted_by)

    def __copy__(self) -> RequestMarks:
        return self

    def __deepcopy__(self, memo: object) -> RequestMarks:
        # A middleware may hand on a deep copy of the scope: the request is the same one.
        return self

    def __reduce__(self) -> tuple[type[frozenset[SLOKey]], tuple[()]]:
        # A pickled one belongs to a request of its own: no SLO has counted that.
        return frozenset, ()


def shared_marks(request_scope: Mapping[str, Any]) -> RequestMarks | None:
    """The marks of a request in its ASGI scope or WSGI environ; None where nothing counts it, or it is over."""
    left = request_scope.get(REQUEST_MARKS_KEY)
    if isinstance(left, ObservedRequest):
        return left.share()
    return left if isinstance(left, RequestMarks) else None


def exempt_request(request_scope: MutableMapping[str, Any]) -> None:
    """Keep the request of that ASGI scope or WSGI environ out of every SLO."""
    marks = shared_marks(request_scope)
    if marks is not None:
        marks.noting().exempt = True


class Disturbance:
    """
    What few requests meet with on their way; the attributes are those of `ObservedRequest`.

    Kept apart, so that all other requests have one attribute for it, and one look at it.
    """

    __slots__ = ("disconnected", "exception", "is_answered")

    def __init__(self) -> None:
        self.exception: BaseException | None = None
        self.is_answered = self.disconnected = False


class ObservedRequest:
    """
    One request as one installation sees it: filled in on the way, finished once.

    An integration sets the attributes as it learns them and calls `HTTPRecorder.finish`; later calls change nothing. Made
    by `HTTPRecorder.begin`, which sets every attribute itself: an `__init__` takes 0.2 of the 3 us that a request costs the
    core within a busy process.

    The outermost installation leaves its request in the ASGI scope or WSGI environ, where others learn that it is counted.

    Attributes:
        request_scope: The ASGI scope or WSGI environ.
        method: As the client sent it.
        raw_path: The path without root path or query, as the integration gave it.
        marks: The state shared with other installations; None until there is some, which `share` makes.
        slo_keys: The SLOs that this installation counts the request for.
        started: When it came in, on the recorder's timer.
        first_byte: When the first byte of the body went out; None until then.
        ended: When the last byte went out; None until then.
        status: The status that was sent; None until then.
        disturbance: None until one of `exception`, `is_answered` and `disconnected` was set.
        exception: The exception that nothing but the framework's last resort handled, or that broke the response off.
        is_answered: The exception came before any response, and the framework's last resort answered it with `status`.
        disconnected: The client was seen to go away.
        finished: The request was recorded, or will never be.
        route_match: The route that took it, where that is known before the end; None until then.
    """

    __slots__ = (
        "disturbance", "ended", "finished", "first_byte", "marks", "method", "raw_path", "request_scope", "route_match",
        "slo_keys", "started", "status",
    )  # fmt: skip

    request_scope: MutableMapping[str, Any]
    method: str
    raw_path: str
    marks: RequestMarks | None
    slo_keys: frozenset[SLOKey]
    started: float
    first_byte: float | None
    ended: float | None
    status: int | None
    disturbance: Disturbance | None
    finished: bool
    route_match: RouteMatch | None

    @property
    def path(self) -> str:
        """The path, for matching only: few requests are matched by it."""
        return self.raw_path

    @property
    def exception(self) -> BaseException | None:
        return None if self.disturbance is None else self.disturbance.exception

    @exception.setter
    def exception(self, exception: BaseException | None) -> None:
        if exception is not None or self.disturbance is not None:
            self.disturbed().exception = exception

    @property
    def is_answered(self) -> bool:
        return self.disturbance is not None and self.disturbance.is_answered

    @is_answered.setter
    def is_answered(self, is_answered: bool) -> None:
        if is_answered or self.disturbance is not None:
            self.disturbed().is_answered = is_answered

    @property
    def disconnected(self) -> bool:
        return self.disturbance is not None and self.disturbance.disconnected

    @disconnected.setter
    def disconnected(self, disconnected: bool) -> None:
        if disconnected or self.disturbance is not None:
            self.disturbed().disconnected = disconnected

    def disturbed(self) -> Disturbance:
        """The disturbance, to note it there."""
        if self.disturbance is None:
            self.disturbance = Disturbance()
        return self.disturbance

    @property
    def notes(self) -> RequestNotes | None:
        """What was noted of the request; None when nothing was."""
        return None if self.marks is None else self.marks.notes

    def noting(self) -> RequestNotes:
        """The notes, to add to them."""
        return self.share().noting()

    def share(self) -> RequestMarks:
        """The marks, made where there are none yet: nearly every request ends without, and saves the time to make them."""
        if self.marks is None:
            marks = RequestMarks(self.slo_keys)
            marks.unfinished = 0 if self.finished else 1
            if self.marks is None:  # no other thread was faster
                self.marks = marks
        return self.marks

    def is_left_by(self, left: Any) -> bool:
        """
        Share the request with installations that saw it before; False where they count it for all of its SLOs.

        Args:
            left: What they left in its scope: a request of their own, the marks of that, or, once that is over, the SLOs that
                it counted for.
        """
        if isinstance(left, ObservedRequest):
            marks = left.share()
        elif isinstance(left, frozenset):
            marks = RequestMarks(left)
        else:
            marks = left
        if not marks.counted_by:
            marks.counted_by = self.slo_keys
        else:
            self.slo_keys -= marks.counted_by
            if not self.slo_keys:
                return False
            marks.counted_by |= self.slo_keys
        marks.unfinished += 1
        self.marks = marks
        with suppress(Exception):  # a dict of a kind that refuses changes still holds `left`, which leads to the marks
            self.request_scope[REQUEST_MARKS_KEY] = marks
        return True

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: object) -> Self:
        # As `RequestMarks`.
        return self

    def __reduce__(self) -> tuple[type[frozenset[SLOKey]], tuple[()]]:
        # As `RequestMarks`.
        return frozenset, ()

    def resolve(self) -> RouteMatch | None:
        """
        The route that took the request; None when none did.

        `HTTPRecorder.finish` calls it once, where `route_match` is None. An integration overrides it, and it may raise.
        """
        return None

    def heed(self, notes: RequestNotes) -> None:
        """
        Take over from the notes what concerns this installation.

        `HTTPRecorder.finish` calls it once, where there are any. An integration overrides it.
        """


class RouteMatch:
    """
    The route that took a request, according to the framework's router.

    Attributes:
        route: The route template; a leading slash is added where the framework leaves it out.
        view_name: The view's (Django), endpoint's (Flask) or route's (Starlette, FastAPI) name.
        view: The view itself, for its marks.
        is_static: It serves static files.
        matched: The router chose an endpoint. A matched route may have no template and no name.
    """

    __slots__ = ("is_static", "matched", "route", "view", "view_name")

    def __init__(
        self,
        route: str | None = None,
        *,
        view_name: str | None = None,
        view: object = None,
        is_static: bool = False,
        matched: bool | None = None,
    ) -> None:
        self.route = route if route is None or route.startswith("/") else f"/{route}"
        self.view_name = view_name
        self.view = view
        self.is_static = is_static
        self.matched = (route is not None or view_name is not None) if matched is None else matched


NO_ROUTE_MATCH = RouteMatch()


def is_unmatched_request(route_match: RouteMatch, status: int | None) -> bool:
    """Whether it is a 404 or a redirect without a route: scanners, typos and missing slashes."""
    return not route_match.matched and status is not None and (status == 404 or 300 <= status < 400)


class RequestKey(NamedTuple):
    """
    The facts of a request, apart from its path, that decide which SLOs take it.

    Attributes:
        method: The method it counts as; see `counted_method`.
        route: As in `RouteMatch`.
        view_name: As in `RouteMatch`.
        view: As in `RouteMatch`.
        is_static: As in `RouteMatch`.
        is_unmatched: No route took it, and it was answered with 404 or a redirect.
        tracked: Names of SLOs that its view in an inner installation is marked with.
    """

    method: str
    route: str | None
    view_name: str | None
    view: object
    is_static: bool
    is_unmatched: bool
    tracked: tuple[str, ...] = ()


def counted_method(method: str) -> str:
    """The method that a request counts as: HEAD is GET, an unknown one is `"_OTHER"`."""
    if method == "HEAD":
        return "GET"
    return method if method in KNOWN_METHODS else OTHER_METHOD


@dataclass(frozen=True, slots=True)
class RequestEvent:
    """
    A request that was counted, for tests and debugging.

    Attributes:
        method: The method it counted as: HEAD is GET, an unknown one is `"_OTHER"`.
        path: The path that was matched.
        route: The route template, with a leading slash; None when no route took it.
        view_name: The view's, endpoint's or route's name.
        status: The status that was sent; 500 for an exception before any response; None when the client left first.
        exception: The exception that nothing handled.
        disconnected: The client went away.
        duration_seconds: Until the last byte.
        first_byte_seconds: Until the first byte of the body; None when there was none.
        outcomes: For each SLO that counted it: True good, False bad.
    """

    method: str
    path: str
    route: str | None
    view_name: str | None
    status: int | None
    exception: BaseException | None
    disconnected: bool
    duration_seconds: float
    first_byte_seconds: float | None
    outcomes: dict[str, bool]
