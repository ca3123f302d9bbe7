"""What Prometheus records by our rules is what the library says: real services, a real Prometheus, to the last event."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from fleet_client import Clients, scrape, send
from redis_servers import RedisServer, start_redis
from slo_core import SLODefinition, SLORegistry
from slo_core.config.definitions import parse_definitions
from slo_core.conventions import Alert
from slo_core.rules.promql import duration_text
from slo_core.rules.rule_set import prometheus_rules
from slo_core.rules.series import RuleScope
from slo_core.rules.text import rules_text
from slo_servers import HOST, Prometheus, Target, free_port, python, soon, start_prometheus, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"
DEFINITIONS = parse_definitions(
    {"availability": {"target": "99.9%"}, "orders": {"target": 0.99, "routes": ["/orders"]}}
)  # those of fleet_service
REQUESTS = 600

LONG = bool(os.environ.get("SLO_LONG_TESTS"))
# Windows of seconds: alerts come and go many times within an incident of minutes.
INCIDENT = {
    "availability": {
        "target": "99%",
        "burn_rate_windows": [],
        "alert_rules": [
            {"long_window": "6s", "short_window": "2s", "severity": "page", "burn_rate": 20},
            {"long_window": "8s", "short_window": "3s", "severity": "ticket", "burn_rate": 10},
        ],
    }
}
# What a busy machine may need to store the samples of a scrape that has ended.
STORING_SECONDS = 0.25


@dataclass(frozen=True)
class Served:
    """A service: its name, the store it uses, and how many workers it has."""

    name: str
    store: str
    workers: int = 2

    def command(self, port: int) -> list[str]:
        return python(
            "-m", "gunicorn", "-b", f"{HOST}:{port}", "-w", str(self.workers), "fleet_service:flask_app()"
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {"SERVICE_STORE": self.store, "SERVICE_NAME": self.name, "PYTHONPATH": str(SUPPORT)}


def recorded(prometheus: Prometheus, name: str, service: str, slo: str, window: int | None = None) -> float | None:
    at = "" if window is None else f',sloth_window="{duration_text(window)}"'
    return prometheus.value(f'{name}{{sloth_service="{service}",sloth_slo="{slo}"{at}}}')


# The name of a record, and its window if it has one.
Record = tuple[str, int | None]


def expected_records(definition: SLODefinition, stores: Sequence[SLORegistry]) -> dict[Record, float]:
    """Every record of an SLO, as the snapshots of all its stores have it, as exact as floats are."""
    expected: dict[Record, float] = {}
    snapshots = [registry[definition.name].snapshot() for registry in stores]
    allowance = definition.objective.allowance
    for samples in zip(*(snapshot.window_samples for snapshot in snapshots), strict=True):
        window = samples[0].window_seconds
        total, bad = sum(sample.sample_count for sample in samples), sum(sample.failures for sample in samples)
        assert total > 0
        expected["slo:window_events:sum", window] = total
        expected["slo:window_failures:sum", window] = bad
        expected[f"slo:sli_error:ratio_rate{duration_text(window)}", window] = bad / total
        if window == 300:
            expected["slo:current_burn_rate:ratio", None] = float(Fraction(bad, total) / allowance)
        if window == definition.window_seconds:
            left = float(1 - Fraction(bad, total) / allowance)
            expected["slo:period_error_budget_remaining:ratio", None] = left
            if len(snapshots) == 1:
                assert left == snapshots[0].error_budget_remaining
                expected["slo:period_burn_rate:ratio", None] = snapshots[0].burn_rate
    return expected


@pytest.fixture(scope="module")
def redis() -> RedisServer:
    with start_redis() as server:
        yield server


@pytest.fixture(params=["one SQLite", "two services on one Redis", "two hosts"])
def fleet(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[RuleScope, list[Served]]:
    """Who serves, and whose events a store of theirs holds."""
    if request.param == "one SQLite":
        return "host", [Served("shop", f"sqlite:///{tmp_path}/slo.db", workers=4)]
    if request.param == "two hosts":
        return "host", [Served("shop", f"sqlite:///{tmp_path}/{host}.db") for host in ("one", "two")]
    url = request.getfixturevalue("redis").url
    return "fleet", [Served("shop", url), Served("till", url)]


def test_records_equal_snapshots(fleet: tuple[RuleScope, list[Served]]) -> None:
    """Error ratios, burn rates and what is left of the budget, once traffic has stopped and a scrape has passed."""
    scope, served = fleet
    services = sorted({each.name for each in served})
    groups = [
        group for service in services for group in prometheus_rules(DEFINITIONS, service=service, scope=scope).groups
    ]
    with ExitStack() as running:
        ports = []
        for each in served:
            ports.append(free_port())
            running.enter_context(
                start_server(each.command(ports[-1]), port=ports[-1], ready="/metrics", env=each.environment())
            )
        prometheus = running.enter_context(
            start_prometheus([f"{HOST}:{port}" for port in ports], rules=rules_text({"groups": groups}))
        )
        seen: Counter[tuple[str, str]] = Counter()
        for number, port in enumerate(ports):
            clients = send(port, requests=REQUESTS + 100 * number)
            assert not clients.wrong
            for (slo, _), events in clients.seen.items():
                seen[served[number].name, slo] += events

        for service in services:
            stores = []
            for each in served:
                if each.name == service:
                    registry = SLORegistry(each.store, service=service)
                    for definition in DEFINITIONS:
                        registry.define(definition)
                    stores.append(running.enter_context(closing(registry)))
            for definition in DEFINITIONS:
                counted = seen[service, definition.name]
                wait_until(
                    lambda: (
                        recorded(
                            prometheus, "slo:window_events:sum", service, definition.name, definition.window_seconds
                        )
                        == counted
                    ),
                    message=f"Prometheus did not record {counted} events of {service}/{definition.name}",
                )
                expected = expected_records(definition, stores)

                def found(
                    records: Collection[Record] = expected.keys(), service: str = service, slo: str = definition.name
                ) -> dict[Record, float | None]:
                    return {
                        (name, window): recorded(prometheus, name, service, slo, window) for name, window in records
                    }

                # After a scrape that has every window, and an evaluation of every record.
                assert soon(found, expected) == expected


def phases() -> list[tuple[int, int]]:
    """An incident: seconds, and the percentage of requests that fail in them. Five minutes of it with `SLO_LONG_TESTS`."""
    course = [(2, 0), (4, 60), (6, 0), (4, 60), (6, 0)]
    chooser = random.Random(2026)
    while LONG and sum(seconds for seconds, _ in course) < 300:
        course.append((chooser.randint(2, 10), chooser.choice([0, 0, 3, 5, 15, 20, 25, 60])))
    return course


@pytest.fixture(scope="module")
def incident(redis: RedisServer) -> Iterator[Callable[[], Prometheus]]:
    """
    Two pods of one Redis with an incident that begins now; what is called waits for its end, for its Prometheus.

    One pod is scraped less often, so that now this one and now that one was scraped last.
    """
    with SLORegistry.from_config(INCIDENT, store=redis.url, service="kiosk") as registry:
        registry["availability"].record_success(at=time.time() - 600)  # it has been measured for ten minutes
        rules = prometheus_rules(
            [registry["availability"].definition], service="kiosk", scope="fleet", keep_firing_for=None
        )
    pods = [Served("kiosk", redis.url, workers=1) for _ in range(2)]
    ports = [free_port() for _ in pods]

    def fail(prometheus: Prometheus) -> None:
        wait_until(lambda: prometheus.value('slo:window_events:sum{slo_service="kiosk",sloth_window="2s"}') is not None)
        for seconds, bad_percent in phases():
            with ExitStack() as clients:
                for port in ports:
                    clients.enter_context(Clients(port, clients=1, pause=0.02, bad_percent=bad_percent))
                time.sleep(seconds)

    with ExitStack() as running:
        for pod, port in zip(pods, ports, strict=True):
            env = {**pod.environment(), "SERVICE_DEFINITIONS": json.dumps(INCIDENT)}
            running.enter_context(start_server(pod.command(port), port=port, ready="/metrics", env=env))
        targets = [
            Target(f"{HOST}:{port}", interval=every) for port, every in zip(ports, ("1s", "1300ms"), strict=True)
        ]
        prometheus = running.enter_context(start_prometheus(targets, rules=rules_text(rules.file_content())))
        failing = running.enter_context(ThreadPoolExecutor()).submit(fail, prometheus)

        def ended() -> Prometheus:
            failing.result()
            return prometheus

        yield ended


@pytest.mark.usefixtures("incident")  # which goes on meanwhile
def test_counters_of_processes_come_close() -> None:
    """Without a shared store: within the events of a bucket, two scrapes and an evaluation."""
    port = free_port()
    rules = prometheus_rules(DEFINITIONS, service="shop", scope="process")
    command = python(
        "-m", "uvicorn", "--no-access-log", "--host", HOST, "--port", str(port), "--factory", "fleet_service:asgi_app"
    )  # fmt: skip
    env = {"SERVICE_STORE": "memory://", "SERVICE_NAME": "shop", "PYTHONPATH": str(SUPPORT)}
    with (
        start_server(command, port=port, ready="/metrics", env=env),
        start_prometheus([f"{HOST}:{port}"], rules=rules_text(rules.file_content())) as prometheus,
    ):
        # Seen before anything has happened: what comes before the first scrape may be missing.
        wait_until(lambda: prometheus.series("slo_target"), message="nothing was scraped")
        # For so long that the four seconds which may be missing are a small part.
        with Clients(port, requests=REQUESTS, pause=0.12) as clients:
            started = time.monotonic()
            clients.join()
        seconds = time.monotonic() - started
        total, bad = clients.answers, clients.seen["availability", "bad"]
        wait_until(lambda: prometheus.value('sum(slo_events_total{slo="availability"})') == total)

        # Until an evaluation has seen it.
        off_total, off_bad = (4 * counted / seconds + 1 for counted in (total, bad))
        for name, counted, off in (
            ("slo:window_events:sum", total, off_total),
            ("slo:window_failures:sum", bad, off_bad),
        ):
            close = pytest.approx(counted, abs=off)
            found = soon(lambda name=name: recorded(prometheus, name, "shop", "availability", 300), close)
            assert found == close, name
        # A quotient of two counts that are off by no more, and what is worked out from it.
        off_ratio = (off_bad + off_total * bad / total) / (total - off_total)
        (definition,) = (found for found in DEFINITIONS if found.name == "availability")
        off_burn = off_ratio / float(definition.objective.allowance)
        own = own_numbers(port, "availability", definition)
        for name, window, off in (
            ("slo:sli_error:ratio_rate5m", 300, off_ratio),
            ("slo:current_burn_rate:ratio", None, off_burn),
            ("slo:period_burn_rate:ratio", None, off_burn),
            ("slo:period_error_budget_remaining:ratio", None, off_burn),
        ):
            close = pytest.approx(own[name], abs=off)
            found = soon(
                lambda name=name, window=window: recorded(prometheus, name, "shop", "availability", window), close
            )
            assert found == close, name


def test_alerts_of_two_pods_fire_exactly_while_the_newest_scrape_says_so(incident: Callable[[], Prometheus]) -> None:
    """
    At every evaluation: an alert fires if `slo_alert_firing` is 1 in the scrape that Prometheus stored last, of either pod.

    Where the last ones differ and the very last may still be on its way, either is right: these evaluations are left out.
    """
    prometheus = incident()
    # Each query knows all that those before it know. Counts are recorded by the group of the alerts, at the same times.
    ((_, evaluations),) = prometheus.samples('slo:window_counts:sum{sloth_window="2s",slo_count="events"}[10m]')
    alerts = prometheus.samples(f'ALERTS{{alertname="{Alert.BURN}",alertstate="firing"}}[10m]')
    shown: dict[RuleKey, list[tuple[float, str, float]]] = {}
    for labels, values in prometheus.samples('slo_alert_firing{slo_service="kiosk"}[10m]'):
        scrapes = [(at, labels["instance"], value) for at, value in values.items()]
        shown.setdefault(rule_key(labels), []).extend(scrapes)
    took = {labels["instance"]: values for labels, values in prometheus.samples("scrape_duration_seconds[10m]")}
    fired: dict[RuleKey, set[float]] = {rule: set() for rule in shown}
    for labels, values in alerts:
        fired[rule_key(labels)] |= values.keys()

    compared: Counter[RuleKey] = Counter()
    left_out = 0
    pods: Counter[str] = Counter()
    courses: dict[RuleKey, list[bool]] = {rule: [] for rule in shown}
    differences = []
    for rule, scrapes in shown.items():
        scrapes.sort()
        for now in sorted(evaluations):
            stored = max((at for at, pod, _ in scrapes if at + took[pod][at] + STORING_SECONDS <= now), default=None)
            if stored is None:
                continue
            newest = [(pod, value) for at, pod, value in scrapes if stored <= at <= now]
            if len({value for _, value in newest}) > 1:
                left_out += 1
                continue
            compared[rule] += 1
            pods[newest[0][0]] += 1
            is_firing = now in fired[rule]
            if is_firing != bool(newest[0][1]):
                differences.append((rule, now, is_firing, newest))
            if courses[rule][-1:] != [is_firing]:
                courses[rule].append(is_firing)

    changes = {" ".join(rule): len(course) - 1 for rule, course in courses.items()}
    print(f"{compared.total()} compared, {left_out} left out, {len(differences)} differ; changes: {changes}; {pods}")
    assert differences == []
    assert left_out <= compared.total() / 4
    assert len(pods) == len(compared) == 2
    assert all(any(course) and len(course) >= 3 for course in courses.values()), changes  # each came, and went


# What tells alert rules of an SLO apart: severity, long window and short window.
RuleKey = tuple[str, str, str]


def rule_key(labels: dict[str, str]) -> RuleKey:
    return labels["severity"], labels["long_window_seconds"], labels["short_window_seconds"]


def own_numbers(port: int, slo: str, definition: SLODefinition) -> dict[str, float]:
    """What the service itself shows, by the names of the records that should come close."""
    shown = scrape(port)

    def of(metric: str, **labels: str) -> float:
        wanted = {"slo": slo, **labels}.items()
        (value,) = (value for (name, found), value in shown.items() if name == metric and wanted <= dict(found).items())
        return value

    ratio = of("slo_window_failures", window_seconds="300") / of("slo_window_events", window_seconds="300")
    left = of("slo_error_budget_remaining")
    return {
        "slo:sli_error:ratio_rate5m": ratio,
        "slo:current_burn_rate:ratio": ratio / float(definition.objective.allowance),
        "slo:period_burn_rate:ratio": 1 - left,
        "slo:period_error_budget_remaining:ratio": left,
    }
