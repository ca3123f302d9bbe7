"""Pure ASGI middleware: observes the messages between server and application, and changes none."""

from __future__ import annotations

import sys
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from copy import copy
from typing import Any

from slo_asgi.hang_up import is_hang_up, is_refusal
from slo_asgi.route import RouteResolver
from slo_asgi.server_stop import disconnect_is_waiting, server_is_stopping
from slo_core.conventions import REQUEST_MARKS_KEY
from slo_core.http.announced_body import AnnouncedBody
from slo_core.http.lifespan import ASGIApp, Message, Receive, Scope, Send, serve_lifespan
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RequestNotes, RouteMatch
from slo_core.objectives.http_rule import Classifier
from slo_core.process.internal_errors import user_code_errors
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

__all__ = ["IncompleteResponseError", "SLOMiddleware", "WireObserver", "serving"]

# The request that this task serves. Tasks inherit it, and may outlive the request.
serving: ContextVar[ServedRequest | None] = ContextVar("slo_asgi.serving", default=None)


class IncompleteResponseError(Exception):
    """The application returned after it had started a response and before it had ended it."""


class WireObserver:
    """
    Observes the messages between server and application.

    Args:
        app: The application.
        recorder: Counts the requests.
        registry: Closed when the server shuts down; None closes nothing.
        routed_app: The application that holds the routes, where that is known; None looks for it in `app`.
        is_inside: Something outside may still answer an exception: the framework that this is a middleware of.
        own_paths: Where views of ours have to answer.

    Attributes:
        is_stopping: The server has announced its shutdown.
    """

    def __init__(
        self,
        app: ASGIApp,
        recorder: HTTPRecorder,
        *,
        registry: SLORegistry | None,
        routed_app: object = None,
        is_inside: bool = True,
        own_paths: Sequence[str] = (),
    ) -> None:
        self.app = app
        self.recorder = recorder
        self.is_inside = is_inside
        self.is_stopping = False
        self._is_checked = False
        self._own_paths = own_paths
        self._saw_lifespan = False
        self.resolver = RouteResolver(recorder, app if routed_app is None else routed_app)
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        """
        Serve one connection, and return what the application returns.

        Everything but HTTP requests and the lifespan passes through untouched.
        """
        if scope["type"] != "http":
            if scope["type"] != "lifespan":
                return await self.app(scope, receive, send)
            await serve_lifespan(
                self.app, scope, receive, send, registry=lambda: self._registry, note=self._note_lifespan
            )
            return None
        outer = serving.get()
        if outer is not None:
            if outer.finished or outer.is_handed_over:
                outer = None  # an earlier one of this task: a traceback that led to it would lead on to all before it
            elif REQUEST_MARKS_KEY not in scope:  # open: its server waits for more of the response
                return await self._serve_within(outer, scope, receive, send)
        if not self._is_checked:
            self._check(scope)
        path: str = scope["path"]
        root_path: str | None = scope.get("root_path")
        if root_path:
            path = _below(path, root_path)
        served = self.recorder.begin(scope, scope["method"], path, ServedRequest)
        if served is None:
            return await self.app(scope, receive, send)
        served.observer = self
        served.server_receive = receive
        served.server_send = send
        served.sends_trailers = served.is_handed_over = False
        serving.set(served)
        app = self.app  # as a variable: to call an attribute that is no method takes 0.05 us more
        try:
            result = await app(scope, served.receive, served.send)
        except BaseException as exc:
            serving.set(outer)
            await served.raised(exc)
            raise
        if not served.finished:
            served.returned()
        return result

    async def serve_further_inside(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve a connection that has passed the layers outside of `app` already."""
        if scope["type"] == "http" and not self._is_checked:
            self._check(scope)
        inside = copy(self)
        inside.app = app
        # What the server announces in a lifespan is for the connections to come.
        inside._note_lifespan = self._note_lifespan  # type: ignore[method-assign]  # noqa: SLF001  # of the same class
        return await inside(scope, receive, send)

    async def _serve_within(self, outer: ServedRequest, scope: Scope, receive: Receive, send: Send) -> Any:
        """Serve a request that was sent in process by the code that serves `outer`."""
        outer.share().within(scope)
        try:
            return await self(scope, receive, send)
        finally:
            serving.set(outer)

    def _note_lifespan(self, message_type: object) -> None:
        self._saw_lifespan = True
        self.is_stopping = message_type == "lifespan.shutdown"

    def _check(self, scope: Scope) -> None:
        """At the first request, when all routes are there: log the mistakes of the installation."""
        self._is_checked = True
        layers = getattr(scope.get("app"), "user_middleware", ()) if self.is_inside else ()
        self.is_inside = self.is_inside and not _only_last_resort_outside(scope)
        if self._registry is None:
            return
        try:
            from slo_asgi.installation import log_mistakes  # not at the start: it is needed once

            log_mistakes(
                self._registry,
                self.resolver.route_table(),
                middleware=layers,
                kind=SLOMiddleware,
                saw_lifespan=self._saw_lifespan,
                is_warned=not isinstance(self, SLOMiddleware),
                own_paths=self._own_paths,
            )
        except Exception as exc:  # from an application of an unknown kind; the request goes on
            self.recorder.internal_errors.report("the installation could not be checked", exc)


class SLOMiddleware(WireObserver):
    """
    Counts the requests of an ASGI application.

    With `registry` alone, every definition with an `http` part counts its own requests. With `tracker`, or `registry`
    and `slo_name`, every request counts for that one SLO, and `classify` decides.

    Args:
        app: The application.
        registry: The SLOs.
        tracker: One SLO.
        slo_name: One SLO of `registry`.
        classify: `classify(status, exception_or_None) -> bool`; the default is no exception and a status below 500.
        exclude: Globs of routes and paths that never count.
        timer: Monotonic seconds; tests pass `slo_core.testing.FakeClock`.
        may_be_idle: Accept a registry in which no definition counts requests: one that is filled later, or whose SLOs
            only count requests of views marked with `slo_track`.

    Raises:
        ValueError: Neither registry nor tracker, or no definition that counts requests.
        KeyError: The registry has no SLO of that name.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        registry: SLORegistry | None = None,
        tracker: SLOTracker | None = None,
        slo_name: str | None = None,
        classify: Classifier | None = None,
        exclude: Iterable[str] = (),
        timer: Callable[[], float] = time.perf_counter,
        may_be_idle: bool = False,
    ) -> None:
        recorder = HTTPRecorder(
            registry, tracker=tracker, slo_name=slo_name, classify=classify, exclude=exclude, timer=timer,
            may_be_idle=may_be_idle,
        )  # fmt: skip
        super().__init__(app, recorder, registry=registry)


