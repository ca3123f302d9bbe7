"""What leaves on the wire is what counts, under `with_lifespan`: lengths, cut downloads, and answers that a server refuses."""

from __future__ import annotations

import asyncio
import copy
import gc
import pickle
from collections.abc import AsyncIterator, Iterator
from typing import Any

import django
import pytest
from django.core.handlers.asgi import ASGIHandler
from django.core.signals import request_started
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from slo_test_project.drivers import djangos_own_warnings_apart
from slo_test_project.project import MIDDLEWARE, OpenProject
from slo_test_project.views import NotedFile

from slo_django import slo_outcome
from slo_django.asgi import with_lifespan
from slo_django.installation import current
from slo_django.served_request import ServedRequest
from slo_django.wire import Wire

CHUNK = b"x" * 2**16
SLOS = {"availability": {"target": 0.9}, "strict": {"target": 0.9, "client_disconnect": "bad"}}


async def download(request: HttpRequest) -> StreamingHttpResponse:
    """Never waits: no other task runs before it ends."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield CHUNK

    return StreamingHttpResponse(chunks())


async def lasting(request: HttpRequest) -> StreamingHttpResponse:
    """Has sent everything that it announced, and goes on with something else."""

    async def chunks() -> AsyncIterator[bytes]:
        yield b"whole"
        await asyncio.Event().wait()

    return StreamingHttpResponse(chunks(), headers={"Content-Length": request.GET["length"]})


def collected(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield CHUNK

    return StreamingHttpResponse(chunks())


def plain(request: HttpRequest) -> HttpResponse:
    return HttpResponse(CHUNK * 5)


def file(request: HttpRequest) -> FileResponse:
    return FileResponse(NotedFile(CHUNK * 5))


def small(request: HttpRequest) -> HttpResponse:
    return HttpResponse("small")


async def cancels_itself(request: HttpRequest) -> StreamingHttpResponse:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"half"
        raise asyncio.CancelledError

    return StreamingHttpResponse(chunks())


def excused(request: HttpRequest) -> HttpResponse:
    slo_outcome(request, good=False)
    return HttpResponse(CHUNK * 5)


class Urls:
    views = (download, lasting, collected, plain, file, small, cancels_itself, excused)
    urlpatterns = [path(f"{view.__name__}/", view) for view in views]


class Server:
    """
    A server that drops what is sent to a client that has gone, without a word, as uvicorn does.

    Args:
        takes: So many messages arrive; the client goes with the next.
        error: Raised for that one instead.
        is_late: Who waits already for news of the client gets them last; who asks then gets them.
    """

    def __init__(self, takes: int, *, error: Exception | None = None, is_late: bool = False) -> None:
        self.takes, self.error, self.is_late = takes, error, is_late
        self.sent: list[Any] = []
        self.left = asyncio.Event()
        self.is_asked = False
        self.raised: BaseException | None = None

    async def receive(self) -> dict[str, Any]:
        if not self.is_asked:
            self.is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        if self.left.is_set():
            return {"type": "http.disconnect"}
        await self.left.wait()
        if self.is_late:
            await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if len(self.sent) < self.takes:
            self.sent.append(message)
            return
        if self.error is not None:
            raise self.error
        self.left.set()

    def serve(self, path: str) -> None:
        route, _, query = path.partition("?")
        scope: dict[str, Any] = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": f"/{route}/", "query_string": query.encode(), "headers": [(b"host", b"testserver")],
        }  # fmt: skip
        with djangos_own_warnings_apart():
            try:
                asyncio.run(with_lifespan(ASGIHandler())(scope, self.receive, self.send))
            except (Exception, asyncio.CancelledError) as exc:  # Django 6.1 passes a cancellation on
                self.raised = exc.with_traceback(None)
            gc.collect()  # a body that Django has not closed


@pytest.mark.parametrize("is_late", [False, True])
@pytest.mark.parametrize("view", ["download", "collected", "plain", "file"])
def test_a_cut_download_is_a_client_that_left(open_for: OpenProject, view: str, is_late: bool) -> None:
    """Whatever the answer is made of, and though Django sends it all before another task can run."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)

    Server(takes=3, is_late=is_late).serve(view)

    assert project.counts() == (0, 0)
    assert project.counts("strict") == (1, 1)
    assert project.only_event().disconnected


@pytest.mark.parametrize("view", ["download", "collected", "plain", "file", "small"])
def test_a_client_that_takes_everything_counts(open_for: OpenProject, view: str) -> None:
    """The same to their end."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)
    server = Server(takes=100)

    server.serve(view)

    assert project.counts() == project.counts("strict") == (1, 0)
    assert not server.sent[-1].get("more_body")


@pytest.mark.parametrize(("length", "counted"), [(5, (1, 0)), (6, (0, 0))])
def test_who_has_all_that_was_announced_may_go(open_for: OpenProject, length: int, counted: tuple[int, int]) -> None:
    """The client has its Content-Length, and hangs up before Django says that this was all."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)

    project.get(f"/lasting/?length={length}", leave_after=1, application=with_lifespan(ASGIHandler()))

    assert project.counts() == counted


