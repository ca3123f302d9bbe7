"""Bodies of every kind: read as the server reads them, and counted by what becomes of them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any
from wsgiref.util import FileWrapper

import pytest

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_wsgi import SLOMiddleware
from wsgi_driver import Answer, serve


def counted(body: Any, *, status: str = "200 OK", headers: Any = (), **options: Any) -> tuple[Answer, tuple[int, int]]:
    """The answer with that body, and its good and bad events."""
    registry = SLORegistry()
    registry.define(SLODefinition("availability", 0.9, http=HTTPRule()))

    def application(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return body(environ) if callable(body) else body

    answer = serve(SLOMiddleware(application, registry=registry), **options)
    assert registry.internals.errors.total == 0
    snapshot = registry["availability"].snapshot()
    return answer, (snapshot.total - snapshot.failures, snapshot.failures)


@pytest.mark.parametrize(
    "body",
    [["text"], ("text",), [b"bytes", "text"], [None], [7], iter(["text"]), iter([b"bytes", "text"]), iter([None]), "text",
     b"iterates over numbers", None],
)  # fmt: skip
def test_a_body_that_is_not_made_of_bytes_is_bad(body: Any) -> None:
    """No server sends it; some of them raise, others leave it out and go on."""
    assert counted(body)[1] == (0, 1)


def test_a_text_of_the_announced_length_is_bad_as_well() -> None:
    """The length says nothing of what was sent."""
    assert counted(iter(["text"]), headers=[("Content-Length", "4")])[1] == (0, 1)


@pytest.mark.parametrize("body", [[b"one", b"two"], iter([b"one", b"two"]), iter([b"", b"one", b"two"]), iter([])])
def test_a_body_of_bytes_is_good(body: Any) -> None:
    """Also where nothing, or an empty chunk, comes first."""
    answer, counts = counted(body)

    assert counts == (1, 0)
    assert answer.exception is None


def test_other_objects_that_hold_bytes_are_for_the_server_to_decide() -> None:
    """waitress, gevent and granian send them; gunicorn raises, and closes the body."""
    assert counted(iter([bytearray(b"one"), memoryview(b"two")]))[1] == (1, 0)
    assert counted(iter([bytearray(b"one"), b"two"]), chunks=1)[1] == (0, 1)


class Waitress(FileWrapper):
    """waitress's wrapper: a file that can seek is read while the client takes it."""

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        super().__init__(file, block_size)
        self.file = file

    def prepare(self) -> None:
        """What tells the class."""


class Remote:
    """A file that only reads, and fails midway: a stream of an object store."""

    def __init__(self) -> None:
        self.is_closed = False
        self._reads = 0

    def read(self, size: int = -1) -> bytes:
        self._reads += 1
        if self._reads > 2:
            raise OSError(5, "Input/output error")
        return b"x" * 100

    def close(self) -> None:
        self.is_closed = True


def uwsgi(file: Any, block_size: int = 8192) -> Any:
    """uWSGI's wrapper gives the file back."""
    return file


@pytest.mark.parametrize("wrapper", [FileWrapper, Waitress, uwsgi])
def test_a_file_without_a_descriptor_is_followed(wrapper: Any) -> None:
    """No server can send it by itself: an error while it is read is seen, and it is closed."""
    file = Remote()

    answer, counts = counted(lambda environ: environ["wsgi.file_wrapper"](file), **{"wsgi.file_wrapper": wrapper})

    assert isinstance(answer.exception, OSError)
    assert answer.content == b"x" * 200
    assert file.is_closed
    assert counts == (0, 1)


@pytest.mark.parametrize("wrapper", [FileWrapper, uwsgi])
def test_a_client_that_leaves_a_file_in_memory_is_seen(wrapper: Any) -> None:
    """As with any other body."""
    file = io.BytesIO(b"line\n" * 10_000)

    answer, counts = counted(
        lambda environ: environ["wsgi.file_wrapper"](file), chunks=1, **{"wsgi.file_wrapper": wrapper}
    )

    assert (len(answer.content), counts) == (8192, (0, 0))


def test_a_file_that_waitress_reads_by_itself_reaches_it() -> None:
    """It can seek, so waitress works its length out."""
    answer, counts = counted(
        lambda environ: environ["wsgi.file_wrapper"](io.BytesIO(b"content")), **{"wsgi.file_wrapper": Waitress}
    )

    assert isinstance(answer.body, Waitress)
    assert counts == (1, 0)


def closed(file: Any) -> Any:
    file.close()
    return file


@pytest.mark.parametrize("wrapper", [FileWrapper, Waitress])
def test_a_file_that_is_closed_is_the_servers_to_refuse(wrapper: Any) -> None:
    """A look at it breaks nothing."""

    def body(environ: Any) -> Iterable[bytes]:
        made: Iterable[bytes] = environ["wsgi.file_wrapper"](closed(io.BytesIO(b"content")))
        return made

    answer, counts = counted(body, **{"wsgi.file_wrapper": wrapper})

    assert isinstance(answer.exception, ValueError)
    assert counts == (0, 1)
