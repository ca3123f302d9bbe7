"""Every query of the dashboards, asked of a real Prometheus that evaluates the generated rules for a real service."""

from __future__ import annotations

import http.client
import json
import subprocess
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from promtool import Lapse, labelled, run_lapses
from slo_core import SLODefinition, SLORegistry
from slo_core.dashboards.dashboard import dashboard_queries, detail_dashboard, overview_dashboard
from slo_core.dashboards.queries import DetailQueries, OverviewQueries
from slo_core.rules.rule_set import prometheus_rules
from slo_servers import HOST, Prometheus, fetch, free_port, python, soon, start_prometheus, start_server, wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "example_projects"
SLO = "availability"


def gunicorn(application: str, *, workers: int) -> Callable[[int], list[str]]:
    return lambda port: python("-m", "gunicorn", application, "--bind", f"{HOST}:{port}", "--workers", str(workers))


@dataclass(frozen=True)
class Case:
    """
    An example under a real server.

    Attributes:
        folder: Where it runs.
        source: Where its definitions are, for `slo rules`.
        service: Its service.
        scope: Whose events its store holds.
        command: Its command line for a port.
        good: A request that is good.
        bad: One that is bad.
    """

    folder: Path
    source: str
    service: str
    scope: str
    command: Callable[[int], list[str]]
    good: str
    bad: str


CASES = {
    "two workers, one file": Case(
        EXAMPLES / "flask_api", "flask_api:SLO_DEFINITIONS", "flask-api", "host",
        gunicorn("flask_api:create_app()", workers=2), "GET /api/orders", "POST /api/orders?fail=503",
    ),
    "a process with a name": Case(
        EXAMPLES / "flask_api", "flask_api:SLO_DEFINITIONS", "flask-api", "process",
        gunicorn("flask_api:create_app()", workers=1), "GET /api/orders", "POST /api/orders?fail=503",
    ),
    "a process without a name": Case(
        EXAMPLES / "fastapi_service", "main:SLO_DEFINITIONS", "default", "process",
        lambda port: python("-m", "uvicorn", "main:app", "--host", HOST, "--port", str(port)),
        "GET /v1/products", "POST /v1/checkout/7?fail=503",
    ),
}  # fmt: skip


def rules_of(case: Case) -> str:
    """What `slo rules` prints."""
    options = ["--service", case.service, "--scope", case.scope]
    command = python("-m", "slo_core.cli", "rules", case.source, *options)
    return subprocess.run(command, cwd=case.folder, capture_output=True, text=True, check=True).stdout


def send(port: int, request: str, times: int) -> None:
    method, path = request.split(" ")
    for _ in range(times):
        connection = http.client.HTTPConnection(HOST, port, timeout=60)
        connection.request(method, path)
        connection.getresponse().read()
        connection.close()


@pytest.mark.parametrize("name", CASES)
def test_every_query_returns_data(name: str, tmp_path: Path) -> None:
    """Of both dashboards, for every kind of store; and the numbers are those of the service."""
    case = CASES[name]
    port = free_port()
    env = {"SLO_STORE": f"sqlite:///{tmp_path}/slo.db" if case.scope == "host" else "memory://"}
    overview = dashboard_queries(overview_dashboard(), {"service": ".+", "slo": ".+"})
    detail = dashboard_queries(detail_dashboard(), {"service": case.service, "slo": SLO})
    with (
        start_server(case.command(port), port=port, ready="/metrics", cwd=case.folder, env=env),
        start_prometheus([f"{HOST}:{port}"], rules=rules_of(case)) as prometheus,
    ):
        # Seen before anything has happened: counters of processes only tell what they have grown by.
        wait_until(lambda: prometheus.series("slo_target"), message="nothing was scraped")
        send(port, case.good, 80)
        send(port, case.bad, 20)
        remaining = filled(DetailQueries().budget_remaining, case)
        wait_until(lambda: (prometheus.value(remaining) or 1) < 0, message="the failures are not recorded")

        for query in (*overview, *detail):
            # The SLO has just begun: what shows judged budgets alone is empty, and has a test of its own.
            if "slo_warming_up" not in query or query.startswith("sum("):
                wait_until(lambda query=query: prometheus.series(query), message=f"no data for {query}")

        # A scrape that takes a busy machine longer than a second leaves a gap of one.
        measured = OverviewQueries().measured_seconds.replace("$service", ".+").replace("$slo", ".+")
        services = soon(
            lambda: {dict(labels)["sloth_service"] for labels in prometheus.series(measured)}, {case.service}
        )
        assert services == {case.service}
        rules = len(SLODefinition(SLO, 0.999).active_alert_rules)
        assert soon(lambda: len(prometheus.series(filled(DetailQueries().firing, case))), rules) == rules
        if case.scope == "host":
            agrees_with_the_service(prometheus, case)


