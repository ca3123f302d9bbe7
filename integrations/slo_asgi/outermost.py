"""Keeps the observer outside of all layers, also of those that are put around an application after `instrument`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

from slo_asgi.middleware import WireObserver
from slo_asgi.observer import may_hide_the_router, observe_last_resort, observe_mounted, observe_router
from slo_core.conventions import LOGGER_NAME, REQUEST_MARKS_KEY
from slo_core.http.lifespan import ASGIApp, Receive, Scope, Send
from slo_core.http.recorder import HTTPRecorder
from slo_core.tracking.registry import SLORegistry

__all__ = ["observe_outermost"]


def observe_outermost(
    app: Any, recorder: HTTPRecorder, registry: SLORegistry, *, own_paths: Sequence[str] = ()
) -> Callable[[], None]:
    """
    Observe the requests outside of all layers that an application has when it serves its first connection.

    Tracers wrap `build_middleware_stack` too, on the application (OpenTelemetry) or on its class (ddtrace, elastic-apm), and
    some look at the layer that they get: it has to be the framework's own. Where such a wrapper came after ours, the
    observer waits inside of that layer, and moves to the outside with the first connection.

    Args:
        app: Of Starlette or FastAPI.
        recorder: Counts the requests.
        registry: Closed when the server shuts down.
        own_paths: Where views of ours have to answer.

    Returns:
        A function for a view of ours that got a request which was not observed: it observes those to come. A tracer that
        is taken away may have the layers built again by the method that it had before, which is not ours.
    """
    earlier_wrapper: Callable[[], ASGIApp] | None = vars(app).get("build_middleware_stack")

    def build_middleware_stack() -> ASGIApp:
        # The method of the class is looked up now, because it may have been wrapped since.
        stack: ASGIApp = type(app).build_middleware_stack(app) if earlier_wrapper is None else earlier_wrapper()
        if vars(app).get("build_middleware_stack") is build_middleware_stack:
            return observed(stack)
        errors = sys.modules.get("starlette.middleware.errors")  # imported wherever such a layer is
        if errors is None or not isinstance(stack, errors.ServerErrorMiddleware):
            return _Place(app, stack, observed)
        stack.app = _Place(app, stack.app, observed)
        return cast("ASGIApp", stack)

    def observed(stack: ASGIApp) -> WireObserver:
        observe_last_resort(stack)
        try:
            if may_hide_the_router(app, stack):
                observe_router(app.router)
            observe_mounted(app.routes)
        except Exception as exc:  # from routes of an unknown kind: the application has to start
            registry.internals.errors.report("mounted applications could not be observed", exc)
        return WireObserver(stack, recorder, registry=registry, routed_app=app, is_inside=False, own_paths=own_paths)

    def observe_again() -> None:
        nonlocal earlier_wrapper
        stack = app.middleware_stack
        if stack is None or isinstance(stack, WireObserver):
            return
        earlier_wrapper = vars(app).get("build_middleware_stack")
        app.build_middleware_stack = build_middleware_stack
        app.middleware_stack = observed(stack)
        logging.getLogger(LOGGER_NAME).warning(
            "the layers of the application were built again without slo-suite: its requests were not counted since then, and "
            "are from now on; call instrument() after what builds them, such as FastAPIInstrumentor.uninstrument_app()"
        )

    # On this application only: no other one of the process is touched.
    app.build_middleware_stack = build_middleware_stack
    return observe_again


class _Place:
    """
    A layer that puts the observer around all others when the first connection comes.

    The first connection, mostly the lifespan, has passed the layers outside of it by then, and so may have a few more:
    they are observed from here.

    Args:
        routed_app: The application.
        app: The layer below.
        observed: Puts the observer around a layer.
    """

    def __init__(self, routed_app: Any, app: ASGIApp, observed: Callable[[ASGIApp], WireObserver]) -> None:
        self.app = app
        self._routed_app = routed_app
        self._observed = observed
        self._observer: WireObserver | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> Any:
        observer = self._observer
        if observer is None:
            outermost = self._routed_app.middleware_stack
            observer = self._observer = self._observed(self.app if outermost is None else outermost)
            if outermost is not None:
                self._routed_app.middleware_stack = observer
        elif scope["type"] != "http" or REQUEST_MARKS_KEY in scope:
            return await self.app(scope, receive, send)
        return await observer.serve_further_inside(self.app, scope, receive, send)
