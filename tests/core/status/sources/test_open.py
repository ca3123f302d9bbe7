"""How SLOs stand by what a service shows of them: the same as in the service."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from slo_core import AlertRule, PrometheusExporter, SLODefinition, SLORegistry
from slo_core.errors import SLOError, StoreError
from slo_core.status.gate import Gate
from slo_core.status.json_view import services_json, status_json
from slo_core.status.sources.json_view import services_of_json
from slo_core.status.sources.metrics_page import services_of_metrics
from slo_core.status.sources.open import open_status_source
from slo_core.stores.memory.store import MemoryStore
from slo_core.testing import FakeClock


class Shared(MemoryStore):
    """Said to be a fleet's, so that nothing is noted about it."""

    scope = "fleet"
    store_id = "s1"


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    """Five SLOs of different kinds, with events of five days."""
    registry = SLORegistry(Shared(clock=clock), service="shop", clock=clock)
    registry.define(SLODefinition("met", 0.999, description="d", labels={"team": "x"}, runbook="https://r"))
    registry.define(
        SLODefinition(
            "burning", 0.999, alert_rules=(AlertRule("1h", "5m", severity="page", burn_rate=14.4, min_failures=1),)
        )
    )
    registry.define(SLODefinition("no-rules", 0.9, alert_rules=(), burn_rate_windows=(7200, 1800)))
    registry.define(SLODefinition("month", 0.9, window="month", timezone="Asia/Tokyo"))
    registry.define(SLODefinition("bare", 0.9, alert_rules=(), burn_rate_windows=(), window_seconds=86_400))
    clock.advance(days=5)
    for name, good, bad in (("met", 1_999, 1), ("burning", 9_856, 144), ("no-rules", 5, 1), ("month", 1, 1)):
        for success, times in ((True, good), (False, bad)):
            for _ in range(times):
                registry[name].record(success)
    return registry


