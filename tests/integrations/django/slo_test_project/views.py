"""Views: good, bad, slow, streaming, marked."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.http import require_POST
from rest_framework.decorators import api_view
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from slo_django import slo_exempt, slo_track
from slo_test_project.clock import arrivals, clock


def home(request: HttpRequest) -> HttpResponse:
    """200."""
    return HttpResponse("home")


async def async_home(request: HttpRequest) -> HttpResponse:
    """200, from a coroutine."""
    return HttpResponse("home")


def answer(request: HttpRequest, code: int) -> HttpResponse:
    """Any status."""
    if code in (301, 302):
        return HttpResponseRedirect("/")
    return HttpResponse(f"status {code}", status=code)


def item(request: HttpRequest, **_: Any) -> HttpResponse:
    """200, whatever the path says."""
    return HttpResponse("item")


def slow(request: HttpRequest) -> HttpResponse:
    """Takes 400 ms."""
    clock.advance(0.4)
    return HttpResponse("slow")


def boom(request: HttpRequest) -> HttpResponse:
    """Raises what nobody handles."""
    raise RuntimeError("boom")


async def async_boom(request: HttpRequest) -> HttpResponse:
    """Raises what nobody handles, in a coroutine."""
    raise RuntimeError("boom")


def leave(request: HttpRequest) -> HttpResponse:
    """What a worker's abort looks like from inside."""
    raise SystemExit(1)


def missing(request: HttpRequest) -> HttpResponse:
    """404 from a view."""
    raise Http404


def forbidden(request: HttpRequest) -> HttpResponse:
    """403 by exception."""
    raise PermissionDenied


def refused(request: HttpRequest) -> HttpResponse:
    """400 by exception."""
    raise BadRequest("no")


@require_POST
def post_only(request: HttpRequest) -> HttpResponse:
    """405 to GET."""
    return HttpResponse("posted")


def cancelled(request: HttpRequest) -> HttpResponse:
    """A cancellation of the application's own making."""
    raise asyncio.CancelledError


async def waits(request: HttpRequest) -> HttpResponse:
    """Answers when somebody hangs up, which is never."""
    clock.advance(float(request.GET.get("after", "0")))
    arrivals.note()
    await asyncio.Event().wait()
    return HttpResponse("never")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """5 chunks, each after 50 ms."""

    def chunks() -> Iterator[bytes]:
        for number in range(5):
            clock.advance(0.05)
            yield b"chunk %d\n" % number

    return StreamingHttpResponse(chunks())


def broken_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Raises after two chunks."""

    def chunks() -> Iterator[bytes]:
        yield b"one\n"
        clock.advance(0.05)
        yield b"two\n"
        raise RuntimeError("the stream broke")

    return StreamingHttpResponse(chunks())


async def async_stream(request: HttpRequest) -> StreamingHttpResponse:
    """5 chunks, each after 50 ms."""

    async def chunks() -> AsyncIterator[bytes]:
        for number in range(5):
            clock.advance(0.05)
            yield b"chunk %d\n" % number

    return StreamingHttpResponse(chunks())


async def broken_async_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Raises after two chunks."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"one\n"
        clock.advance(0.05)
        yield b"two\n"
        raise TypeError("the stream broke")

    return StreamingHttpResponse(chunks())


async def endless_stream(request: HttpRequest) -> StreamingHttpResponse:
    """Two chunks, then nothing until somebody hangs up."""

    async def chunks() -> AsyncIterator[bytes]:
        clock.advance(0.05)
        yield b"one\n"
        yield b"two\n"
        await asyncio.Event().wait()

    return StreamingHttpResponse(chunks())


class NotedFile(io.BytesIO):
    """A file whose content is known."""

    name = "report.txt"


def file(request: HttpRequest) -> FileResponse:
    """A file; one that the operating system knows nothing of, where the query says so."""
    clock.advance(0.05)
    content = b"x" * 10_000
    if request.GET.get("from") == "memory":
        return FileResponse(NotedFile(content))
    on_disk = tempfile.TemporaryFile()
    on_disk.write(content)
    on_disk.seek(0)
    return FileResponse(on_disk)


@slo_track("orders")
def tracked(request: HttpRequest) -> HttpResponse:
    """Counts for an SLO that takes no request by itself."""
    return HttpResponse("tracked")


@slo_exempt
def exempt(request: HttpRequest) -> HttpResponse:
    """Counts for nothing."""
    return HttpResponse("exempt")


@slo_track("orders")
class TrackedView(View):
    """A marked class."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("tracked")


@method_decorator(slo_track("orders"), name="dispatch")
class TrackedDispatch(View):
    """A class marked the way Django marks classes."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("tracked")


@slo_exempt
class ExemptView(View):
    """A class that counts for nothing."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("exempt")


@slo_track("orders")
class TrackedAPIView(APIView):
    """A marked class of REST framework."""

    def get(self, request: Request) -> Response:
        return Response({"tracked": True})

    def post(self, request: Request) -> Response:
        raise Throttled

    def put(self, request: Request) -> Response:
        raise RuntimeError("boom")


@slo_exempt
class ExemptViewSet(ViewSet):
    """A set of views that count for nothing."""

    def list(self, request: Request) -> Response:
        return Response([])


@slo_track("orders")
@api_view(["GET"])
def tracked_api_function(request: Request) -> Response:
    """A marked function of REST framework; the mark stands above."""
    return Response({"tracked": True})
