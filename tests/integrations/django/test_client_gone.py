"""A client that leaves while it sends, or while the answer is made, is no failure of the service."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse, UnreadablePostError
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from slo_test_project import views
from slo_test_project.clock import arrivals
from slo_test_project.project import MIDDLEWARE, OpenProject

from slo_django.asgi import with_lifespan
from slo_django.wire import Wire

CSRF = "django.middleware.csrf.CsrfViewMiddleware"


@csrf_exempt
def raw(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(len(request.body)))


@csrf_exempt
def form(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.POST.get("name", ""))


@csrf_exempt
def lines(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(sum(len(line) for line in request)))


@csrf_exempt
def chunks(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(sum(len(chunk) for chunk in iter(lambda: request.read(10), b""))))


@csrf_exempt
def as_json(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(json.load(request)))


@csrf_exempt
def explains(request: HttpRequest) -> HttpResponse:
    """Raises an error of its own for what it cannot read."""
    try:
        return HttpResponse(request.body)
    except OSError as exc:
        raise RuntimeError("no body") from exc


@csrf_exempt
def apologises(request: HttpRequest) -> HttpResponse:
    """Answers all errors itself."""
    try:
        return HttpResponse(request.body)
    except Exception:
        return HttpResponse(status=500)


@csrf_exempt
def disk_full(request: HttpRequest) -> HttpResponse:
    raise OSError(28, "No space left on device")


@csrf_exempt
def bug_after_reading(request: HttpRequest) -> HttpResponse:
    assert request.body
    raise OSError("the application's own")


@csrf_exempt
def echo(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[bytes]:
        yield b"begin"
        yield request.read()

    return StreamingHttpResponse(parts())


class API(APIView):
    parser_classes = [JSONParser, FormParser, MultiPartParser]

    def post(self, request: Request) -> Response:
        return Response({"names": len(request.data)})


class Urls:
    """Views that read bodies in every way."""

    handlers: dict[str, Callable[..., Any]] = {
        "raw": raw, "form": form, "lines": lines, "chunks": chunks, "json": as_json, "explains": explains,
        "apologises": apologises, "disk": disk_full, "bug": bug_after_reading, "api": API.as_view(), "echo": echo,
        "guarded": views.home,
    }  # fmt: skip
    urlpatterns = [path(f"{name}/", view) for name, view in handlers.items()]


class Reset(io.RawIOBase):
    """The body of a client that resets its connection."""

    def read(self, size: int = -1) -> bytes:
        raise ConnectionResetError(104, "Connection reset by peer")

    readline = read  # type: ignore[assignment]  # the same failure


JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
READERS = [
    ("raw", JSON), ("form", FORM), ("form", MULTIPART), ("lines", JSON), ("chunks", JSON), ("json", JSON), ("explains", JSON),
    ("apologises", JSON), ("api", JSON), ("api", FORM), ("api", MULTIPART), ("guarded", FORM), ("guarded", MULTIPART),
    ("echo", JSON),
]  # fmt: skip


def post(project: Any, name: str, kind: str, body: Any, length: int) -> None:
    """One upload."""
    project.ask(
        "POST",
        f"/{name}/",
        headers={"Content-Type": kind, "Content-Length": str(length), "Cookie": f"csrftoken={'x' * 32}"},
        request_scope={"wsgi.input": body},
        application=WSGIHandler(),
    )


@pytest.mark.parametrize("policy", [None, "bad"])
@pytest.mark.parametrize("propagate", [False, True])
@pytest.mark.parametrize(("name", "kind"), READERS)
def test_a_reset_while_the_body_is_read_is_a_client_that_left(
    open_for: OpenProject, name: str, kind: str, propagate: bool, policy: str | None
) -> None:
    """However the view reads it, and whoever answers the exception: `client_disconnect` decides."""
    definition = {"target": 0.9, **({} if policy is None else {"client_disconnect": policy})}
    project = open_for(
        "wsgi",
        ROOT_URLCONF=Urls,
        MIDDLEWARE=[MIDDLEWARE, CSRF],
        DEBUG_PROPAGATE_EXCEPTIONS=propagate,
        SLO_DEFINITIONS={"availability": definition},
    )

    post(project, name, kind, Reset(), 100)

    assert project.counts() == ((0, 0) if policy is None else (1, 1))
    assert project.registry.internals.errors.total == 0


@pytest.mark.parametrize(("name", "kind"), [("raw", JSON), ("json", JSON), ("api", JSON), ("form", MULTIPART)])
def test_a_body_that_ends_early_is_a_client_that_left(open_for: OpenProject, name: str, kind: str) -> None:
    """A connection that is closed in order raises nothing: the body is cut off."""
    project = open_for("wsgi", ROOT_URLCONF=Urls)

    post(project, name, kind, io.BytesIO(b'{"name": "to'), 100)

    assert project.counts() == (0, 0)


@pytest.mark.parametrize(
    ("name", "kind", "body", "failures"),
    [
        ("raw", JSON, b"[]", 0),
        ("api", JSON, b'{"a": ', 0),  # nonsense, which it answers with 400
        ("json", JSON, b"[", 1),  # nonsense, which it does not expect
        ("form", FORM, b"name=x", 0),
        ("lines", JSON, b"one\ntwo\n", 0),
        ("chunks", JSON, b"one\ntwo\nthree\n", 0),
        ("echo", JSON, b"[]", 0),
        ("disk", JSON, b"[]", 1),
        ("bug", JSON, b"[]", 1),
        ("apologises", JSON, b"", 0),
    ],
)
def test_a_client_that_stays_counts(open_for: OpenProject, name: str, kind: str, body: bytes, failures: int) -> None:
    """Whole bodies, nonsense and an OSError of the view's own are the service's business."""
    project = open_for("wsgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS={"availability": {"target": 0.9}})

    post(project, name, kind, io.BytesIO(body), len(body))

    assert project.counts() == (1, failures)


@csrf_exempt
def unreadable(request: HttpRequest) -> HttpResponse:
    raise UnreadablePostError("the temporary file is gone")


class UnreadableUrls:
    """A view whose body Django cannot read."""

    urlpatterns = [path("unreadable/", unreadable)]


@pytest.mark.parametrize(("interface", "expected"), [("wsgi", (0, 0)), ("asgi", (1, 1))])
def test_under_asgi_the_body_is_ours(open_for: OpenProject, interface: str, expected: tuple[int, int]) -> None:
    """There Django has received all of it before the view runs: what fails is a file of the service's own."""
    project = open_for(interface, ROOT_URLCONF=UnreadableUrls)

    project.ask("POST", "/unreadable/", body=b"x")

    assert project.counts() == expected


