"""The exporter: every service of a shared store on one page, and nothing written to the store."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slo_core import SLODefinition, SLORegistry
from slo_core.errors import StoreError
from slo_core.metrics.server import MetricsServer
from slo_core.metrics.view import services_view
from slo_core.stores.buckets import Query, Stored
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock, batch_of, declared
from slo_core.tracking.store_services import StoreServices
from slo_core.tracking.tracker import SLOTracker

Series = dict[tuple[str, str, str], float]


class House:
    """A store in a file, services that count in it, and an exporter that reads it."""

    def __init__(self, folder: Path, clock: FakeClock) -> None:
        self.path, self.clock, self.monotonic = folder / "slo.db", clock, FakeClock(0.0)
        self.is_down = False
        self.asked = 0

    def count(self, service: str, definition: SLODefinition, good: int, bad: int) -> None:
        """Events of a process that ends afterwards."""
        store = WriteBehindStore(self.buckets(service), clock=self.clock)
        with SLORegistry(store, service=service, clock=self.clock) as registry:
            tracker = registry.define(definition)
            for success, times in ((True, good), (False, bad)):
                for _ in range(times):
                    tracker.record(success)

    def buckets(self, service: str) -> SQLiteBucketStore:
        return Unsteady(self, self.path, service=service, clock=self.clock)

    def exporter(self, service: str | None = None) -> StoreServices:
        return StoreServices(self.buckets, service=service, clock=self.clock, monotonic=self.monotonic)

    def read(self, exporter: StoreServices) -> list[SLORegistry]:
        """The registries that an exporter reads, long after its last read."""
        self.monotonic.advance(15)
        return list(exporter.read())

    def scrape(self, exporter: StoreServices) -> Series:
        """Values by name, service and SLO, where no other label tells series apart."""
        self.monotonic.advance(15)
        response = services_view(exporter).respond("GET")
        assert response.status == 200
        return series_of(response.body)


class Unsteady(SQLiteBucketStore):
    """A store that is out of reach when its house says so."""

    def __init__(self, house: House, path: Path, *, service: str, clock: FakeClock) -> None:
        super().__init__(path, service=service, clock=clock)
        self._house = house

    def _ask(self) -> None:
        if self._house.is_down:
            self._house.asked += 1
            raise OSError("no route to redis://:hunter2@host")

    def services(self) -> list[str]:
        self._ask()
        return super().services()

    def names(self) -> list[str]:
        self._ask()
        return super().names()

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        self._ask()
        return super().read(queries)


def series_of(body: bytes) -> Series:
    return {
        (sample.name, sample.labels.get("slo_service", ""), sample.labels.get("slo", "")): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if not {"window_seconds", "severity", "backend"} & sample.labels.keys()
        and sample.labels.get("outcome") != "good"
    }


@pytest.fixture
def house(tmp_path: Path, clock: FakeClock) -> House:
    return House(tmp_path, clock)


def test_every_service_is_on_one_page(house: House) -> None:
    """Each SLO under its service, with the numbers of its own process."""
    house.count("shop", SLODefinition("availability", 0.9), 98, 2)
    house.count("till", SLODefinition("availability", 0.5), 3, 1)

    series = house.scrape(house.exporter())

    assert series["slo_success_ratio", "shop", "availability"] == 0.98
    assert series["slo_error_budget_remaining", "shop", "availability"] == 0.8
    assert series["slo_events_total", "shop", "availability"] == 2
    assert series["slo_success_ratio", "till", "availability"] == 0.75
    assert series["slo_target", "till", "availability"] == 0.5
    assert series["slo_store_up", "shop", ""] == series["slo_store_up", "till", ""] == 1


def test_the_page_is_that_of_the_service_itself(house: House) -> None:
    """Series by series, but for what is about the answering process: its lag and its clock."""
    house.count("shop", SLODefinition("availability", 0.99, labels={"team": "cash"}), 98, 2)
    store = WriteBehindStore(house.buckets("shop"), clock=house.clock)
    with SLORegistry(store, service="shop", clock=house.clock) as registry:
        registry.define(SLODefinition("availability", 0.99, labels={"team": "cash"}))
        from slo_core.metrics.view import MetricsView

        own = MetricsView(registry).respond("GET").body.decode()

    found = services_view(house.exporter()).respond("GET").body.decode()

    of_the_process = ("slo_flush_lag_seconds", "slo_clock_skew_seconds")
    lines = [line for line in own.splitlines() if not any(name in line for name in of_the_process)]
    assert found.splitlines() == lines


def test_nothing_is_written_to_the_store(house: House) -> None:
    """No batch, no note, no declaration: the file has the same bytes after a look at every service and SLO."""
    house.count("shop", SLODefinition("availability", 0.9), 98, 2)
    before = house.path.read_bytes()
    exporter = house.exporter()

    house.scrape(exporter)
    house.scrape(exporter)
    exporter.close()

    assert house.path.read_bytes() == before
    assert house.buckets("shop").names() == ["availability"]


def test_new_slos_services_and_definitions_appear(house: House) -> None:
    """What a process declares after the exporter was started is on the next scrape, a changed target as well."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter()
    assert house.scrape(exporter)["slo_target", "shop", "availability"] == 0.9

    house.count("shop", SLODefinition("availability", 0.8), 0, 0)
    house.count("shop", SLODefinition("latency", 0.99), 1, 0)
    house.count("till", SLODefinition("availability", 0.5), 1, 0)
    series = house.scrape(exporter)

    assert {key[1:]: value for key, value in series.items() if key[0] == "slo_target"} == {
        ("shop", "availability"): 0.8,
        ("shop", "latency"): 0.99,
        ("till", "availability"): 0.5,
    }


