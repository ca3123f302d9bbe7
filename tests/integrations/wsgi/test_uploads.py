"""A client that goes away while it sends its request is a disconnect, whatever the application makes of it."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_wsgi import SLOMiddleware
from uploads import BrokenUpload
from wsgi_driver import serve

RESET = ConnectionResetError(104, "reset")

READS: dict[str, Callable[[Any], object]] = {
    "read all": lambda stream: stream.read(),
    "read some": lambda stream: [stream.read(4) for _ in range(3)],
    "read the length": lambda stream: stream.read(10),
    "readinto": lambda stream: [stream.readinto(bytearray(4)) for _ in range(3)],
    "read1": lambda stream: [stream.read1(4) for _ in range(3)],
    "readline": lambda stream: [stream.readline() for _ in range(3)],
    "readline of a size": lambda stream: [stream.readline(4) for _ in range(3)],
    "readlines": lambda stream: stream.readlines(),
    "iterate": list,
    "next": lambda stream: [next(stream, b"") for _ in range(3)],
}


def counts_of(
    read: Callable[[Any], object], stream: Any, *, status: str = "400 Bad Request", **extra: Any
) -> tuple[int, int]:
    """Good and bad events of one POST of ten bytes, for an SLO for which a 400 is bad."""
    registry = SLORegistry()
    registry.define(SLODefinition("strict", 0.9, http=HTTPRule(bad_statuses=("4xx", "5xx"))))

    def application(environ: Any, start_response: Any) -> list[bytes]:
        read(environ["wsgi.input"])
        start_response(status, [])
        return [b"answer"]

    extra = {"CONTENT_LENGTH": "10", **extra}
    serve(SLOMiddleware(application, registry=registry), "POST", **{"wsgi.input": stream}, **extra)
    snapshot = registry["strict"].snapshot()
    assert registry.internals.errors.total == 0
    return snapshot.total - snapshot.failures, snapshot.failures


@pytest.mark.parametrize("read", READS.values(), ids=READS)
@pytest.mark.parametrize("error", [RESET, None], ids=["reset", "end"])
@pytest.mark.parametrize("start", [b"", b"half\n"], ids=["nothing came", "a part came"])
def test_an_upload_that_breaks_off_is_left_out(
    read: Callable[[Any], object], error: OSError | None, start: bytes
) -> None:
    """However the application reads, and whether it answers 400 or lets the exception through."""
    stream = io.BufferedReader(BrokenUpload(start, error))

    assert counts_of(read, stream) == (0, 0)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_an_upload_that_arrives_counts(read: Callable[[Any], object]) -> None:
    """A body that the application refuses is an answer like any other."""
    assert counts_of(read, io.BytesIO(b"four\nfive\n")) == (0, 1)
    assert counts_of(read, io.BytesIO(b"four\nfive\n"), status="200 OK") == (1, 0)


@pytest.mark.parametrize("length", ["", "0", "-1", "ten", "1" * 5000, 0, None])
def test_a_length_that_says_nothing_hides_no_answer(length: Any) -> None:
    """Without an announced body its end is no disconnect, and nonsense is the server's to refuse."""
    assert counts_of(lambda stream: stream.read(), io.BytesIO(), CONTENT_LENGTH=length) == (0, 1)


@pytest.mark.parametrize(("content", "expected"), [(b"four\nfive\n", (0, 1)), (b"four\n", (0, 0))])
def test_a_size_may_be_named(content: bytes, expected: tuple[int, int]) -> None:
    """Streams of gunicorn and Werkzeug take it so."""

    class Named(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(size)

        def readline(self, size: int | None = -1) -> bytes:  # type: ignore[override]
            return super().readline(size)

    parts: list[bytes] = []

    def read(stream: Any) -> None:
        parts.extend((stream.readline(size=3), stream.read(size=None)))

    assert counts_of(read, Named(content)) == expected
    assert parts == [content[:3], content[3:]]
    assert counts_of(lambda stream: stream.read(size=4), Named(content)) == (0, 1)


def test_it_is_of_the_kind_of_the_servers_stream() -> None:
    """Libraries choose by that how they read; a stream that is its own iterator stays one."""

    facts: list[object] = []

    def look(stream: Any) -> None:
        facts.extend((isinstance(stream, io.BytesIO), isinstance(stream, io.IOBase), iter(stream) is stream))
        facts.extend((next(stream), list(stream)))

    assert counts_of(look, io.BytesIO(b"four\nfive\n")) == (0, 1)
    assert facts == [True, True, True, b"four\n", [b"five\n"]]


def test_a_stream_that_makes_an_iterator_is_followed_too() -> None:
    """PEP 3333 asks for an iterable."""

    class Lines:
        def __iter__(self) -> Any:
            return iter([b"four\n"])

    assert counts_of(lambda stream: list(stream), Lines()) == (0, 0)


def test_an_upload_that_is_read_in_part_counts() -> None:
    """The application may answer before it has everything."""
    assert counts_of(lambda stream: stream.read(4), io.BytesIO(b"four\nfive\n")) == (0, 1)


def test_a_stream_that_hands_over_less_than_was_asked_for_is_no_disconnect() -> None:
    """Servers without a buffer return what has come."""

    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 3))

    def read(stream: Any) -> None:
        while stream.read(10):
            pass

    assert counts_of(read, Trickle(b"four\nfive\n")) == (0, 1)