@pytest.mark.parametrize("has_own_rules", [False, True], ids=["by", "match"])
def test_environments_are_told_apart(has_own_rules: bool, tmp_path: Path) -> None:
    """
    Two of them in one Prometheus, one of which fails: each has a line of the overview, and a detail page of its own.

    Both have the same rules, or each has its own, with a target of its own.
    """
    slo = SLODefinition(SLO, 0.99)
    lapse = Lapse()
    for env, failures, since in (("prod", 0, 20 * 86_400), ("staging", 500, 10 * 86_400)):
        labels = {"slo_service": "shop", "slo": SLO, "env": env, "store_id": env, "instance": env}
        for window in slo.windows:
            for metric, count in (("slo_window_events", 1000), ("slo_window_failures", failures)):
                lapse.scrape(metric, [count] * 3, window_seconds=str(window), **labels)
        for rule in slo.active_alert_rules:
            severity, long, short = map(str, rule.key)
            of_rule = {"severity": severity, "long_window_seconds": long, "short_window_seconds": short}
            lapse.scrape("slo_alert_firing", [int(failures > 0)] * 3, **of_rule, **labels)
        lapse.scrape("slo_data_since_seconds", [120 - since] * 3, **labels)
        lapse.scrape("slo_store_up", [int(env == "prod")] * 3, slo_service="shop", env=env, store_id=env)
    # What either shows: (objective, budget left, burn rate, firing rules, seconds measured, store in reach).
    numbers = {"prod": (0.99, 1, 0, 0, 20 * 86_400, 1), "staging": (0.99, -49, 50, 4, 10 * 86_400, 0)}
    groups = rules_by([slo], by=["env"])
    if has_own_rules:
        numbers["staging"] = (0.9, -4, 5, 2, 10 * 86_400, 0)
        targets = {env: SLODefinition(SLO, of_env[0]) for env, of_env in numbers.items()}
        groups = [
            {**group, "name": f"{env} {group['name']}"}
            for env, definition in targets.items()
            for group in rules_by([definition], match={"env": env})
        ]
    overview, detail = OverviewQueries(["env"]), DetailQueries(["env"])

    def in_overview(query: str, env: str) -> str:
        return query.replace("$service", ".+").replace("$slo", ".+").replace("$by_env", env)

    lines = {env: labelled("", sloth_service="shop", sloth_slo=SLO, env=env) for env in numbers}
    for index, query in enumerate(
        (
            overview.objective,
            overview.budget_remaining,
            overview.current_burn_rate,
            overview.firing,
            overview.measured_seconds,
        )
    ):
        of_lines = {line: numbers[env][index] for env, line in lines.items()}
        lapse.expect(in_overview(query, ".+"), 2, of_lines)
        lapse.expect(in_overview(query, "prod"), 2, {lines["prod"]: of_lines[lines["prod"]]})
    for query, expected in (
        (overview.stores_down, (0, 1)),
        (overview.exhausted_count, (0, 1)),
        (overview.count, (1, 1)),
    ):
        for env, number in zip(numbers, expected, strict=True):
            lapse.expect(in_overview(query, env), 2, number)
    for env, (objective, remaining, burn_rate, firing, measured, is_up) in numbers.items():
        for query, expected in (
            (detail.objective, objective),
            (detail.budget_remaining, remaining),
            (detail.current_burn_rate, burn_rate),
            (f"sum({detail.failures})", (500 if burn_rate else 0) * len(slo.windows)),
            (f"sum({detail.burn_rates})", burn_rate * len(slo.windows)),
            (f"sum({detail.firing})", firing),
            (detail.measured_seconds, measured),
            (f"sum({detail.store_up})", is_up),
        ):
            lapse.expect(query.replace("$service", "shop").replace("$slo", SLO).replace("$by_env", env), 2, expected)

    run_lapses({"groups": groups}, [lapse], tmp_path)