def test_events_counted_since_the_last_scrape_are_seen(house: House) -> None:
    """The registry stays the same, the numbers do not."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter()
    (registry,) = house.read(exporter)
    assert house.scrape(exporter)["slo_events_total", "shop", "availability"] == 1

    house.count("shop", SLODefinition("availability", 0.9), 0, 4)

    assert house.scrape(exporter)["slo_events_total", "shop", "availability"] == 5
    assert house.read(exporter) == [registry]


def test_one_service_is_shown_when_it_is_named(house: House) -> None:
    """The others stay out; its own label is there even before it has declared anything."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter("till")
    assert house.scrape(exporter)["slo_store_up", "till", ""] == 1

    house.count("till", SLODefinition("availability", 0.5), 1, 0)
    series = house.scrape(exporter)

    assert {service for _, service, _ in series} == {"till"}
    assert series["slo_target", "till", "availability"] == 0.5


def test_a_store_that_is_down_is_shown_as_down(house: House) -> None:
    """200, `slo_store_up` 0 for each service, no SLO series; and it is asked once, not once for each service."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.count("till", SLODefinition("availability", 0.9), 9, 1)
    exporter = house.exporter()
    house.scrape(exporter)

    house.is_down = True
    series = house.scrape(exporter)
    asked = house.asked
    house.is_down = False
    later = house.scrape(exporter)

    assert series["slo_store_up", "shop", ""] == series["slo_store_up", "till", ""] == 0
    assert {slo for _, _, slo in series} == {""}
    assert asked == 1
    assert later["slo_store_up", "shop", ""] == 1
    assert later["slo_events_total", "till", "availability"] == 1


def test_a_store_that_was_never_reached_is_shown_as_down(house: House) -> None:
    """Without labels: nobody knows which services there are. It recovers by itself."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.is_down = True
    exporter = house.exporter()
    assert house.scrape(exporter)["slo_store_up", "", ""] == 0

    house.is_down = False

    assert house.scrape(exporter)["slo_store_up", "shop", ""] == 1


