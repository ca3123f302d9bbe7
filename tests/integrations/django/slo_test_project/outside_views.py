"""Middlewares that answer or fail in place of a view, and error pages of a project's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

GetResponse = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]


class Refuses:
    """Answers every request as its header asks, before the URL is resolved."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return _refusal(request) or self.get_response(request)


@sync_and_async_middleware
def refuses_in_both_modes(get_response):  # type: ignore[no-untyped-def]  # one function for both modes, as Django's decorator has it
    """The same, without a change of thread."""
    if iscoroutinefunction(get_response):

        async def middleware(request: HttpRequest) -> HttpResponseBase:
            return _refusal(request) or await get_response(request)

    else:

        def middleware(request: HttpRequest) -> HttpResponseBase:
            return _refusal(request) or get_response(request)

    return middleware


def _refusal(request: HttpRequest) -> HttpResponse | None:
    wish = request.headers.get("X-Refuse", "")
    if wish == "raise":
        raise ConnectionError("the database of a middleware is away")
    if wish == "missing":
        raise Http404
    if wish.startswith("3") and wish != "304":
        return HttpResponseRedirect("/login/", status=int(wish))
    return HttpResponse(status=int(wish)) if wish else None


class GuardsViews:
    """Sends everybody to the login page, once the view is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: object) -> HttpResponse:
        return HttpResponseRedirect("/login/")


class HandlesExceptions:
    """Answers the exceptions of views, as the header asks."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        return HttpResponse(status=int(request.headers["X-Answer"]))


class CatchesExceptions:
    """The same by `except`: it sees those that Django lets through, under DEBUG_PROPAGATE_EXCEPTIONS."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            return self.get_response(request)
        except RuntimeError:
            return HttpResponse(status=int(request.headers["X-Answer"]))


class ChoosesUrls:
    """A URL configuration for each host, as django-hosts has it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.headers.get("Host") == "shop.example":
            request.urlconf = "slo_test_project.shop_urls"
        return self.get_response(request)


def reports_by_hand(request: HttpRequest, code: int) -> HttpResponse:
    """Handles an exception, and tells those who watch Django's signal."""
    try:
        raise RuntimeError("handled")
    except RuntimeError:
        got_request_exception.send(sender=None, request=request)
    return HttpResponse(status=code)


def teapot_page(request: HttpRequest) -> HttpResponse:
    """An error page with a status of its own."""
    return HttpResponse("it was you", status=418)


def polite_page(request: HttpRequest) -> HttpResponse:
    """An error page that says all is well."""
    return HttpResponse("all is well")


def broken_page(request: HttpRequest) -> HttpResponse:
    """An error page with an error of its own."""
    raise ValueError("the error page broke")
