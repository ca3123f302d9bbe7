"""What a server does with a WSGI or an ASGI application, one request at a time and without a socket."""

from __future__ import annotations

import asyncio
import gc
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler

from slo_test_project.clock import arrivals, clock


@dataclass
class Answer:
    """
    What a client and its server saw.

    Attributes:
        status: 0 when there was no response.
        headers: As they were sent.
        chunks: The body, as it was handed over.
        error: What the application raised into the server.
        returned: The object that a WSGI application returned.
    """

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    error: BaseException | None = None
    returned: object = None

    @property
    def body(self) -> bytes:
        return b"".join(self.chunks)

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


class FileWrapper:
    """A server's `wsgi.file_wrapper`, as gunicorn and uWSGI have it: closes its file."""

    def __init__(self, file: Any, block_size: int = 8192) -> None:
        self.file, self.block_size = file, block_size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.block_size), b"")

    def close(self) -> None:
        self.file.close()


@contextmanager
def djangos_own_warnings_apart() -> Iterator[None]:
    """Django warns of streams of the other mode, and does not close its buffer when a request raises into the server."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "StreamingHttpResponse must consume")
        warnings.filterwarnings("ignore", "Unclosed file <tempfile.SpooledTemporaryFile", ResourceWarning)
        yield


def serve_wsgi(
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    script_name: str = "",
    request_scope: dict[str, Any] | None = None,
    leave_after: int | None = None,
    application: Any = None,
    file_wrapper: type | None = None,
) -> Answer:
    """
    One request to a WSGI application, the project's own unless given.

    Args:
        path: With the query, as the bytes on the wire decode to.
        request_scope: More entries of the environ.
        leave_after: The client hangs up after so many chunks.
    """
    application = application or WSGIHandler()
    path, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": script_name,
        "PATH_INFO": path.encode().decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        **(request_scope if request_scope is not None else {}),
    }
    if file_wrapper is not None:
        environ["wsgi.file_wrapper"] = file_wrapper
    for name, value in (headers or {}).items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"] = value
    answer = Answer()

    def start_response(status: str, response_headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        answer.status, answer.headers = int(status.split(maxsplit=1)[0]), list(response_headers)

    returned: Any = None
    with djangos_own_warnings_apart():
        try:
            returned = answer.returned = application(environ, start_response)
            for chunk in returned:
                answer.chunks.append(chunk)
                if leave_after is not None and len(answer.chunks) >= leave_after:
                    break
        except BaseException as exc:  # what a server would log
            answer.error = exc
        finally:
            if hasattr(returned, "close"):
                returned.close()
    return answer


def serve_asgi(
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    script_name: str = "",
    request_scope: dict[str, Any] | None = None,
    leave_after: int | None = None,
    application: Any = None,
    file_wrapper: type | None = None,
    send_fails_after: int | None = None,
    cancel_after: int | None = None,
) -> Answer:
    """
    One request to an ASGI application, the project's own unless given; see `serve_wsgi`.

    Args:
        leave_after: `http.disconnect` after so many chunks; 0 while the application is still at work.
        send_fails_after: `send` raises OSError after so many chunks, as ASGI 2.4 has it.
        cancel_after: The server cancels the application after so many chunks, as on a shutdown.
    """
    answer = Answer()

    async def run() -> None:
        app = application or ASGIHandler()
        plain_path, _, query = path.partition("?")
        scope: dict[str, Any] = request_scope if request_scope is not None else {}
        scope.update(
            type="http", asgi={"version": "3.0", "spec_version": "2.3"}, http_version="1.1", method=method, scheme="http",
            path=script_name + plain_path, raw_path=plain_path.encode("utf-8", "surrogateescape"),
            query_string=query.encode(), root_path=script_name, server=("testserver", 80), client=("127.0.0.1", 1),
            headers=[(key.lower().encode(), value.encode()) for key, value in (headers or {}).items()],
        )  # fmt: skip
        requests = [{"type": "http.request", "body": body, "more_body": False}]
        left, cancel = asyncio.Event(), asyncio.Event()

        async def receive() -> dict[str, Any]:
            if requests:
                return requests.pop()
            if leave_after == 0:
                await waiting
                return {"type": "http.disconnect"}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [(key.decode(), value.decode()) for key, value in message["headers"]]
                return
            if send_fails_after is not None and len(answer.chunks) >= send_fails_after:
                clock.advance(0.5)  # until the server gives up
                raise OSError("the client has gone")
            answer.chunks.append(message.get("body", b""))
            if leave_after and len(answer.chunks) >= leave_after:
                left.set()
                await asyncio.sleep(0)
            if cancel_after and len(answer.chunks) >= cancel_after:
                cancel.set()

        # It looks before the application can begin.
        waiting = asyncio.ensure_future(arrivals.next() if 0 in (leave_after, cancel_after) else asyncio.sleep(0))
        task = asyncio.ensure_future(app(scope, receive, send))
        if cancel_after is not None:
            await (cancel.wait() if cancel_after else waiting)
            await asyncio.sleep(0.01)
            for running in asyncio.all_tasks() - {asyncio.current_task()}:
                running.cancel()
        try:
            await task
        except BaseException as exc:  # what a server would log
            answer.error = exc.with_traceback(None)
        del task
        gc.collect()  # a stream that could not be sent is closed when it is thrown away
        await asyncio.sleep(0.01)

    with djangos_own_warnings_apart():
        asyncio.run(run())
    return answer
