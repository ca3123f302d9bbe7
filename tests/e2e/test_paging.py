"""A page, end to end: a service that fails, a real Prometheus with our rules, a real Alertmanager, a telephone."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from alertmanager import start_alertmanager, start_telephone
from fleet_client import Clients
from slo_core import SLORegistry
from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULES
from slo_core.rules.rule_set import prometheus_rules
from slo_core.rules.text import rules_text
from slo_servers import HOST, Target, free_port, python, start_prometheus, start_server, wait_until

ROOT = Path(__file__).parents[2]
SUPPORT = ROOT / "tests" / "support"
BURN, ABSENT, CAUSES = "SLOErrorBudgetBurn", "SLOAbsent", "slo_cause_failures_total"

# The Workbook's table in seconds: nobody wants to wait for hours. The ticket needs more failures, and so comes later.
DEFINITIONS = {
    "availability": {
        "target": "99%",
        "description": "Customers get an answer.",
        "runbook": "https://wiki.example/availability",
        "burn_rate_windows": [],
        "alert_rules": [
            {"long_window": "20s", "short_window": "4s", "severity": "page", "burn_rate": 10},
            {"long_window": "60s", "short_window": "20s", "severity": "ticket", "burn_rate": 1, "min_failures": 100},
        ],
    }
}

# A ticket from 1 % of failures on, a page from 30 % on.
FIVE_SLOS = {
    name: {
        "target": "99%",
        "burn_rate_windows": [],
        "alert_rules": [
            {"long_window": "20s", "short_window": "4s", "severity": "page", "burn_rate": 30, "min_failures": 20},
            {"long_window": "20s", "short_window": "4s", "severity": "ticket", "burn_rate": 1},
        ],
    }
    for name in ("availability", "checkout", "login", "search", "signup")
}


def test_a_page_arrives_and_resolves_and_silences_the_ticket(tmp_path: Path) -> None:
    """Failures ring the telephone, in words; the slow ticket is inhibited; after the recovery the page is taken back."""
    store = f"sqlite:///{tmp_path}/slo.db"
    with SLORegistry.from_config(DEFINITIONS, store=store, service="shop") as registry:
        registry["availability"].record_success(at=time.time() - 600)  # it has been measured for ten minutes
        definitions = [tracker.definition for tracker in registry]
    rules = prometheus_rules(
        definitions,
        service="shop",
        scope="host",
        keep_firing_for="10s",
        dashboard_url="https://grafana.example/slo",
        page_url="https://shop.example/slo",
        with_causes=True,
    )
    port = free_port()
    env = {
        "SERVICE_STORE": store,
        "SERVICE_NAME": "shop",
        "SERVICE_DEFINITIONS": json.dumps(DEFINITIONS),
        "SERVICE_CAUSES": "1",
        "PYTHONPATH": str(SUPPORT),
    }
    command = python("-m", "gunicorn", "-b", f"{HOST}:{port}", "-w", "2", "fleet_service:flask_app()")
    with (
        start_telephone() as telephone,
        start_alertmanager(
            telephone, severities=["page", "ticket"], inhibit=ALERTMANAGER_INHIBIT_RULES
        ) as alertmanager,
        start_server(command, port=port, ready="/metrics", env=env),
        start_prometheus(
            [f"{HOST}:{port}"], rules=rules_text(rules.file_content()), alertmanager=alertmanager.address
        ) as prometheus,
    ):
        wait_until(lambda: prometheus.value('slo:window_events:sum{sloth_slo="availability",sloth_window="30d"}'))
        assert not telephone.calls

        def inhibited() -> bool:
            return any(
                alert["labels"]["severity"] == "ticket" and alert["status"]["inhibitedBy"]
                for alert in alertmanager.alerts()
                if alert["labels"]["alertname"] == BURN
            )

        # A quarter of what these clients ask for fails.
        with Clients(port, clients=2, pause=0.02, bad_percent=25):
            page = wait_until(lambda: telephone.told("page", BURN, "firing"), message="no page came")[0]
            wait_until(inhibited, message="the ticket was not inhibited")
        with_ticket = telephone.told("ticket", BURN, "firing")
        assert with_ticket == []

        resolved = wait_until(lambda: telephone.told("page", BURN, "resolved"), message="the page was not taken back")[
            0
        ]
        # Two workers of a shared store are scraped in turn: their counters agree, and never go back.
        assert prometheus.value(f"sum({CAUSES})") == prometheus.value('max(slo_events_total{outcome="bad"})') > 0
        assert prometheus.value(f"max(resets({CAUSES}[5m]))") == 0
        of_bad = f'{CAUSES}{{route="GET /bad",outcome="500"}}'
        assert prometheus.value(f"sum(rate({of_bad}[5m])) / sum(rate({CAUSES}[5m]))") == 1.0

    assert re.fullmatch(
        r"availability of shop burns its error budget \d+\.\d times too fast", page["annotations"]["summary"]
    )
    description = page["annotations"]["description"]
    assert re.search(r"^\d+ of \d+ events failed in the last 20s,\n\d+ of \d+ events in the last 4s\.", description)
    assert "Promised are 99.0% good in 30d" in description
    assert "Customers get an answer." in description
    assert "\nMost often: GET /bad 500.\n" in description
    assert page["annotations"]["page_url"] == "https://shop.example/slo?slo=availability"
    assert page["annotations"]["runbook_url"] == "https://wiki.example/availability"
    assert page["annotations"]["dashboard_url"] == "https://grafana.example/slo"
    assert page["labels"]["slo"] == page["labels"]["sloth_slo"] == "availability"
    assert resolved["fingerprint"] == page["fingerprint"]


def inhibit_rules_of_readme() -> list[dict[str, Any]]:
    """Those for Alertmanager, where the label `env` tells environments apart: its comments name it."""
    block = re.search(r"^inhibit_rules:\n((?:  .*\n)+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert block is not None
    rules: list[dict[str, Any]] = []
    for key, text, comment in re.findall(r"(\w+): \[(.*?)\] *(# and env)?", block[1]):
        if key == "source_matchers":
            rules.append({})
        values = text.split(", ")
        rules[-1][key] = [*values, "env"] if comment else values
    without_env = [{**rule, "equal": [label for label in rule["equal"] if label != "env"]} for rule in rules]
    assert without_env == list(ALERTMANAGER_INHIBIT_RULES)
    assert all("env" in rule["equal"] for rule in rules)
    return rules


def test_environments_page_for_themselves_and_a_dead_service_pages_once(tmp_path: Path) -> None:
    """
    Two environments of a service with five SLOs, in one Prometheus with `--by env` and in one with `--match env=prod`.

    Staging pages, and silences no ticket of production. Production dies: one page, which silences its tickets and nothing
    of staging. Staging dies: its pages are silenced by one. All of that is no business of `--match env=prod`. The ten minutes
    that `SLOAbsent` waits are two seconds here.
    """
    inhibit = inhibit_rules_of_readme()
    with ExitStack() as running:
        servers = {}
        for env in ("prod", "staging"):
            store = f"sqlite:///{tmp_path}/{env}.db"
            with SLORegistry.from_config(FIVE_SLOS, store=store, service="shop") as registry:
                for tracker in registry:
                    tracker.record_success(at=time.time() - 600)  # it has been measured for ten minutes
                definitions = [tracker.definition for tracker in registry]
            port = free_port()
            variables = {"SERVICE_STORE": store, "SERVICE_NAME": "shop", "SERVICE_DEFINITIONS": json.dumps(FIVE_SLOS)}
            servers[env] = running.enter_context(
                start_server(
                    python("-m", "gunicorn", "-b", f"{HOST}:{port}", "fleet_service:flask_app()"),
                    port=port, ready="/metrics", env={**variables, "PYTHONPATH": str(SUPPORT)},
                )
            )  # fmt: skip
        targets = [Target(f"{HOST}:{server.port}", {"env": env}) for env, server in servers.items()]
        telephones, alertmanagers, prometheuses = {}, {}, {}
        for option, environments in {"by": {"by": ["env"]}, "match": {"match": {"env": "prod"}}}.items():
            content = prometheus_rules(
                definitions, service="shop", scope="host", keep_firing_for="2m", **environments
            ).file_content()
            for rule in (rule for group in content["groups"] for rule in group["rules"]):
                if rule.get("alert") == ABSENT:
                    rule["for"] = "2s"
            telephones[option] = running.enter_context(start_telephone())
            alertmanagers[option] = running.enter_context(
                start_alertmanager(telephones[option], severities=["page", "ticket"], inhibit=inhibit)
            )
            prometheuses[option] = running.enter_context(
                start_prometheus(targets, rules=rules_text(content), alertmanager=alertmanagers[option].address)
            )

        def rung(option: str, receiver: str, env: str) -> Counter[str]:
            """How often which alert rang so far."""
            return Counter(
                call["labels"]["alertname"]
                for called, call in list(telephones[option].calls)
                if (called, call["status"], call["labels"]["env"]) == (receiver, "firing", env)
            )

        def silenced(option: str, env: str) -> Counter[tuple[str, str, bool]]:
            """What Alertmanager knows of an environment: alert, severity, and whether another silences it."""
            return Counter(
                (alert["labels"]["alertname"], alert["labels"]["severity"], bool(alert["status"]["inhibitedBy"]))
                for alert in alertmanagers[option].alerts()
                if alert["labels"]["env"] == env
            )

        def die(env: str) -> None:
            os.killpg(servers[env].process.pid, signal.SIGKILL)

        for prometheus in prometheuses.values():
            wait_until(lambda prometheus=prometheus: prometheus.series("slo:window_events:sum"))
        with Clients(servers["staging"].port, clients=2, pause=0.02, bad_percent=80):
            wait_until(lambda: rung("by", "page", "staging")[BURN] == len(FIVE_SLOS))
            with Clients(servers["prod"].port, clients=2, pause=0.02, bad_percent=4):
                for option in telephones:
                    wait_until(
                        lambda option=option: rung(option, "ticket", "prod")[BURN] == len(FIVE_SLOS),
                        message=f"{option}: not every ticket of production came",
                    )
            assert [rung(option, "page", "prod") for option in telephones] == [{}, {}]

            die("prod")
            for option in telephones:
                of_dead = {(ABSENT, "page", False): 1, (BURN, "ticket", True): len(FIVE_SLOS)}
                wait_until(lambda option=option, expected=of_dead: silenced(option, "prod") == expected)
            assert silenced("by", "staging")[BURN, "page", False] == len(FIVE_SLOS)
        die("staging")
        wait_until(lambda: silenced("by", "staging")[BURN, "page", True] == len(FIVE_SLOS))
        # Nothing else comes in two more evaluations, of which Alertmanager hears at once.
        repeated = f'count_over_time(ALERTS{{alertname="{ABSENT}",alertstate="firing",env="staging"}}[1m]) >= 4'
        wait_until(lambda: prometheuses["by"].series(repeated))

        assert [rung(option, "page", "prod") for option in telephones] == [{ABSENT: 1}, {ABSENT: 1}]
        assert rung("by", "page", "staging") == {ABSENT: 1, BURN: len(FIVE_SLOS)}
        assert {call["labels"]["env"] for _, call in telephones["match"].calls} == {"prod"}
