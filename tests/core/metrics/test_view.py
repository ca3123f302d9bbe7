"""The `/metrics` view that all integrations share. Tests of view, and of http/answer."""

from __future__ import annotations

import gzip

import pytest
from prometheus_client.exposition import choose_encoder

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.http.answer import Answer
from slo_core.metrics.view import MetricsView
from slo_core.testing import FakeClock


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    registry = SLORegistry(clock=clock)
    registry.define(SLODefinition("a", 0.9))
    return registry


@pytest.fixture
def body(registry: SLORegistry) -> bytes:
    return PrometheusExporter(registry).render()[0]


def header(response: Answer, name: str) -> str | None:
    (value,) = [value for key, value in response.headers if key == name] or [None]
    return value


def test_get_answers_with_the_exposition(registry: SLORegistry, body: bytes) -> None:
    """Never from a cache, and different for different Accept headers."""
    response = MetricsView(registry).respond("GET")

    assert (response.status, response.body) == (200, body)
    assert header(response, "Content-Type") == choose_encoder("")[1]
    assert header(response, "Content-Length") == str(len(body))
    assert header(response, "Vary") == "Accept, Accept-Encoding"
    assert header(response, "Cache-Control") == "no-store"


def test_head_answers_like_get_without_the_body(registry: SLORegistry) -> None:
    """The length is that of the body it stands for."""
    view = MetricsView(registry)

    head, get = view.respond("HEAD"), view.respond("GET")

    assert (head.status, head.headers, head.body) == (200, get.headers, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "get", "FOO", ""])
def test_other_methods_are_told_which_ones_are_allowed(registry: SLORegistry, method: str) -> None:
    """405, with or without a token."""
    for token in (None, "secret"):
        response = MetricsView(registry, token=token).respond(method)

        assert response.status == 405
        assert header(response, "Allow") == "GET, HEAD"
        assert header(response, "Content-Length") == str(len(response.body))


@pytest.mark.parametrize(
    "accept", ["", "*/*", "text/plain", "application/openmetrics-text; version=1.0.0", "image/png"]
)
def test_the_content_type_is_the_negotiated_one(registry: SLORegistry, accept: str) -> None:
    """What the installed client's `choose_encoder` says."""
    response = MetricsView(registry).respond("GET", accept=accept)

    assert header(response, "Content-Type") == choose_encoder(accept)[1]


@pytest.mark.parametrize(
    ("accept_encoding", "is_zipped"),
    [
        ("gzip", True), ("GZIP", True), ("deflate, gzip;q=1.0, *;q=0.5", True), ("gzip; q=0.1", True),
        ("", False), ("identity", False), ("gzip;q=0", False), ("gzip; q=0.000", False), ("br, deflate", False),
        ("xgzip", False),
    ],
)  # fmt: skip
def test_the_body_is_zipped_for_who_takes_it(
    registry: SLORegistry, body: bytes, accept_encoding: str, is_zipped: bool
) -> None:
    """And its length is the zipped one."""
    response = MetricsView(registry).respond("GET", accept_encoding=accept_encoding)

    assert header(response, "Content-Encoding") == ("gzip" if is_zipped else None)
    assert header(response, "Content-Length") == str(len(response.body))
    assert (gzip.decompress(response.body) if is_zipped else response.body) == body


def test_names_restrict_the_output(registry: SLORegistry) -> None:
    """`name[]`, once or several times, percent-encoded or not; other parameters are none of ours."""
    view = MetricsView(registry)
    for query in ("name[]=slo_target&name[]=slo_store_up", "name%5B%5D=slo_target&x=1&name[]=slo_store_up"):
        lines = view.respond("GET", query=query).body.decode().splitlines()
        assert [line for line in lines if not line.startswith("#")] == ['slo_target{slo="a"} 0.9', "slo_store_up 1.0"]

    assert view.respond("GET", query="name[]=nothing").body == b""
    for query in ("x=1", "name=slo_target", "&&&=", "%ff%zz"):
        assert b"slo_window_seconds" in view.respond("GET", query=query).body


# The token.


@pytest.mark.parametrize("authorization", ["Bearer secret", "bearer secret", "BEARER  secret", "Bearer secret "])
def test_the_token_opens(registry: SLORegistry, authorization: str) -> None:
    """The scheme in any case."""
    assert MetricsView(registry, token="secret").respond("GET", authorization=authorization).status == 200


@pytest.mark.parametrize(
    "authorization",
    [
        "", "secret", "Bearer", "Bearer ", "Bearer Secret", "Bearer secret2", "Basic secret", "Bearer s\udcffecret",
        "Bearer sécret",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_anything_else_does_not(registry: SLORegistry, authorization: str, method: str) -> None:
    """401, how to ask, and nothing of the numbers."""
    response = MetricsView(registry, token="secret").respond(method, authorization=authorization)

    assert response.status == 401
    assert header(response, "WWW-Authenticate") == 'Bearer realm="metrics"'
    assert b"slo_" not in response.body


@pytest.mark.parametrize("token", ["tökén", "日本", "🔥"])
def test_a_token_beyond_ascii_opens(registry: SLORegistry, token: str) -> None:
    """Sent as UTF-8, which servers hand over as Latin-1; or as the text that it is."""
    view = MetricsView(registry, token=token)

    assert view.respond("GET", authorization=f"Bearer {token.encode().decode('latin-1')}").status == 200
    assert view.respond("GET", authorization=f"Bearer {token}").status == 200
    assert view.respond("GET", authorization=f"Bearer {token}x").status == 401


def test_without_a_token_nobody_is_asked(registry: SLORegistry) -> None:
    """Whatever they send."""
    assert MetricsView(registry).respond("GET", authorization="Bearer anything").status == 200
