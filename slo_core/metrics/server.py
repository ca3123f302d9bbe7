"""A small HTTP server for a metrics view, for processes without a web application."""

from __future__ import annotations

import logging
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import urlsplit

from slo_core.conventions import DEFAULT_METRICS_PATH, LOGGER_NAME
from slo_core.http.answer import Answer, method_not_allowed, plain_text
from slo_core.metrics.view import MetricsView

__all__ = ["HEALTH_PATH", "MetricsServer"]

HEALTH_PATH = "/healthz"

# The connection of a client that sends nothing for so long is closed.
_IDLE_SECONDS = 60.0


class MetricsServer(ThreadingHTTPServer):
    """
    Serves `/metrics`, and `/healthz` for liveness checks; anything else is 404.

    Args:
        view: The view that answers scrapes.
        host: The address to listen on, of IPv4 or IPv6.
        port: The port; 0 takes a free one, see `server_port`.

    Raises:
        OSError: The address cannot be listened on.
    """

    daemon_threads = True

    def __init__(self, view: MetricsView, *, host: str, port: int) -> None:
        self.view = view
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

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

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log errors, except those of clients that went away."""
        error = sys.exception()
        if not isinstance(error, OSError):
            logging.getLogger(LOGGER_NAME).error("a request for metrics could not be answered", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "slo-exporter"
    sys_version = ""
    timeout = _IDLE_SECONDS
    server: MetricsServer

    def do_GET(self) -> None:
        method = self.command
        path, query = _path_and_query(self.path)
        if method not in ("GET", "HEAD") or "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            # A body may follow, which is not read: it must not be taken for the next request on the connection, which a
            # proxy may share between clients.
            self.close_connection = True
        if path == DEFAULT_METRICS_PATH:
            response = self.server.view.respond(
                method,
                accept=self.headers.get("Accept", ""),
                accept_encoding=self.headers.get("Accept-Encoding", ""),
                authorization=self.headers.get("Authorization", ""),
                query=query,
            )
        elif path == HEALTH_PATH:
            response = method_not_allowed(method) or plain_text(method, 200, "ok\n")
        else:
            response = plain_text(method, 404, f"not found: {DEFAULT_METRICS_PATH} is all there is\n")
        self._answer(response)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET  # noqa: N815  # the base class's names

    def _answer(self, response: Answer) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Log no line for each scrape."""


def _path_and_query(target: str) -> tuple[str, str]:
    try:
        url = urlsplit(target)
    except ValueError:  # "http://[" has no host
        return "", ""
    return url.path, url.query
