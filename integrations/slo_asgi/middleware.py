"""Pure ASGI middleware: observes the messages between server and application, and changes none."""

from __future__ import annotations

import sys
import time
from asyncio import CancelledError
from collections.abc import Callable, Iterable

from slo_asgi.route import RouteResolver
from slo_asgi.server_stop import disconnect_is_waiting, server_is_stopping
from slo_core.http.lifespan import ASGIApp, Message, Receive, Scope, Send, serve_lifespan
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import ObservedRequest, RouteMatch
from slo_core.objectives.http_rule import Classifier
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

__all__ = ["IncompleteResponseError", "SLOMiddleware", "WireObserver"]

_NOT_TIMED = "a request could not be timed"


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
    ) -> None:
        self.app = app
        self.recorder = recorder
        self.is_inside = is_inside
        self.is_stopping = False
        self._is_checked = registry is None
        self._saw_lifespan = False
        self.resolver = RouteResolver(recorder, app if routed_app is None else routed_app)
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; everything but HTTP requests and the lifespan passes through untouched."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await serve_lifespan(
                    self.app, scope, receive, send, registry=lambda: self._registry, note=self._note_lifespan
                )
            else:
                await self.app(scope, receive, send)
            return
        if not self._is_checked:
            self._check(scope)
        path: str = scope["path"]
        root_path: str | None = scope.get("root_path")
        if root_path:
            path = _below(path, root_path)
        observed = self.recorder.begin(scope, scope["method"], path)
        if observed is None:
            await self.app(scope, receive, send)
        else:
            watch = _Watch(self, observed, scope, receive, send)
            try:
                await self.app(scope, watch.receive, watch.send)
            except BaseException as exc:
                await watch.raised(exc)
                raise
            if not observed.finished:
                watch.returned()

    def _note_lifespan(self, message_type: object) -> None:
        self._saw_lifespan = True
        self.is_stopping = message_type == "lifespan.shutdown"

    def _check(self, scope: Scope) -> None:
        """Log the mistakes of the installation: at the first request, when all routes are there."""
        self._is_checked = True
        if self._registry is None:
            return
        try:
            from slo_asgi.installation import log_mistakes  # not at the start: it is needed once

            layers = getattr(scope.get("app"), "user_middleware", ()) if self.is_inside else ()
            log_mistakes(
                self._registry,
                self.resolver.route_table(),
                middleware=layers,
                kind=SLOMiddleware,
                saw_lifespan=self._saw_lifespan,
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
            registry,
            tracker=tracker,
            slo_name=slo_name,
            classify=classify,
            exclude=exclude,
            timer=timer,
            may_be_idle=may_be_idle,
        )
        super().__init__(app, recorder, registry=registry)


