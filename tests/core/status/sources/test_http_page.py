"""Pages over HTTP: what is sent, what is refused, and what may be better later."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from slo_core import PrometheusExporter, SLORegistry
from slo_core.errors import SLOError, StoreError
from slo_core.status.json_view import status_json
from slo_core.status.sources.open import open_status_source

Reply = tuple[int, str, bytes]


@pytest.fixture
def serve() -> Iterator[Callable[[Reply], str]]:
    """`serve((status, content type, body))`: the address of a server that answers so, whatever it is asked."""
    servers: list[HTTPServer] = []

    def start(reply: Reply) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, kind, body = reply
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("X-Authorization", self.headers.get("Authorization", ""))
                if status == 302:
                    self.send_header("Location", body.decode())
                self.end_headers()
                self.wfile.write(body if status != 302 else b"")
                seen.append(self.headers.get("Authorization"))

            def log_message(self, format: str, *args: object) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}/slo.json"

    seen: list[str | None] = []
    start.seen = seen  # type: ignore[attr-defined]
    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def body_of(registry: SLORegistry) -> bytes:
    return json.dumps(status_json(registry)).encode()


def test_a_page_is_read_with_the_token(registry: SLORegistry, serve: Any) -> None:
    """As a bearer token."""
    address = serve((200, "application/json", body_of(registry)))

    (service,) = open_status_source(address, token="s3cret").read()

    assert len(service.snapshots) == 5
    assert serve.seen == ["Bearer s3cret"]


def test_the_token_does_not_follow_a_redirect(registry: SLORegistry, serve: Any) -> None:
    """The other address may belong to a stranger."""
    target = serve((200, "application/json", body_of(registry)))

    open_status_source(serve((302, "text/plain", target.encode())), token="s3cret").read()

    assert serve.seen == ["Bearer s3cret", None]


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        ((401, "text/plain", b""), "it asks for a token"),
        ((404, "text/plain", b""), "the address ends with /slo.json"),
        ((200, "text/html", b"<html>"), "expected JSON or metrics, got text/html"),
        ((200, "application/json", b"{"), "cannot be read"),
        ((200, "application/json", b"[1]"), "expected the JSON of slo-suite"),
        ((200, "application/json", b'{"a": 1}'), "expected the JSON of slo-suite"),
        ((200, "application/json", b'{"version": 2, "store": {}}'), "its version is 2"),
        ((200, "application/json", b'{"version": 1, "store": {}, "service": "a"}'), "cannot be read"),
        ((404, "application/json", b'{"version": 1, "error": "no SLO"}'), "slo.json: no SLO$"),
        ((400, "application/json", b'{"version": 1, "error": "range: wrong"}'), "slo.json: range: wrong$"),
        ((404, "application/json", b'{"detail": "Not Found"}'), "the address ends with /slo.json"),
        ((200, "text/plain", b"up 1\n"), "expected the metrics of slo-suite"),
        ((200, "text/plain", b"slo_target{"), "cannot be read"),
        ((200, "text/plain", b'slo_store_up 1\nslo_target{slo="a"} 0.9\n'), "cannot be read"),
        ((200, "text/plain", b"\xff"), "cannot be read"),
    ],
)
def test_a_page_that_is_none_of_ours_is_refused(reply: Reply, message: str, serve: Any) -> None:
    """With what was expected. It would not get better by waiting: that is no `StoreError`."""
    with pytest.raises(SLOError, match=message) as caught:
        open_status_source(serve(reply)).read()

    assert not isinstance(caught.value, StoreError)
    assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("damage", [{"failures": 11}, {"total": -1}, {"total": 1.5}, {"total": True}, {"total": "9"}])
def test_counts_that_are_none_are_refused(damage: dict[str, object], registry: SLORegistry, serve: Any) -> None:
    """A gate that takes them would decide about nothing."""
    document = status_json(registry)
    document["slos"][0]["windows"][0].update({"total": 10, **damage})

    with pytest.raises(SLOError, match="cannot be read"):
        open_status_source(serve((200, "application/json", json.dumps(document).encode()))).read()


def test_a_service_whose_store_is_away_says_so(serve: Any) -> None:
    """With status 503."""
    document = {
        "version": 1,
        "service": "shop",
        "store": {"backend": "redis", "scope": "fleet", "is_up": False},
        "error": "the store cannot be read: no route",
    }

    (service,) = open_status_source(serve((503, "application/json", json.dumps(document).encode()))).read()

    assert (service.service, service.is_up, service.error) == ("shop", False, "the store cannot be read: no route")


def test_a_server_that_fails_is_out_of_reach(serve: Any) -> None:
    """It may answer later."""
    with pytest.raises(StoreError, match="status 500"):
        open_status_source(serve((500, "text/html", b""))).read()


def test_nobody_there_is_out_of_reach() -> None:
    """No process listens on that port."""
    with pytest.raises(StoreError, match="no answer"):
        open_status_source("http://127.0.0.1:1/slo.json").read()


def test_one_service_can_be_picked(registry: SLORegistry, serve: Any) -> None:
    """And one that is not there is told."""
    address = serve((200, "application/json", body_of(registry)))

    assert len(open_status_source(address, service="shop").read()) == 1
    with pytest.raises(SLOError, match="expected service 'till', it shows 'shop'"):
        open_status_source(address, service="till").read()


def test_metrics_do_not_say_what_failed(registry: SLORegistry, serve: Any) -> None:
    """Each SLO that is asked about gets that reason; the numbers are shown all the same."""
    body, content_type = PrometheusExporter(registry).render()
    source = open_status_source(serve((200, content_type, body)))

    assert source.causes([("shop", "met")]) == ["metrics do not say what failed; name the service's /slo.json"]


def test_causes_that_cannot_be_fetched_are_asked_for_once(serve: Any) -> None:
    """A service that has just not answered is not asked again for each SLO that burns: the others get the reason, too."""
    source = open_status_source(serve((502, "text/html", b"")))

    first, second = source.causes([("shop", "a"), ("shop", "b")])

    assert first == second
    assert "answered with status 502" in str(first)
    assert len(serve.seen) == 1


def test_causes_of_a_damaged_page_are_an_answer(serve: Any) -> None:
    """Other SLOs are asked about all the same."""
    body = json.dumps({"slos": [{"name": "a"}], "causes": {"1h": [{}]}, "causes_note": None}).encode()
    source = open_status_source(serve((200, "application/json", body)))

    answers = source.causes([("shop", "a"), ("shop", "b")])

    assert "the causes cannot be read" in str(answers[0])
    assert answers[1] == "the page does not show it"