def test_a_stream_that_the_servers_stop_ends_is_left_out(open_for: OpenProject) -> None:
    """The server cancels a stream whose client is still there."""
    project = open_for("asgi", SLO_DEFINITIONS={"availability": {"target": 0.9, "client_disconnect": "bad"}})

    project.get("/endless-stream/", cancel_after=2, application=_with_lifespan())

    assert project.counts() == (0, 0)


def test_a_stream_that_the_client_ends_is_a_disconnect(open_for: OpenProject) -> None:
    """Also where the server cancels the application, and leaves the news in the queue."""
    project = open_for("asgi", SLO_DEFINITIONS={"availability": {"target": 0.9, "client_disconnect": "bad"}})

    project.get("/endless-stream/", leave_after=2, application=_with_lifespan())

    assert project.counts() == (1, 1)


async def notices(request: HttpRequest) -> HttpResponse:
    """Django cancels the view when the client has gone, and the view says so in its own way."""
    try:
        arrivals.note()
        await asyncio.sleep(10)
    except asyncio.CancelledError as exc:
        raise RuntimeError("the client has gone") from exc
    raise AssertionError


async def fails_first(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("bug")


class NoticingUrls:
    """Views that raise after their client has gone, and before."""

    urlpatterns = [path("notices/", notices), path("fails/", fails_first)]


@pytest.mark.parametrize(("name", "expected"), [("notices", (0, 0)), ("fails", (1, 1))])
def test_what_is_raised_after_the_client_was_seen_to_leave_is_no_failure(
    open_for: OpenProject, name: str, expected: tuple[int, int]
) -> None:
    """Nothing that the view does then reaches the client; what failed before is the service's."""
    project = open_for("asgi", ROOT_URLCONF=NoticingUrls)

    project.get(f"/{name}/", leave_after=0 if name == "notices" else None, application=_with_lifespan())

    assert project.counts() == expected


def _with_lifespan() -> Any:
    from django.core.handlers.asgi import ASGIHandler

    return with_lifespan(ASGIHandler())


@pytest.mark.parametrize(
    ("message", "expected"),
    [({"type": "http.disconnect"}, True), ({"type": "http.request"}, False), (None, False), (OSError(), False)],
)
def test_the_servers_queue_is_looked_at_without_waiting(message: object, expected: bool) -> None:
    """A disconnect that waits there is seen; an empty queue or an error of the server is none."""

    async def look() -> bool:
        queue: asyncio.Queue[Any] = asyncio.Queue()
        if isinstance(message, dict):
            queue.put_nowait(message)

        async def receive() -> Any:
            if isinstance(message, OSError):
                raise message
            return await queue.get()

        async def send(message: Any) -> None:
            raise AssertionError("nothing is sent")

        watch = Wire(receive, send)
        seen = watch.look()
        assert watch.seen is seen
        await asyncio.sleep(0)
        return seen

    assert asyncio.run(look()) is expected