def test_an_answer_that_the_server_refuses_is_bad(open_for: OpenProject) -> None:
    """A header that it will not send: the client gets 500, not what the view returned."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)

    server = Server(takes=0, error=RuntimeError("Invalid HTTP header value"))

    server.serve("small")

    assert server.raised is server.error
    assert project.counts() == (1, 1)
    assert project.only_event().status == 500


def test_a_send_that_fails_is_a_client_that_left(open_for: OpenProject) -> None:
    """ASGI 2.4: `send` raises OSError; also for the only message of a body."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)

    server = Server(takes=1, error=BrokenPipeError())

    server.serve("small")

    assert server.raised is server.error
    assert project.counts("strict") == (1, 1)
    assert project.only_event().disconnected


def test_a_stream_that_is_cut_by_the_application_is_bad(open_for: OpenProject) -> None:
    """Django 5 swallows a cancellation of the stream's own making, and leaves the answer incomplete."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)

    Server(takes=100).serve("cancels_itself")

    if django.VERSION < (6, 1):
        assert project.counts() == (1, 1)


def test_a_middleware_outside_decides_what_the_client_gets(open_for: OpenProject) -> None:
    """The middleware is not the first: what leaves in the end is counted."""
    project = open_for(
        "asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS, MIDDLEWARE=[f"{__name__}.unavailable", MIDDLEWARE]
    )

    Server(takes=100).serve("small")

    assert project.only_event().status == 503
    assert project.counts() == (1, 1)


def unavailable(get_response: Any) -> Any:
    """Replaces every answer."""

    def respond(request: HttpRequest) -> HttpResponse:
        get_response(request)
        return HttpResponse("closed", status=503)

    return respond


def test_what_the_application_says_of_a_whole_answer_holds(open_for: OpenProject) -> None:
    """`slo_outcome` is heard until the last byte."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)

    Server(takes=100).serve("excused")

    assert project.counts() == (1, 1)


def test_a_timer_that_raises_harms_no_answer(open_for: OpenProject) -> None:
    """It is reported, and the request counts."""
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)
    assert current.installation.recorder is not None
    times = iter([0.0])

    def timer() -> float:
        for time in times:
            return time
        raise RuntimeError("broken clock")

    current.installation.recorder.timer = timer
    server = Server(takes=100)

    server.serve("plain")

    assert len(server.sent) == 6
    assert project.registry.internals.errors.total >= 1


def test_nothing_waits_for_the_garbage_collector(open_for: OpenProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers hold the scope, and it does not hold the request."""
    open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)
    monkeypatch.setattr(gc, "collect", lambda: 0)
    gc.disable()
    try:
        before = _served_requests()
        Server(takes=100).serve("plain")
        after = _served_requests()
    finally:
        gc.enable()

    assert len(after) == len(before)


def _served_requests() -> list[object]:
    # Django 6.1 keeps what it was given to receive and send with, in the traceback of a group of exceptions of its own.
    kinds = (ServedRequest, Wire) if django.VERSION < (6, 1) else ServedRequest
    return [each for each in gc.get_objects() if isinstance(each, kinds)]


def test_the_scope_may_be_copied_and_pickled() -> None:
    """A deep copy within the process leads to the same wire; no other process has one."""
    server = Server(takes=1)
    wire = Wire(server.receive, server.send)

    assert copy.copy(wire) is copy.deepcopy(wire) is wire
    assert pickle.loads(pickle.dumps(wire)) is None  # noqa: S301


def failing_receiver(**arguments: Any) -> None:
    raise RuntimeError("the receiver")


@pytest.mark.parametrize(("path", "named"), [("small", (1, 1)), ("unknown", (0, 0))])
def test_a_request_that_fails_before_the_first_middleware_counts(
    open_for: OpenProject, path: str, named: tuple[int, int]
) -> None:
    """As where the disk is full that an upload is spooled to: the server answers 500, for the view of that path."""
    slos = {"availability": {"target": 0.9}, "named": {"target": 0.9, "routes": ["/small/"]}}
    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=slos)
    server = Server(takes=100)

    request_started.connect(failing_receiver)
    try:
        server.serve(path)
    finally:
        request_started.disconnect(failing_receiver)

    assert isinstance(server.raised, RuntimeError)
    assert project.counts() == (1, 1)
    assert project.counts("named") == named


def test_what_another_application_raises_does_not_count(open_for: OpenProject) -> None:
    """Behind the same lifespan: what it answers is not counted either."""

    async def other(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("of another application")

    project = open_for("asgi", ROOT_URLCONF=Urls, SLO_DEFINITIONS=SLOS)
    server = Server(takes=100)
    scope = {"type": "http", "method": "GET", "path": "/small/", "headers": []}

    with pytest.raises(RuntimeError, match="of another application"):
        asyncio.run(with_lifespan(other)(scope, server.receive, server.send))

    assert project.counts() == (0, 0)