def test_a_rule_is_one_row_whatever_its_severity_is_called_in_the_rules(tmp_path: Path) -> None:
    """Pages are tickets, and tickets are warnings there; each rule fires or is quiet, and not both."""
    slo = SLODefinition(SLO, 0.99, alerts={"burn": "ticket"})
    lapse = Lapse()
    labels = {"slo_service": "shop", "slo": SLO, "store_id": "a"}
    for window in slo.windows:
        for metric, count in (("slo_window_events", 1000), ("slo_window_failures", 500)):
            lapse.scrape(metric, [count] * 2, window_seconds=str(window), **labels)
    rows = {}
    for severity, long, short in (rule.key for rule in slo.active_alert_rules):
        windows = {"long_window_seconds": str(long), "short_window_seconds": str(short)}
        lapse.scrape("slo_alert_firing", [1, 1], severity=severity, **windows, **labels)
        rows[labelled("", **windows)] = 1.0
    lapse.scrape("slo_data_since_seconds", [-20 * 86_400] * 2, **labels)
    lapse.expect(DetailQueries().firing.replace("$service", "shop").replace("$slo", SLO), 1, rows)

    run_lapses({"groups": rules_by([slo], severities={"ticket": "warning"})}, [lapse], tmp_path)


def test_a_budget_that_is_not_judged_yet_is_not_shown_as_spent(tmp_path: Path) -> None:
    """Where numbers have colours, and where spent budgets are counted; the line over time shows what there is."""
    lapse = Lapse()
    slos = [SLODefinition(name, 0.99, alert_rules=()) for name in ("young", "spent")]
    for slo in slos:
        labels = {"slo_service": "shop", "slo": slo.name, "store_id": "a"}
        for metric, count in (("slo_window_events", 1000), ("slo_window_failures", 500)):
            lapse.scrape(metric, [count] * 2, window_seconds=str(slo.window_seconds), **labels)
        for pod in "12":
            lapse.scrape("slo_warming_up", [int(slo.name == "young")] * 2, instance=pod, **labels)
    overview, lines = OverviewQueries(), [labelled("", sloth_service="shop", sloth_slo=slo.name) for slo in slos]

    def asked(query: str, slo: str = ".+", service: str = ".+") -> str:
        return query.replace("$service", service).replace("$slo", slo)

    lapse.expect(asked(overview.exhausted_count), 1, 1)
    lapse.expect(asked(overview.exhausted_count, "young"), 1, 0)
    lapse.expect(asked(overview.budget_judged), 1, {lines[1]: -49})
    lapse.expect(asked(overview.budget_remaining), 1, dict.fromkeys(lines, -49.0))
    lapse.expect(asked(DetailQueries().budget_judged, "young", "shop"), 1, None)
    lapse.expect(asked(DetailQueries().budget_judged, "spent", "shop"), 1, -49)

    run_lapses({"groups": rules_by(slos)}, [lapse], tmp_path)


def rules_by(slos: list[SLODefinition], **options: Any) -> list[Any]:
    """The groups of rules of a service."""
    return prometheus_rules(slos, service="shop", scope="fleet", keep_firing_for=None, **options).groups


