"""The `/metrics` view all integrations share: what HTTP asks of it, without any framework."""

from __future__ import annotations

import gzip
import hmac
from dataclasses import dataclass
from urllib.parse import parse_qs

from slo_core.prometheus import PrometheusExporter
from slo_core.registry import SLORegistry

__all__ = ["MetricsResponse", "MetricsView"]

_PLAIN = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class MetricsResponse:
    """
    What to answer a scrape with.

    Attributes:
        status: HTTP status.
        headers: Names and values, Content-Type and Content-Length among them.
        body: Empty for HEAD.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class MetricsView:
    """
    Answers scrapes.

    Args:
        registry: The SLOs: a registry, or an exporter of several.
        token: Bearer token to ask for; None asks for none.
    """

    __slots__ = ("_exporter", "_token")

    def __init__(self, registry: SLORegistry | PrometheusExporter, *, token: str | None = None) -> None:
        self._exporter = PrometheusExporter(registry) if isinstance(registry, SLORegistry) else registry
        self._token = token

    def respond(
        self, method: str, *, accept: str = "", accept_encoding: str = "", authorization: str = "", query: str = ""
    ) -> MetricsResponse:
        """
        The answer to one request: 200, 401 without the token, 405 for anything but GET and HEAD.

        It reads the store and may wait for it: call it off the event loop.

        Args:
            method: The HTTP method.
            accept: The Accept header; decides the format.
            accept_encoding: The Accept-Encoding header.
            authorization: The Authorization header.
            query: The raw query string; `name[]` restricts the output.
        """
        if method not in ("GET", "HEAD"):
            return _answer(method, 405, _PLAIN, b"method not allowed: use GET or HEAD\n", ("Allow", "GET, HEAD"))
        if not self._may_read(authorization):
            challenge = ("WWW-Authenticate", 'Bearer realm="metrics"')
            return _answer(method, 401, _PLAIN, b"unauthorized: send the token as Authorization: Bearer\n", challenge)
        names = parse_qs(query).get("name[]", ())
        body, content_type = self._exporter.render(accept=accept, names=names)
        headers = [("Vary", "Accept, Accept-Encoding"), ("Cache-Control", "no-store")]
        if _accepts_gzip(accept_encoding):
            body = gzip.compress(body, compresslevel=5)
            headers.append(("Content-Encoding", "gzip"))
        return _answer(method, 200, content_type, body, *headers)

    def _may_read(self, authorization: str) -> bool:
        if self._token is None:
            return True
        scheme, _, credentials = authorization.partition(" ")
        # Bytes, because compare_digest refuses text beyond ASCII. Servers hand over any header's bytes as Latin-1 text,
        # so a token that was sent as UTF-8 is its own bytes again in Latin-1.
        expected = self._token.encode("utf-8", "backslashreplace")
        as_text = hmac.compare_digest(credentials.strip().encode("utf-8", "backslashreplace"), expected)
        as_bytes = hmac.compare_digest(credentials.strip().encode("latin-1", "backslashreplace"), expected)
        return (as_text or as_bytes) and scheme.lower() == "bearer"


def _accepts_gzip(accept_encoding: str) -> bool:
    for offer in accept_encoding.split(","):
        coding, _, parameters = offer.partition(";")
        if coding.strip().lower() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _answer(method: str, status: int, content_type: str, body: bytes, *headers: tuple[str, str]) -> MetricsResponse:
    every = (("Content-Type", content_type), ("Content-Length", str(len(body))), *headers)
    return MetricsResponse(status, every, b"" if method == "HEAD" else body)