def test_a_chunked_upload_that_breaks_off_is_left_out() -> None:
    """It announces no length: only the server's error tells."""
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}

    assert counts_of(lambda stream: stream.read(), io.BufferedReader(BrokenUpload(b"half", RESET)), **chunked) == (0, 0)
    assert counts_of(lambda stream: stream.read(), io.BytesIO(b"whole"), **chunked) == (0, 1)


def test_an_os_error_of_the_applications_own_stays_bad() -> None:
    """The body had arrived."""

    def read(stream: Any) -> None:
        json.loads(stream.read())
        raise RESET

    assert counts_of(read, io.BytesIO(b"[1, 2, 33]")) == (0, 1)


def test_the_stream_has_the_methods_that_the_servers_has() -> None:
    """uWSGI's has no `readinto`, and Werkzeug asks before it reads."""

    class Reading:
        def read(self, size: int = -1) -> bytes:
            return b"four\nfive\n"[:size]

    def read(stream: Any) -> None:
        assert [hasattr(stream, name) for name in ("readinto", "read1", "fileno")] == [False] * 3
        stream.read(10)

    assert counts_of(read, Reading(), status="200 OK") == (1, 0)


def test_the_stream_is_called_as_the_application_calls_it() -> None:
    """granian's takes no -1, and others take no None."""
    calls: list[tuple[str, tuple[object, ...]]] = []

    class Noting(io.BytesIO):
        def read(self, *size: Any) -> bytes:
            calls.append(("read", size))
            return super().read(*size)

    def read(stream: Any) -> None:
        for sizes in [(4,), (-1,), (None,), ()]:
            stream.read(*sizes)

    assert counts_of(read, Noting(b"four\nfive\n")) == (0, 1)
    assert calls == [("read", (4,)), ("read", (-1,)), ("read", (None,)), ("read", ())]


def test_an_environ_can_be_copied_deeply() -> None:
    """As middlewares do that keep the one they got."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        copied = copy.deepcopy(environ)
        assert copied["wsgi.input"].read() == b"four\nfive\n"
        start_response("200 OK", [])
        return [b"answer"]

    registry = SLORegistry()
    registry.define(SLODefinition("all", 0.9, http=HTTPRule()))
    app = SLOMiddleware(application, registry=registry)
    stream = {"wsgi.input": io.BytesIO(b"four\nfive\n"), "wsgi.errors": None}

    assert serve(app, "POST", CONTENT_LENGTH="10", **stream).exception is None
    assert registry["all"].snapshot().failures == 0
    assert registry["all"].snapshot().total == 1


def test_everything_else_of_the_stream_is_the_servers_own() -> None:
    """Applications ask for descriptors, and close what they have read."""

    def read(stream: Any) -> None:
        assert stream.name == "upload"
        stream.close()

    class Named(io.BytesIO):
        name = "upload"

    stream = Named(b"four\nfive\n")

    assert counts_of(read, stream, status="200 OK") == (1, 0)
    assert stream.closed


def test_a_body_may_be_used_as_a_context_manager() -> None:
    """As `with request.stream as file`, where the server's stream can be."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        with environ["wsgi.input"] as stream:
            body = stream.read()
        start_response("200 OK", [])
        return [body, str(environ["wsgi.input"].closed).encode()]

    registry = SLORegistry.from_config({"availability": {"target": 0.9}})
    answer = serve(
        SLOMiddleware(application, registry=registry),
        "POST",
        **{"wsgi.input": io.BytesIO(b"upload"), "CONTENT_LENGTH": "6"},
    )

    assert answer.content == b"uploadTrue"
    assert registry["availability"].snapshot().failures == 0
