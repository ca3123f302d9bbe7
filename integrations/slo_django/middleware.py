"""The middleware: every request through Django, counted once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from sys import modules
from typing import Any, cast

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from slo_core.conventions import LOGGER_NAME
from slo_core.http.inner_marks import leave_marks
from slo_core.http.websocket import WEBSOCKET_KEY
from slo_django import signals
from slo_django.installation import Installation, current
from slo_django.request_body import BodyWatch
from slo_django.request_scope import ASGI_SCOPE_KEY, request_scope_of, share_marks
from slo_django.route import RouteResolver
from slo_django.served_request import ServedRequest, ServedWebsocket, WatchedRequest
from slo_django.sub_requests import TEST_CLIENT, is_sub_request, serving
from slo_django.wire import WIRE_KEY, Wire

__all__ = ["SLOMiddleware"]

SyncGetResponse = Callable[[HttpRequest], HttpResponseBase]
AsyncGetResponse = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


class SLOMiddleware:
    """
    Counts each request for the SLOs of `settings.SLO_DEFINITIONS`. Put it first in `MIDDLEWARE`.

    Works under WSGI and ASGI, without a change of thread. It reads the settings with the first request and whenever
    `override_settings` changes one of ours; should they be wrong then, requests pass uncounted and the log says why.

    Args:
        get_response: The rest of Django.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: SyncGetResponse | AsyncGetResponse) -> None:
        # It is one of the two, and Django says which by the kind of function it is.
        self._get_response = cast("SyncGetResponse", get_response)
        self._get_response_async = cast("AsyncGetResponse", get_response)
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)
        self._installation: Installation | None = None
        self._routes: RouteResolver | None = None
        signals.connect()
        current.note_missing_app()

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self._is_async:
            return self._respond_async(request)
        if TEST_CLIENT in modules:
            return self._respond_noting(request)
        served = self._begin(request)
        # A variable, because to call an attribute that is no method takes 0.05 us more.
        get_response = self._get_response
        if served is None:
            response = get_response(request)
            self._leave_marks(request, response)
            return response
        try:
            response = get_response(request)
        except BaseException as exc:
            served.raised(exc)
            raise
        served.answered(response)
        return response

    def _respond_noting(self, request: HttpRequest) -> HttpResponseBase:
        """The same in a process where a view may send requests to its own application."""
        if is_sub_request(request, SLOMiddleware.__call__.__code__):
            return self._get_response(request)
        served = self._begin(request)
        if served is None:
            response = self._get_response(request)
            self._leave_marks(request, response)
            return response
        serving.set(served)
        try:
            response = self._get_response(request)
        except BaseException as exc:
            served.raised(exc)
            raise
        finally:
            serving.set(None)
        served.answered(response)
        return response

    async def _respond_async(self, request: HttpRequest) -> HttpResponseBase:
        if is_sub_request(request, SLOMiddleware.__call__.__code__):
            return await self._get_response_async(request)
        served = self._begin(request)
        if served is None:
            response = await self._get_response_async(request)
            self._leave_marks(request, response)
            return response
        serving.set(served)
        try:
            response = await self._get_response_async(request)
        except BaseException as exc:
            served.raised(exc)
            raise
        finally:
            serving.set(None)
        served.answered(response)
        return response

    def _begin(self, request: HttpRequest) -> ServedRequest | None:
        """Begin to observe a request; None when no SLO counts it."""
        if self._installation is not current.installation:
            self._adopt(current.installation)
        routes = self._routes
        if routes is None:
            return None
        try:
            meta = request.META
            if isinstance(request, ASGIRequest):  # in sync mode, too
                served = self._begin_asgi(request, routes)
            else:
                if ASGI_SCOPE_KEY in meta:
                    share_marks(meta)
                if request.method != "GET" and meta.get("CONTENT_LENGTH"):
                    served = self._begin_upload(request, routes)
                else:
                    kind = ServedWebsocket if WEBSOCKET_KEY in meta else ServedRequest
                    served = routes.recorder.begin(meta, request.method, request.path_info, kind)  # type: ignore[arg-type]  # stubs: may be None
            if served is not None:
                served.routes = routes
                served.request = request
                request._slo_served_request = served  # type: ignore[attr-defined]  # for signals.note_exception
        except Exception as exc:  # the request must go on
            routes.recorder.internal_errors.report("a Django request could not be taken up", exc)
            return None
        return served

    def _begin_asgi(self, request: ASGIRequest, routes: RouteResolver) -> ServedRequest | None:
        scope: MutableMapping[str, Any] = request.scope  # type: ignore[assignment]  # stubs: a mapping that cannot be written to
        wire: Wire | None = scope.get(WIRE_KEY)
        request_class = ServedRequest if wire is None else WatchedRequest
        served = routes.recorder.begin(scope, request.method or "", request.path_info, request_class)
        if wire is not None and isinstance(served, WatchedRequest):
            served.watch = wire
            wire.served = served
        return served

    def _begin_upload(self, request: HttpRequest, routes: RouteResolver) -> ServedRequest | None:
        served = routes.recorder.begin(request.META, request.method or "", request.path_info, WatchedRequest)
        if served is not None:
            served.watch = request._stream = BodyWatch(request._stream)  # type: ignore[assignment]  # a stand-in
        return served

    def _leave_marks(self, request: HttpRequest, response: HttpResponseBase) -> None:
        """Another installation around Django counts the request: the marks of the view hold for that one."""
        routes = self._routes
        is_inside = "slo_asgi" in modules or "slo_wsgi" in modules
        if routes is None or not is_inside or getattr(request, "is_dummy", False):
            return
        try:
            view, service = routes.resolve(request, response.status_code).view, routes.recorder.service
            leave_marks(request_scope_of(request), view, request.method or "", service=service)
        except Exception as exc:  # the response must go out
            routes.recorder.internal_errors.report("the marks of a Django view could not be read", exc)

    def _adopt(self, installation: Installation) -> None:
        """Use the settings as they are now."""
        self._routes = None
        try:
            recorder = installation.recorder
            if recorder is not None:
                self._routes = RouteResolver(recorder)
        except Exception as exc:  # wrong settings are an error of `manage.py check`, never of a request
            logger = logging.getLogger(LOGGER_NAME)
            logger.error(
                "requests are not counted, because the settings are wrong (manage.py check --tag slo): %s", exc
            )
        self._installation = installation
