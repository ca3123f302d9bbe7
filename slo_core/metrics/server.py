"""A server for the metrics of a store: that of the standard library, one request a connection."""

from __future__ import annotations

import io
import logging
import re
import socket
import sys
import threading
import time
from contextlib import suppress
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit
from wsgiref.handlers import SimpleHandler
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from slo_core.conventions import DEFAULT_METRICS_PATH, LOGGER_NAME
from slo_core.http.answer import plain_text

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["MetricsServer"]

_SERVER = "slo-exporter"

# The connection of a client that sends nothing for so long is closed.
_IDLE_SECONDS = 60.0

# What a client still sends is read for so long after the answer: closed earlier, the connection is reset, and the client may
# never see the answer.
_DRAIN_SECONDS = 1.0
_DRAIN_BYTES = 1024 * 1024

_LONGEST_LINE = 65_536
_MOST_LINES = 100  # the empty one included

# RFC 9112, sections 3 and 5. The parsers of the standard library take more for a line, a separator or a header's end.
_REQUEST_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e\x80-\xff]+ HTTP/([0-9])\.[0-9]\r?\n")
_FIELD_LINE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r?\n")
_END_LINES = (b"\r\n", b"\n")


class MetricsServer(ThreadingMixIn, WSGIServer):
    """
    Serves a WSGI application, each connection in a thread.

    A connection ends after one answer, and no body is ever read: whatever the headers of a request are taken for,
    nothing that follows them is taken for another request, which a proxy may have let through. Malformed requests are
    answered with 400.

    Args:
        app: The application.
        host: The address to listen on, of IPv4 or IPv6.
        port: The port; 0 takes a free one, see `server_port`.

    Raises:
        OSError: The address cannot be listened on.
    """

    daemon_threads = True

    def __init__(self, app: WSGIApplication, *, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)
        self.set_app(app)

    @property
    def url(self) -> str:
        """The address of the metrics."""
        host, port = self.server_address[:2]
        shown = host.decode() if isinstance(host, (bytes, bytearray)) else str(host)
        return f"http://{f'[{shown}]' if ':' in shown else shown}:{port}{DEFAULT_METRICS_PATH}"

    def server_bind(self) -> None:
        """Bind without the name lookup of the base class, which may take seconds."""
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), port
        self.setup_environ()

    def serve_until(self, stop: threading.Event) -> None:
        """Serve until the event is set."""
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
        thread.start()
        try:
            stop.wait()
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def shutdown_request(self, request: Any) -> None:
        """Close a connection so that the client can read the answer first."""
        with suppress(OSError):
            request.shutdown(socket.SHUT_WR)
            deadline, left = time.monotonic() + _DRAIN_SECONDS, _DRAIN_BYTES
            while left > 0 and (seconds := deadline - time.monotonic()) > 0:
                request.settimeout(seconds)
                data = request.recv(65_536)
                if not data:
                    break
                left -= len(data)
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log errors, except those of clients that went away."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logging.getLogger(LOGGER_NAME).error("a request for metrics could not be answered", exc_info=error)


_ERROR = plain_text("GET", 500, "an error: see the log\n")


class _Answering(SimpleHandler):
    """Runs the application for one request."""

    # Not the environment of the process: its variables named HTTP_... would be taken for headers of the client.
    os_environ: dict[str, str] = {}  # noqa: RUF012  # as in the base class
    server_software = _SERVER
    error_headers = list(_ERROR.headers)  # noqa: RUF012  # as in the base class
    error_body = _ERROR.body

    def log_exception(self, exc_info: Any) -> None:
        """Leave a client that went away alone; the application logs its own errors."""
        if not isinstance(exc_info[1], OSError):
            logging.getLogger(LOGGER_NAME).error("a request for metrics could not be answered", exc_info=exc_info)

    def cleanup_headers(self) -> None:
        """Add what an application may not say itself."""
        super().cleanup_headers()
        self.headers["Connection"] = "close"  # type: ignore[attr-defined]  # the stubs have none


class _Handler(WSGIRequestHandler):
    timeout = _IDLE_SECONDS
    server: MetricsServer

    def handle(self) -> None:
        """Answer one request."""
        line = self.rfile.readline(_LONGEST_LINE + 1)
        if line in _END_LINES:  # one empty line before a request is to be passed over
            line = self.rfile.readline(_LONGEST_LINE + 1)
        if not line:
            return  # a client that only looks whether the port is open
        refusal, head = self._head(line)
        if refusal is not None:
            self.send_error(refusal)
            return
        self.rfile.close()
        # The base class reads the headers from here, and nothing after them.
        head_only = io.BytesIO(head)
        self.raw_requestline, self.rfile = line, head_only
        if not self.parse_request():
            return
        app = self.server.get_app()
        assert app is not None
        _Answering(head_only, cast(IO[bytes], self.wfile), self.get_stderr(), self.get_environ()).run(app)

    def _head(self, line: bytes) -> tuple[HTTPStatus | None, bytes]:
        """The headers as they came, with the empty line after them; and why the request is refused, if it is."""
        if len(line) > _LONGEST_LINE:
            return HTTPStatus.REQUEST_URI_TOO_LONG, b""
        request_line = _REQUEST_LINE.fullmatch(line)
        if request_line is None:
            return HTTPStatus.BAD_REQUEST, b""
        if request_line[1] != b"1":
            return HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, b""
        return _headers(cast(IO[bytes], self.rfile))

    def get_environ(self) -> dict[str, Any]:
        """As the base class; with the path of a target that names the host too, as a proxy gets it."""
        with suppress(ValueError):  # "http://[" has no host: it is no path either
            url = urlsplit(self.path)
            if url.scheme:
                self.path = f"{url.path}?{url.query}"
        return super().get_environ()

    def version_string(self) -> str:
        """The name of this server, without versions."""
        return _SERVER

    def address_string(self) -> str:
        """The client's address."""
        return str(self.client_address[0])

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer with an error as the application does, and nothing of the request in it."""
        status = HTTPStatus(code)
        answer = plain_text("GET", status, f"{status.phrase.lower()}\n", ("Connection", "close"))
        self.request_version = self.protocol_version
        self.send_response(status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log no line for each scrape."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Log none about clients that send nothing in time, either."""


def _headers(lines: IO[bytes]) -> tuple[HTTPStatus | None, bytes]:
    head: list[bytes] = []
    while len(head) < _MOST_LINES:
        line = lines.readline(_LONGEST_LINE + 1)
        head.append(line)
        if line in _END_LINES:
            return None, b"".join(head)
        if len(line) > _LONGEST_LINE:
            break
        if _FIELD_LINE.fullmatch(line) is None:  # also the end of what a client sends
            return HTTPStatus.BAD_REQUEST, b""
    return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b""
