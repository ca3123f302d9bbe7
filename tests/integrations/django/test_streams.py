"""Streaming and file responses: first byte and total, failures midway, clients that leave, and nothing touched."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files import File
from django.core.handlers.asgi import ASGIHandler
from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client
from django.urls import path
from slo_test_project.clock import clock
from slo_test_project.drivers import FileWrapper, serve_asgi
from slo_test_project.project import OpenProject, Project

from slo_django.asgi import with_lifespan

STREAMS = ["/stream/", "/async-stream/"]


@pytest.mark.parametrize("path", STREAMS)
@pytest.mark.parametrize("interface", ["wsgi", "asgi", "asgi with lifespan"])
def test_a_stream_ends_with_its_last_byte(open_for: OpenProject, interface: str, path: str) -> None:
    """
    5 chunks of 50 ms: the first byte after 50 ms, the last after 250.

    Django collects a stream of the other colour before it sends the first byte: there it leaves after 250 ms, too.
    """
    latency = {"target": 0.9, "latency": "200ms"}
    definitions = {"first": latency, "total": {**latency, "latency_of": "total"}}
    project = open_for(interface[:4], SLO_DEFINITIONS=definitions)
    is_collected = (interface == "wsgi") == ("async" in path)

    answer = project.get(path, application=with_lifespan(ASGIHandler()) if "lifespan" in interface else None)

    assert answer.body == b"".join(b"chunk %d\n" % number for number in range(5))
    event = project.only_event()
    assert event.duration_seconds == pytest.approx(0.25)
    assert (event.first_byte_seconds or event.duration_seconds) == pytest.approx(0.25 if is_collected else 0.05)
    assert (event.status, event.view_name) == (200, path.strip("/"))
    assert event.outcomes == {"first": not is_collected, "total": False}


@pytest.mark.parametrize("path", ["/broken-stream/", "/broken-async-stream/"])
def test_an_exception_after_the_response_started_is_bad(project: Project, path: str) -> None:
    """
    The client saw a 200 and half a body: a failure, counted once, and the server hears of it as ever.

    Under WSGI the server has sent nothing while Django collects an async stream: it answers 500.
    """
    answer = project.get(path)

    assert answer.status == 200
    assert answer.error is not None
    event = project.only_event()
    assert event.status == (500 if project.interface == "wsgi" and "async" in path else 200)
    assert isinstance(event.exception, (RuntimeError, TypeError))
    assert event.duration_seconds == pytest.approx(0.05)
    assert project.counts() == (1, 1)


def test_a_wsgi_client_that_leaves_is_no_failure(open_for: OpenProject) -> None:
    """The server closes the response after two chunks: availability leaves it out, and so does a latency in time."""
    project = open_for("wsgi", SLO_DEFINITIONS=DISCONNECTS)

    project.get("/stream/", leave_after=2)

    event = project.only_event()
    assert event.disconnected
    assert event.duration_seconds == pytest.approx(0.1)
    assert event.first_byte_seconds == pytest.approx(0.05)
    assert event.outcomes == {"counted": True}


DISCONNECTS = {
    "availability": {"target": 0.9},
    "latency": {"target": 0.9, "latency": "300ms"},
    "counted": {"target": 0.9, "client_disconnect": "good"},
}


def test_an_asgi_client_that_leaves_a_waiting_stream_is_no_failure(open_for: OpenProject) -> None:
    """Django cancels the generator in the midst of its waiting."""
    project = open_for("asgi", SLO_DEFINITIONS=DISCONNECTS)

    project.get("/endless-stream/", leave_after=2)

    event = project.only_event()
    assert event.disconnected
    assert event.duration_seconds == pytest.approx(0.05)
    assert event.outcomes == {"counted": True}


def test_a_send_that_fails_is_a_client_that_left(open_for: OpenProject) -> None:
    """
    From ASGI 2.4 on `send` raises OSError; Django then closes nothing, and asyncio closes the generator, some time later:
    the request ended when the third chunk was handed over, 150 ms after its start.
    """
    project = open_for("asgi", SLO_DEFINITIONS=DISCONNECTS)

    answer = project.get("/async-stream/", send_fails_after=2)

    assert isinstance(answer.error, OSError)
    event = project.only_event()
    assert event.disconnected
    assert event.duration_seconds == pytest.approx(0.15)
    assert event.outcomes == {"counted": True}


@pytest.mark.parametrize(
    ("after", "outcomes"), [("0.1", {"counted": True}), ("0.4", {"counted": True, "latency": False})]
)
@pytest.mark.parametrize("is_watched", [False, True])
def test_a_client_that_leaves_before_the_answer(
    open_for: OpenProject, after: str, outcomes: dict[str, bool], is_watched: bool
) -> None:
    """Django cancels the view. Whoever hung up after 400 ms had waited longer than the 300 that were promised."""
    project = open_for("asgi", SLO_DEFINITIONS=DISCONNECTS)
    application = with_lifespan(ASGIHandler()) if is_watched else ASGIHandler()

    answer = project.get(f"/waits/?after={after}", leave_after=0, application=application)

    assert answer.status == 0
    event = project.only_event()
    assert (event.status, event.disconnected) == (None, True)
    assert event.outcomes == outcomes


@pytest.mark.filterwarnings("ignore:Unclosed file")  # Django's own, when a request raises into the server
@pytest.mark.parametrize(("is_watched", "counts"), [(False, (0, 0)), (True, (1, 1))])
def test_a_server_that_shuts_down_is_told_from_a_client_that_left(
    open_for: OpenProject, is_watched: bool, counts: tuple[int, int]
) -> None:
    """Both cancel. With the lifespan wrapper a cancellation without a disconnect is the service's own failure."""
    project = open_for("asgi")
    application = with_lifespan(ASGIHandler()) if is_watched else ASGIHandler()

    serve_asgi("GET", "/waits/", cancel_after=0, application=application)

    assert project.counts() == counts