class _Watch:
    """One request between server and application."""

    __slots__ = ("_is_ending", "_observed", "_observer", "_receive", "_recorder", "_scope", "_send", "_sends_trailers")

    def __init__(
        self, observer: WireObserver, observed: ObservedRequest, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._observer = observer
        self._recorder = observer.recorder
        self._observed = observed
        self._scope = scope
        self._receive = receive
        self._send = send
        self._is_ending = False  # the last message was handed to the server, which may not have returned yet
        self._sends_trailers = False

    async def raised(self, exc: BaseException) -> None:
        """The application raised. After the last byte, as in a background task, that is not the request's failure."""
        observed = self._observed
        if observed.finished:
            self._forget_exceptions()
            return
        if isinstance(exc, CancelledError) and not observed.disconnected:
            await self._explain_cancellation(exc)
        if not (observed.disconnected and _is_hang_up(exc)):
            status = getattr(exc, "status_code", None)
            if observed.status is None and self._observer.is_inside and _is_status(status):
                observed.status = status  # the framework around us will answer with it
            else:
                observed.exception = exc
        self._finish()
        self._forget_exceptions()

    def returned(self) -> None:
        """The application returned, and the response had not ended."""
        observed = self._observed
        if observed.status is not None and not observed.disconnected and not self._is_ending:
            if self._server_is_stopping(None):
                observed.marks.exempt = True
            observed.exception = IncompleteResponseError("the application returned before its response had ended")
        self._finish()

    async def _explain_cancellation(self, exc: BaseException) -> None:
        if self._server_is_stopping(exc):
            self._observed.marks.exempt = True
            return
        try:
            self._observed.disconnected = await disconnect_is_waiting(self._receive)
        except Exception as problem:  # from a server's `receive`; the cancellation goes on
            self._recorder.internal_errors.report("whether a client had gone could not be determined", problem)

    def _server_is_stopping(self, exc: BaseException | None) -> bool:
        try:
            return self._observer.is_stopping or server_is_stopping(self._receive, self._send, exc)
        except Exception as problem:  # servers change their insides
            self._recorder.internal_errors.report("whether the server is stopping could not be determined", problem)
            return False

    def _forget_exceptions(self) -> None:
        # As in `HTTPRecorder.finish`: their tracebacks lead to the scope, which leads to the marks.
        marks = self._observed.marks
        if marks.counted_by is self._observed.slo_keys:  # no other installation may still need them
            marks.broken_off = marks.unhandled = None

    async def receive(self) -> Message:
        message = await self._receive()
        # A server also sends it once the response is complete, and that may be before its `send` returns.
        if message.get("type") == "http.disconnect" and not self._is_ending:
            self._observed.disconnected = True
        return message

    async def send(self, message: Message) -> None:
        observed = self._observed
        message_type = message.get("type")
        if message_type in {"http.response.body", "http.response.zerocopysend"}:
            is_last = not message.get("more_body")
            if observed.first_byte is None and (is_last or message.get("body") or "file" in message):
                try:
                    # Before it is sent, so that a client that reads slowly delays nothing.
                    observed.first_byte = self._recorder.timer()
                except Exception as exc:  # from a user's own timer; the response must go out
                    self._recorder.internal_errors.report(_NOT_TIMED, exc)
        else:
            is_last = message_type == "http.response.pathsend" or (
                message_type == "http.response.trailers" and not message.get("more_trailers")
            )
        if is_last and (not self._sends_trailers or message_type == "http.response.trailers"):
            self._is_ending = True
        try:
            await self._send(message)
        except Exception as exc:
            self._is_ending = False  # the server did not take it
            if isinstance(exc, OSError) or _is_refusal(exc):
                observed.disconnected = True
            raise
        if self._is_ending:
            self._finish()
        elif message_type == "http.response.start":
            # After a disconnect, a response such as an error page reaches no client.
            if not observed.disconnected:
                observed.status = message.get("status")
            self._sends_trailers = bool(message.get("trailers"))

    def _finish(self) -> None:
        observed = self._observed
        marks = observed.marks
        noted = marks.broken_off or marks.unhandled
        if noted is not None and observed.disconnected and _is_hang_up(noted):
            pass  # the client, or a server that refused it, ended the request
        elif marks.broken_off is not None:
            observed.exception = marks.broken_off
        elif marks.unhandled is not None and observed.exception is None:
            # The response has ended: the last resort made it of this exception.
            observed.exception = marks.unhandled
            observed.is_answered = True
        if observed.ended is None:
            try:
                observed.ended = self._recorder.timer()
            except Exception as exc:  # as above
                self._recorder.internal_errors.report(_NOT_TIMED, exc)
        self._recorder.finish(observed, self._resolve)

    def _resolve(self) -> RouteMatch | None:
        return self._observer.resolver.resolve(self._scope, self._observed)


def _below(path: str, root_path: str) -> str:
    """The path without the root path; some servers leave that out of the path themselves."""
    root = root_path.rstrip("/")
    rest = path.removeprefix(root)
    return rest or "/" if path.startswith(root) and rest[:1] in ("", "/") else path


def _is_status(status: object) -> bool:
    return isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599


def _is_hang_up(exc: BaseException) -> bool:
    """Whether an application raises such an exception when its client has gone."""
    if isinstance(exc, BaseExceptionGroup):
        return all(_is_hang_up(inner) for inner in exc.exceptions)
    requests = sys.modules.get("starlette.requests")  # Starlette need not be there
    client_disconnect = getattr(requests, "ClientDisconnect", OSError)
    return isinstance(exc, (CancelledError, OSError, client_disconnect)) or _is_refusal(exc)


def _is_refusal(exc: BaseException) -> bool:
    """
    Whether a server will not send an answer because it has answered a malformed body itself, with 400.

    uvicorn with h11 does that in the middle of a request. Without this test any client could spend a budget by sending a
    malformed chunk. An error of h11 about the answer itself, such as a line feed in a header, names no state: that is the
    application's failure.
    """
    h11 = sys.modules.get("h11")  # other servers and parsers do not import it
    protocol_error = getattr(h11, "LocalProtocolError", None)
    return protocol_error is not None and isinstance(exc, protocol_error) and " and state=" in str(exc)
