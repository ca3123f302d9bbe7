"""Middlewares that stand inside ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import async_only_middleware, sync_and_async_middleware, sync_only_middleware

from slo_django.middleware import SLOMiddleware

Sync = Callable[[HttpRequest], HttpResponseBase]
Async = Callable[[HttpRequest], Awaitable[HttpResponseBase]]


@sync_only_middleware
def sync_only(get_response: Sync) -> Sync:
    """Knows no async: Django runs it, and what is around it, in a thread."""
    return lambda request: get_response(request)


@sync_and_async_middleware
def tries_again(get_response):  # type: ignore[no-untyped-def]  # one function for both modes, as Django's decorator has it
    """Asks a second time where the first answer is a failure."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            response = await get_response(request)
            return response if response.status_code < 500 else await get_response(request)

    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            response = get_response(request)
            return response if response.status_code < 500 else get_response(request)

    return middleware


@async_only_middleware
def async_only(get_response: Async) -> Async:
    """Knows no sync."""

    async def middleware(request: HttpRequest) -> HttpResponseBase:
        return await get_response(request)

    return middleware


def _early(request: HttpRequest) -> HttpResponse | None:
    if request.path_info == "/limited/":
        return HttpResponse("slow down", status=429)
    if request.path_info == "/maintenance/":
        return HttpResponse("back soon", status=503)
    if request.path_info == "/gone/":
        return HttpResponse("gone", status=404)
    if request.path_info == "/healthz":
        return HttpResponse("ok")
    if request.path_info == "/static/app.css":
        return HttpResponse("body {}", content_type="text/css")
    if request.path_info == "/broken-middleware/":
        raise RuntimeError("a middleware broke")
    if request.method == "OPTIONS" and "access-control-request-method" in request.headers:
        return HttpResponse(headers={"Access-Control-Allow-Origin": "*"})
    return None


@sync_and_async_middleware
def answers_early(get_response):  # type: ignore[no-untyped-def]  # one function for both modes, as Django's decorator has it
    """Answers some paths itself, without asking for a view."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return _early(request) or await get_response(request)

    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            return _early(request) or get_response(request)

    return middleware


@sync_only_middleware
def hides_errors(get_response: Sync) -> Sync:
    """Turns every 500 into a polite 200."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        return HttpResponse("all is well") if response.status_code == 500 else response

    return middleware


class Subclassed(SLOMiddleware):
    """A project's own variant."""