def test_a_client_that_left_a_sync_project_is_noticed_under_the_wrapper(open_for: OpenProject) -> None:
    """A thread cannot be cancelled: its response comes, and nobody is there to read it."""
    project = open_for(
        "asgi",
        SLO_DEFINITIONS=DISCONNECTS,
        MIDDLEWARE=["slo_django.middleware.SLOMiddleware", "slo_test_project.middleware.sync_only"],
    )
    scope: dict[str, Any] = {}

    async def hang_up_first(given: Any, receive: Any, send: Any) -> None:
        given["slo_django.wire"].seen = True  # what it notes when it receives it
        await ASGIHandler()(given, receive, send)

    project.get("/", application=with_lifespan(hang_up_first), request_scope=scope)

    assert project.only_event().disconnected
    assert project.only_event().outcomes == {"counted": True}


@pytest.mark.parametrize("path", [*STREAMS, "/broken-stream/"])
def test_head_to_a_stream_is_not_a_client_that_left(open_for: OpenProject, path: str) -> None:
    """A server may close the body of a HEAD response without reading it, and so does Django's test client."""
    project = open_for("wsgi")

    Client().head(path).close()

    assert not project.only_event().disconnected
    assert project.counts() == (1, 0)


def test_async_streams_stay_async(open_for: OpenProject) -> None:
    """What Django decides by the kind of the stream, it decides as without us."""
    open_for("asgi")

    async def ask() -> tuple[HttpResponseBase, list[bytes]]:
        response = await AsyncClient().get("/async-stream/")
        assert isinstance(response, StreamingHttpResponse)
        return response, [chunk async for chunk in response]  # type: ignore[misc]  # stubs: a sync response

    response, chunks = asyncio.run(ask())
    assert response.is_async  # type: ignore[attr-defined]  # of StreamingHttpResponse
    assert len(chunks) == 5


def test_sync_streams_are_not_read_ahead(open_for: OpenProject) -> None:
    """Each chunk is made when the server asks for it."""
    project = open_for("wsgi")

    response = Client().get("/stream/")
    chunks = iter(response)
    assert next(chunks) == b"chunk 0\n"
    assert project.events == []

    response.close()
    assert project.events == []  # availability leaves it out
    assert project.counts() == (0, 0)


def test_a_file_that_the_server_sends_ends_when_the_application_returns_it(
    open_for: OpenProject, tmp_path: Path
) -> None:
    """
    gunicorn and uWSGI compare `wsgi.file_wrapper` by identity, or there is no sendfile.

    How long the server takes to send a file is not the application's time.
    """
    (tmp_path / "report.txt").write_bytes(b"x" * 10_000)
    project = open_for("wsgi", ROOT_URLCONF=FileUrls, REPORT=str(tmp_path / "report.txt"))

    answer = project.get("/of-system/", file_wrapper=FileWrapper)

    assert type(answer.returned) is FileWrapper
    assert len(answer.body) == 10_000
    assert project.counts() == (1, 0)