def test_the_log_of_an_outage_holds_no_password(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """What a driver says is not repeated, only what kind of error it was."""
    house.is_down = True

    house.scrape(house.exporter())

    assert "OSError" in caplog.text
    assert "hunter2" not in caplog.messages[0]


def test_an_empty_store_has_no_slos(house: House) -> None:
    """And stays without an identity that the exporter has given it."""
    series = house.scrape(house.exporter())

    assert series["slo_store_up", "", ""] == 1
    assert {slo for _, _, slo in series} == {""}


def test_a_definition_that_cannot_be_read_hides_no_other(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """It is counted as an internal error and named in the log."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.buckets("shop").apply([batch_of([], number=1, slo="strange", declaration=declared(house.clock()))])

    series = house.scrape(house.exporter())

    assert {slo for _, _, slo in series} == {"", "availability"}
    assert series["slo_internal_errors_total", "shop", ""] == 1
    assert "service 'shop', SLO 'strange': not shown" in caplog.text


def test_the_total_of_internal_errors_never_starts_anew(house: House) -> None:
    """A changed definition makes another registry, but the errors are those of the same service."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    house.buckets("shop").apply([batch_of([], number=1, slo="strange", declaration=declared(house.clock()))])
    exporter = house.exporter()
    house.scrape(exporter)

    house.count("shop", SLODefinition("availability", 0.8), 0, 0)

    assert house.scrape(exporter)["slo_internal_errors_total", "shop", ""] == 2


def test_a_read_only_store_counts_nothing(house: House) -> None:
    """An event recorded through it is refused, not lost in silence."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    store = ReadOnlyStore(house.buckets("shop"), clock=house.clock)
    tracker = SLOTracker(SLODefinition("availability", 0.9), store=store, clock=house.clock)
    assert tracker.snapshot().total == 10

    with pytest.raises(StoreError, match="opened for reading only"):
        tracker.record(True, at=house.clock())


def test_a_read_only_store_answers_about_the_past(house: House) -> None:
    """As a service would: 10 events two days ago, 5 more since."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)
    then = house.clock()
    house.clock.advance(days=2)
    house.count("shop", SLODefinition("availability", 0.9), 5, 0)
    store = ReadOnlyStore(house.buckets("shop"), clock=house.clock)
    tracker = SLOTracker(SLODefinition("availability", 0.9), store=store, clock=house.clock)

    assert tracker.snapshot(at=then + 3600).total == 10
    assert tracker.snapshot().total == 15


def test_an_slo_that_is_gone_is_an_error(house: House) -> None:
    """A total of 0 in its place would look like a counter that was reset."""
    store = ReadOnlyStore(house.buckets("shop"), clock=house.clock)
    tracker = SLOTracker(SLODefinition("availability", 0.9), store=store, clock=house.clock)

    with pytest.raises(StoreError, match="'availability' is gone; has the store been emptied"):
        tracker.snapshot()

    assert not store.health().is_up


Ask = Callable[..., tuple[http.client.HTTPResponse, bytes]]


@contextmanager
def serving(exporter: StoreServices, *, host: str = "127.0.0.1", token: str | None = None) -> Iterator[Ask]:
    """`ask(method, path, headers)`: what the server answers."""
    server = MetricsServer(services_view(exporter, token=token), host=host, port=0)
    stop = threading.Event()
    thread = threading.Thread(target=server.serve_until, args=(stop,))
    thread.start()
    address = urlsplit(server.url)
    assert address.hostname is not None
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)

    def ask(method: str, path: str, headers: dict[str, str] | None = None) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response, response.read()

    try:
        yield ask
    finally:
        connection.close()
        stop.set()
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/metrics", 200),
        ("HEAD", "/metrics", 200),
        ("POST", "/metrics", 405),
        ("OPTIONS", "/metrics", 405),
        ("GET", "/metrics?name[]=slo_target", 200),
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("POST", "/healthz", 405),
        ("OPTIONS", "/healthz", 405),
        ("GET", "/", 404),
        ("GET", "/metrics/", 404),
        ("DELETE", "/nothing", 404),
    ],
)
def test_the_server_answers_two_paths(house: House, method: str, path: str, status: int) -> None:
    """A connection is kept for the next request after GET and HEAD, which carry no body."""
    house.count("shop", SLODefinition("availability", 0.9), 9, 1)

    with serving(house.exporter()) as ask:
        response, body = ask(method, path)
        after, _ = ask("GET", "/healthz")

    assert (response.status, after.status) == (status, 200)
    assert (body == b"") == (method == "HEAD")
    if path.startswith("/metrics?"):
        assert {name for name, _, _ in series_of(body)} == {"slo_target"}


def test_the_server_asks_for_the_token(house: House) -> None:
    """For the metrics; whether the process lives is no secret."""
    with serving(house.exporter(), token="s3cret") as ask:
        statuses = [
            ask("GET", "/metrics")[0].status,
            ask("GET", "/metrics", {"Authorization": "Bearer s3cret"})[0].status,
            ask("GET", "/healthz")[0].status,
        ]

    assert statuses == [401, 200, 200]


def test_the_server_listens_on_ipv6(house: House) -> None:
    """Its URL puts the address in brackets."""
    try:
        server = MetricsServer(services_view(house.exporter()), host="::1", port=0)
    except OSError:
        pytest.skip("this machine has no IPv6")
    server.server_close()

    assert server.url == f"http://[::1]:{server.server_port}/metrics"