def entries(document: dict[str, Any], *, without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [{key: value for key, value in slo.items() if key not in without} for slo in document["slos"]]


def test_what_is_read_from_the_json_is_what_was_written(registry: SLORegistry) -> None:
    """Every key of every SLO, exactly; `slo status --json` adds whose SLO it is."""
    document = json.loads(json.dumps(status_json(registry)))

    again = services_json(services_of_json(document, address="u"))

    assert entries(again, without=("service",)) == entries(document)
    assert {slo["service"] for slo in again["slos"]} == {"shop"}
    assert (again["service"], again["store"], again["errors"]) == ("shop", document["store"], [])


def test_a_month_begins_where_its_service_is() -> None:
    """At 20:00 UTC of 31 January, Tokyo's February is five hours old; and the gate is told so by the page."""
    clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    registry = SLORegistry(Shared(clock=clock), clock=clock)
    registry.define(SLODefinition("a", 0.9, window="month", timezone="Asia/Tokyo"))
    clock.advance(days=30, hours=20)
    registry["a"].record_success()

    services = services_of_json(json.loads(json.dumps(status_json(registry))), address="u")

    ((definition, _),) = services[0].snapshots
    assert definition.timezone == "Asia/Tokyo"
    assert [str(found) for found in Gate().judge(services)] == ["UNKNOWN  a: measured 5h of 28 days; a tenth is needed"]


def test_a_document_without_a_time_zone_means_utc(registry: SLORegistry) -> None:
    """As one of an older slo-suite."""
    document = status_json(registry)
    for slo in document["slos"]:
        del slo["timezone"]

    (found,) = services_of_json(document, address="u")

    assert {definition.timezone for definition, _ in found.snapshots} == {"UTC"}


def test_what_is_read_from_the_metrics_is_what_the_json_says(registry: SLORegistry, clock: FakeClock) -> None:
    """But for what is no metric: words, when an event came last, and what alerts compare with."""
    text = PrometheusExporter(registry).render()[0].decode()

    again = services_json(services_of_metrics(text, address="u", at=clock()))

    words = ("service", "description", "runbook", "last_event_at", "window", "timezone", "alerts", "windows")
    document = status_json(registry)
    assert entries(again, without=words) == entries(document, without=words)
    for seen, known in zip(again["slos"], document["slos"], strict=True):
        assert [alert["threshold"] for alert in seen["alerts"]] == [None] * len(known["alerts"])
        assert [alert["is_firing"] for alert in seen["alerts"]] == [alert["is_firing"] for alert in known["alerts"]]
        assert sorted(map(str, seen["windows"])) == sorted(map(str, known["windows"]))


def test_whether_an_alert_fires_is_not_worked_out_again(registry: SLORegistry) -> None:
    """How many failures its rule asks for is not shown: one, where two are the default."""
    document = status_json(registry)
    burning = document["slos"][1]
    burning["windows"] = [{**window, "total": 1_000, "failures": 100} for window in burning["windows"]]
    for alert in burning["alerts"]:
        alert["is_firing"] = False

    ((_, (_, snapshot), *_),) = [found.snapshots for found in services_of_json(document, address="u")]

    assert snapshot.is_firing is False
    assert snapshot.failures == 100


def test_an_exporters_page_shows_every_service(clock: FakeClock) -> None:
    """Each with its own store."""
    pages = []
    for name in ("shop", "till"):
        registry = SLORegistry(Shared(clock=clock), service=name, clock=clock)
        registry.define(SLODefinition("a", 0.9)).record_failure()
        pages.append(PrometheusExporter(registry).render()[0].decode())

    services = services_of_metrics("".join(pages), address="u", at=clock())

    assert [(found.service, found.snapshots[0][1].failures) for found in services] == [("shop", 1), ("till", 1)]


def test_the_numbers_of_one_process_are_said_to_be_that() -> None:
    """The next scrape may be answered by another."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}})

    (found,) = services_of_metrics(PrometheusExporter(registry).render()[0].decode(), address="u", at=0.0)

    assert found.service == "default"
    assert found.note is not None
    assert "counts in each process for itself" in found.note


def test_a_store_that_is_down_is_told() -> None:
    """There are no numbers then."""
    text = 'slo_store_info{backend="redis",scope="fleet"} 1\nslo_store_up 0\n'

    (found,) = services_of_metrics(text, address="u", at=0.0)

    assert (found.is_up, found.snapshots) == (False, [])
    assert found.error == "its store cannot be read (slo_store_up is 0)"


def test_a_page_that_puts_services_together_is_refused(registry: SLORegistry) -> None:
    """Which of two numbers is true cannot be told."""
    text = PrometheusExporter(registry).render()[0].decode()

    with pytest.raises(SLOError, match="has several series"):
        services_of_metrics(text + text, address="u", at=0.0)


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

    (found,) = open_status_source(address, token="s3cret").read()

    assert len(found.snapshots) == 5
    assert serve.seen == ["Bearer s3cret"]


def test_the_token_does_not_follow_a_redirect(registry: SLORegistry, serve: Any) -> None:
    """Wherever that leads to may be somebody else's."""
    target = serve((200, "application/json", body_of(registry)))

    open_status_source(serve((302, "text/plain", target.encode())), token="s3cret").read()

    assert serve.seen == ["Bearer s3cret", None]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        ((401, "text/plain", b""), "it asks for a token"),
        ((404, "text/plain", b""), "the address ends with /slo.json"),
        ((200, "text/html", b"<html>"), "expected JSON or metrics, got text/html"),
        ((200, "application/json", b"{"), "cannot be read"),
        ((200, "application/json", b"[1]"), "expected the JSON of slo-suite"),
        ((200, "application/json", b'{"a": 1}'), "expected the JSON of slo-suite"),
        ((200, "application/json", b'{"version": 2, "store": {}}'), "its version is 2"),
        ((200, "application/json", b'{"version": 1, "store": {}, "service": "a"}'), "cannot be read"),
        ((404, "application/json", b'{"version": 1, "error": "no SLO"}'), "answered with status 404"),
        ((200, "text/plain", b"up 1\n"), "expected the metrics of slo-suite"),
        ((200, "text/plain", b"slo_target{"), "cannot be read"),
        ((200, "text/plain", b'slo_store_up 1\nslo_target{slo="a"} 0.9\n'), "cannot be read"),
        ((200, "text/plain", b"\xff"), "cannot be read"),
    ],
)
def test_a_page_that_is_none_of_ours_is_refused(reply: Reply, said: str, serve: Any) -> None:
    """With what was expected. It would not get better by waiting: that is no `StoreError`."""
    with pytest.raises(SLOError, match=said) as caught:
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

    (found,) = open_status_source(serve((503, "application/json", json.dumps(document).encode()))).read()

    assert (found.service, found.is_up, found.error) == ("shop", False, "the store cannot be read: no route")


def test_a_server_that_fails_is_out_of_reach(serve: Any) -> None:
    """It may answer later."""
    with pytest.raises(StoreError, match="status 500"):
        open_status_source(serve((500, "text/html", b""))).read()


def test_nobody_there_is_out_of_reach() -> None:
    """The port is nobody's."""
    with pytest.raises(StoreError, match="no answer"):
        open_status_source("http://127.0.0.1:1/slo.json").read()


def test_one_service_can_be_picked(registry: SLORegistry, serve: Any) -> None:
    """And one that is not there is told."""
    address = serve((200, "application/json", body_of(registry)))

    assert len(open_status_source(address, service="shop").read()) == 1
    with pytest.raises(SLOError, match="expected service 'till', it shows 'shop'"):
        open_status_source(address, service="till").read()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("", "expected the address"),
        ("shop", "expected the address"),
        ("http://", "expected an address such as"),
        ("http://host:port/", "expected an address such as"),
        ("http://me:hunter2@host/slo.json", "expected no password in the address"),
        ("ftp://host/slo.json", "expected one of the schemes"),
        ("memory://", "expected a store that processes share"),
        ("sqlite:///no/such.db", "there is no such file"),
        ("http://ho st/slo.json", "expected an address such as"),
    ],
)
def test_an_address_that_is_none_is_refused(address: str, said: str) -> None:
    """And no password is repeated."""
    with pytest.raises(SLOError, match=said) as caught:
        open_status_source(address).read()

    assert "hunter2" not in str(caught.value)