@pytest.mark.parametrize("file_wrapper", [None, FileWrapper])
def test_a_file_of_python_is_followed_to_its_end(open_for: OpenProject, file_wrapper: type | None) -> None:
    """A server cannot send it alone: it takes time, and may fail, as what is fetched from a bucket does."""
    total = {"target": 0.9, "latency": "200ms", "latency_of": "total"}
    project = open_for("wsgi", ROOT_URLCONF=FileUrls, SLO_DEFINITIONS={"availability": {"target": 0.9}, "total": total})

    project.get("/from-bucket/", file_wrapper=file_wrapper)
    assert project.events[0].outcomes == {"availability": True, "total": False}

    answer = project.get("/from-bucket/?fails=1", file_wrapper=file_wrapper)
    assert isinstance(answer.error, OSError)
    assert project.events[1].outcomes == {"availability": False, "total": False}

    project.get("/from-bucket/", file_wrapper=file_wrapper, leave_after=1)
    assert len(project.events) == 2  # left out


class FromBucket:
    """A file that is fetched piece by piece, 100 ms each."""

    def __init__(self, fails: bool) -> None:
        self.pieces, self.fails = 3, fails

    def read(self, size: int = -1) -> bytes:
        clock.advance(0.1)
        self.pieces -= 1
        if self.pieces < 0 and self.fails:
            raise OSError("the bucket went away")
        return b"x" * 4096 if self.pieces >= 0 else b""

    def close(self) -> None:
        pass


class FileUrls:
    urlpatterns = [
        path("of-system/", lambda request: FileResponse(File(Path(settings.REPORT).open("rb")))),
        path("from-bucket/", lambda request: FileResponse(FromBucket("fails" in request.GET), filename="a.bin")),
    ]


class OwnIteration(StreamingHttpResponse):
    def __iter__(self) -> Iterator[bytes]:
        return iter([b"1", b"2"])


class OwnAsyncIteration(StreamingHttpResponse):
    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"


class OwnContent(StreamingHttpResponse):
    streaming_content = property(  # type: ignore[assignment]
        lambda response: iter([b"1", b"2"]), lambda response, content: response._set_streaming_content(content)
    )


class SubclassUrls:
    kinds = (OwnIteration, OwnAsyncIteration, OwnContent)
    urlpatterns = [path(f"{kind.__name__}/", lambda request, kind=kind: kind([b"12"])) for kind in kinds]


@pytest.mark.parametrize("kind", ["OwnIteration", "OwnAsyncIteration", "OwnContent"])
@pytest.mark.parametrize("interface", ["wsgi", "asgi", "asgi with lifespan"])
def test_a_response_that_makes_its_own_chunks_counts(open_for: OpenProject, interface: str, kind: str) -> None:
    """A subclass may never look at what was set as its content: then it is not followed, and counts by its status."""
    project = open_for(interface[:4], ROOT_URLCONF=SubclassUrls)

    answer = project.get(f"/{kind}/", application=with_lifespan(ASGIHandler()) if "lifespan" in interface else None)

    assert answer.body == b"12"
    assert project.counts() == (1, 0)


def test_a_client_that_leaves_a_file_that_django_has_collected_is_not_noticed(open_for: OpenProject) -> None:
    """Under ASGI without `with_lifespan`."""
    project = open_for("asgi")

    project.get("/file/", leave_after=1)

    assert project.counts() == (1, 0)


@pytest.mark.parametrize(("path", "wrapper"), [("/file/", None), ("/file/?from=memory", FileWrapper)])
def test_a_file_that_the_server_cannot_send_by_itself_is_followed(
    open_for: OpenProject, path: str, wrapper: type | None
) -> None:
    """It has no wrapper for files, or the file has no descriptor: then its chunks are asked for, and a client is missed."""
    project = open_for("wsgi")

    assert len(project.get(path, file_wrapper=wrapper).body) == 10_000
    assert project.counts() == (1, 0)

    project.get(path, file_wrapper=wrapper, leave_after=1)
    assert project.counts() == (1, 0)


@pytest.mark.parametrize(("path", "counts"), [("/", (0, 0)), ("/forbidden/", (1, 0)), ("/boom/", (0, 0))])
def test_a_request_for_a_websocket_counts_only_if_it_is_refused(
    open_for: OpenProject, path: str, counts: tuple[int, int]
) -> None:
    """Under WSGI it is a request like any other, until the view takes its connection; it ends in any way then."""
    project = open_for("wsgi")

    project.get(path, headers={"Upgrade": "websocket", "Sec-WebSocket-Key": "c2xv"})

    assert project.counts() == counts