class ServedRequest(ObservedRequest):
    """
    One request between server and application: fills itself in, and finishes at the first sign of its end.

    `WireObserver` sets its attributes, for the same reason as the recorder sets those of an `ObservedRequest`.

    Attributes:
        observer: Observes it.
        server_receive: The server's `receive`.
        server_send: The server's `send`.
        sends_trailers: The response ends with its trailers.
        is_handed_over: The server has the last byte, or is taking it.
        start: The message that started the response, until its headers are read. Unset while `status` is None.
        body: Of the response. Unset until `start` is read, which a body of one message needs not.
    """

    __slots__ = (
        "body", "is_handed_over", "observer", "sends_trailers", "server_receive", "server_send", "start",
    )  # fmt: skip

    observer: WireObserver
    server_receive: Receive
    server_send: Send
    sends_trailers: bool
    is_handed_over: bool
    start: Message | None
    body: AnnouncedBody

    async def raised(self, exc: BaseException) -> None:
        """The application raised. After the last byte, as in a background task, that is not the request's failure."""
        if self.finished:
            return
        if self.is_handed_over and isinstance(exc, CancelledError):
            self.observer.recorder.finish(self)
            return
        if isinstance(exc, CancelledError) and not self.disconnected:
            await self._explain_cancellation(exc)
        if not self._is_of_client(exc):
            status = getattr(exc, "status_code", None)
            if self.status is None and self.observer.is_inside and _is_status(status):
                self.status = status  # the framework around us will answer with it
            else:
                self.exception = exc
        self.observer.recorder.finish(self)

    def _is_of_client(self, exc: BaseException) -> bool:
        """Whether the client's going away led to an exception, or came before it: then it is no failure."""
        notes = self.notes
        return self.disconnected and ((notes is not None and notes.client_left_first) or is_hang_up(exc))

    def returned(self) -> None:
        """The application returned, and the response had not ended."""
        if self.status is not None and not self.disconnected and not self.is_handed_over:
            if self._server_is_stopping(None):
                self.noting().exempt = True
            self.exception = IncompleteResponseError("the application returned before its response had ended")
        self.observer.recorder.finish(self)

    async def _explain_cancellation(self, exc: BaseException) -> None:
        if self._server_is_stopping(exc):
            self.noting().exempt = True
            return
        try:
            self.disconnected = await disconnect_is_waiting(self.server_receive)
        except Exception as problem:  # from a server's `receive`; the cancellation goes on
            self._report("whether a client had gone could not be determined", problem)

    def _server_is_stopping(self, exc: BaseException | None) -> bool:
        try:
            return self.observer.is_stopping or server_is_stopping(self.server_receive, self.server_send, exc)
        except Exception as problem:  # servers change their insides
            self._report("whether the server is stopping could not be determined", problem)
            return False

    def _report(self, message: str, problem: BaseException) -> None:
        self.observer.recorder.internal_errors.report(message, problem)

    async def receive(self) -> Message:
        """Handed to the application in place of the server's."""
        message = await self.server_receive()
        # hypercorn says it while it takes the last message, and Starlette then cancels that.
        if message.get("type") == "http.disconnect" and not self.is_handed_over:
            notes = self.noting()
            # After a failure it is too late: an error page may be made by code that looks for its client.
            if notes.unhandled is None and notes.broken_off is None:
                self.disconnected = notes.client_left_first = True
        return message

    async def send(self, message: Message) -> None:  # noqa: PLR0912  # as `HTTPRecorder.finish`
        """Handed to the application in place of the server's."""
        try:
            message_type = message["type"]
        except KeyError:  # the server decides what becomes of it
            message_type = None
        send = self.server_send  # a variable, as in `WireObserver`
        if message_type == "http.response.start" and self.method != "HEAD":
            try:
                await send(message)
            except Exception as exc:
                self._refused(exc)
                raise
            # After a disconnect, a response such as an error page reaches no client.
            if self.disturbance is None or not self.disconnected:
                self.status = message.get("status")
                self.start = message
                if self.status != 200:
                    self._note_trace()
            if "trailers" in message and message["trailers"]:  # noqa: RUF019  # a `get` takes twice the time
                # A server without them ends the response with the body.
                self.sends_trailers = "http.response.trailers" in (self.request_scope.get("extensions") or ())
            return
        is_last = False
        if message_type in {"http.response.body", "http.response.zerocopysend"}:
            is_last = "more_body" not in message or not message["more_body"]  # likewise
            is_last = is_last or (self.status is not None and self._is_whole_with(message))
            if self.first_byte is None and (is_last or message.get("body") or "file" in message):
                try:
                    # Before it is sent, so that a client that reads slowly delays nothing.
                    timer = self.observer.recorder.timer
                    self.first_byte = timer()
                except user_code_errors() as exc:  # from a user's own timer; the response must go out
                    self._report("a request could not be timed", exc)
        elif message_type != "http.response.start":
            is_last = message_type == "http.response.pathsend" or (
                message_type == "http.response.trailers" and not message.get("more_trailers")
            )
        else:
            # To HEAD, whose headers are all there is: the client may leave, and the application be cancelled, meanwhile.
            is_last = True
            if self.disturbance is None or not self.disconnected:
                self.status = message.get("status")
                self.start = message
        if is_last and (not self.sends_trailers or message_type == "http.response.trailers"):
            self.is_handed_over = True
        try:
            await send(message)
        except Exception as exc:
            self._refused(exc)
            raise
        if self.is_handed_over:
            self.observer.recorder.finish(self)

    def _note_trace(self) -> None:
        """Note the trace of an answer that is probably bad: its span may have ended when the request does."""
        status, recorder = self.status, self.observer.recorder
        if isinstance(status, int) and status >= 400:
            recorder.failure_notes.note_trace(self, status, recorder.timer)

    def _refused(self, exc: Exception) -> None:
        """The server did not take a message."""
        self.is_handed_over = False
        if isinstance(exc, OSError) or is_refusal(exc):
            self.disconnected = True

    def _is_whole_with(self, message: Message) -> bool:
        if self.start is not None:
            self.body, self.start = AnnouncedBody(self.start), None
        return self.body.is_whole_with(message)

    def heed(self, notes: RequestNotes) -> None:
        noted = notes.broken_off or notes.unhandled
        if noted is None or self._is_of_client(noted):
            return  # the client, or a server that refused it, ended the request
        if notes.broken_off is not None:
            self.exception = notes.broken_off
        elif self.exception is None:
            # The response has ended: the last resort made it of this exception.
            self.exception = notes.unhandled
            self.is_answered = True

    def resolve(self) -> RouteMatch | None:
        return self.observer.resolver.resolve(self.request_scope, self)


def _below(path: str, root_path: str) -> str:
    """The path without the root path; some servers leave that out of the path themselves."""
    root = root_path.rstrip("/")
    rest = path.removeprefix(root)
    return rest or "/" if path.startswith(root) and rest[:1] in ("", "/") else path


def _is_status(status: object) -> bool:
    return isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599


def _only_last_resort_outside(scope: Scope) -> bool:
    """
    Whether an exception that passes a middleware of a Starlette application reaches nothing but its last resort.

    Starlette and FastAPI handle HTTP exceptions innermost, around the router. Litestar handles them outermost.
    """
    applications = sys.modules.get("starlette.applications")
    is_starlette = applications is not None and isinstance(scope.get("app"), applications.Starlette)
    return is_starlette and "starlette.exception_handlers" not in scope  # there, within a mount or around one route