# What public dashboards for Sloth's records ask for, in their shapes. Theirs look back over [32d:1h]; of a Prometheus that has
# just begun nothing lies on a full hour.
ONE, EVERY = '{sloth_service=~"$service",sloth_slo=~"$slo"}', '{sloth_service=~".+"}'
THIS_MONTH = f"(month() == bool vector({datetime.now(tz=UTC).month}))"
MONTHLY = f"on(sloth_id) (slo:error_budget:ratio{ONE} * on() group_left() (24 * days_in_month()))"
SLOTH_QUERIES = (
    f"1 - (max(slo:sli_error:ratio_rate5m{ONE}) or on() vector(0))",
    f"sum_over_time((slo:sli_error:ratio_rate1h{ONE} * on() group_left() {THIS_MONTH})[1h:1s]) / {MONTHLY}",
    f"1 - (sum_over_time(slo:sli_error:ratio_rate1h{ONE}[32d]) / {MONTHLY})",
    'max(ALERTS{sloth_severity="page",sloth_service=~"$service",sloth_slo=~"$slo",alertstate="firing"}) or vector(0)',
    f'sum(ALERTS{{sloth_severity="ticket",alertstate="firing"}} and on(sloth_id) sloth_slo_info{ONE}) or vector(0)',
    f"slo:current_burn_rate:ratio{ONE}",
    f"slo:period_error_budget_remaining:ratio{ONE}",
    f"slo:objective:ratio{ONE} * 100",
    f"slo:time_period:days{ONE}",
    "count(sloth_slo_info)",
    f"topk(5, slo:current_burn_rate:ratio{EVERY})",
    f"slo:current_burn_rate:ratio{EVERY} > 1",
    f"slo:period_error_budget_remaining:ratio{EVERY} * on(sloth_id) group_left(sloth_objective) sloth_slo_info{EVERY}",
    f"sum by (sloth_id) (slo:error_budget:ratio{EVERY}) * on(sloth_id) slo:current_burn_rate:ratio{EVERY}",
)


def test_dashboards_made_for_sloth_find_their_data(tmp_path: Path) -> None:
    """Their queries answer, and so do those that fill their drop-down lists."""
    case = CASES["two workers, one file"]
    port = free_port()
    env = {"SLO_STORE": f"sqlite:///{tmp_path}/slo.db"}
    # Measured for more than a tenth of its window: before that no budget is judged.
    with SLORegistry(env["SLO_STORE"], service=case.service) as registry:
        registry.define(SLODefinition(SLO, 0.999)).record_success(at=time.time() - 4 * 86_400)
    with (
        start_server(case.command(port), port=port, ready="/metrics", cwd=case.folder, env=env),
        start_prometheus([f"{HOST}:{port}"], rules=rules_of(case)) as prometheus,
    ):
        send(port, case.good, 8)
        send(port, case.bad, 2)
        left = filled("slo:period_error_budget_remaining:ratio" + ONE, case)
        wait_until(lambda: (prometheus.value(left) or 1) < 0, message="the failures are not recorded")

        for query in SLOTH_QUERIES:
            wait_until(lambda query=query: prometheus.series(filled(query, case)), message=f"none: {query}")
        wait_until(lambda: prometheus.value(filled(SLOTH_QUERIES[0], case)) == 0.8, message="8 of 10 were good")
        # The budget is spent.
        wait_until(lambda: prometheus.value(filled(SLOTH_QUERIES[4], case)), message="no ticket is seen to fire")
        count = wait_until(lambda: prometheus.value("count(sloth_slo_info)"), message="no SLO is there")
        services = values_of(prometheus, "sloth_service", "sloth_slo_info")
        slos = values_of(prometheus, "sloth_slo", f'slo:objective:ratio{{sloth_service="{case.service}"}}')
        assert services == [case.service]
        assert SLO in slos
        assert len(slos) == count


def values_of(prometheus: Prometheus, label: str, selector: str) -> list[str]:
    """What Grafana's `label_values(selector, label)` asks."""
    query = urllib.parse.urlencode({"match[]": selector})
    return json.loads(fetch(f"{prometheus.url}/api/v1/label/{label}/values?{query}"))["data"]


def filled(query: str, case: Case) -> str:
    return query.replace("$service", case.service).replace("$slo", SLO)


def agrees_with_the_service(prometheus: Prometheus, case: Case) -> None:
    """The budget of both pages is the one that every worker shows, to the last digit."""
    events = filled(DetailQueries().events, case)
    by_slo = OverviewQueries().budget_remaining.replace("$service", ".+").replace("$slo", SLO)
    # 20 of 100 are bad where 0.1 of them may be. Another worker, and the rules, may be a second behind.
    for query, expected in (
        (events, 100.0),
        (f'slo_error_budget_remaining{{slo="{SLO}"}}', -199.0),
        (filled(DetailQueries().budget_remaining, case), -199.0),
        (by_slo, -199.0),
    ):
        assert soon(lambda query=query: set(prometheus.series(query).values()), {expected}) == {expected}, query
