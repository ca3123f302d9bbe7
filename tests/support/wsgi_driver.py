"""One WSGI request, driven by hand the way a server drives it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answer", "environ_of", "serve"]


@dataclass
class Answer:
    """
    What the server saw.

    Attributes:
        status: The status code; None when the application never said one.
        headers: As the application passed them.
        chunks: The body, as it was handed over.
        body: The object that the application returned.
        exception: What came out of the application, its body, or its body's `close`.
    """

    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)
    body: Any = None
    exception: BaseException | None = None

    @property
    def content(self) -> bytes:
        """The body as the client would have it."""
        return b"".join(self.chunks)


def environ_of(method: str = "GET", path: str = "/", **extra: Any) -> dict[str, Any]:
    """The environ of a request; `path` stands as on the wire, its bytes as Latin-1, with a query behind `?`."""
    path, _, query = path.partition("?")
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **extra,
    }


def serve(
    app: Callable[..., Any],
    method: str = "GET",
    path: str = "/",
    *,
    chunks: int | None = None,
    on_chunk: Callable[[], None] = lambda: None,
    **extra: Any,
) -> Answer:
    """
    Send one request and close its response, as PEP 3333 asks of servers.

    Args:
        app: The WSGI application.
        method: Of the request.
        path: Of the request.
        chunks: How many chunks to ask for before the client goes away; None reads the body to its end.
        on_chunk: Called after each.
        extra: More of the environ.
    """
    answer = Answer()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        answer.status = int(status.partition(" ")[0])
        answer.headers = headers
        return answer.chunks.append

    try:
        answer.body = app(environ_of(method, path, **extra), start_response)
        try:
            iterator = iter(answer.body) if chunks != 0 else iter(())
            while chunks is None or len(answer.chunks) < chunks:
                try:
                    answer.chunks.append(next(iterator))
                except StopIteration:
                    break
                on_chunk()
        finally:
            if hasattr(answer.body, "close"):
                answer.body.close()
    except BaseException as exc:
        answer.exception = exc
    return answer
