"""A page, end to end: a service that fails, a real Prometheus with our rules, a real Alertmanager, a telephone."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

from alertmanager import start_alertmanager, start_telephone
from fleet_client import Clients
from slo_core import SLORegistry
from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULES
from slo_core.rules.rule_set import prometheus_rules
from slo_core.rules.text import rules_text
from slo_servers import HOST, free_port, python, start_prometheus, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"
BURN = "SLOErrorBudgetBurn"

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


def test_a_page_arrives_and_resolves_and_silences_the_ticket(tmp_path: Path) -> None:
    """Failures ring the telephone, in words; the slow ticket is inhibited; after the recovery the page is taken back."""
    store = f"sqlite:///{tmp_path}/slo.db"
    with SLORegistry.from_config(DEFINITIONS, store=store, service="shop") as registry:
        registry["availability"].record_success(at=time.time() - 600)  # it has been measured for ten minutes
        definitions = [tracker.definition for tracker in registry]
    rules = prometheus_rules(
        definitions, service="shop", scope="host", keep_firing_for="10s", dashboard_url="https://grafana.example/slo"
    )
    port = free_port()
    env = {
        "SERVICE_STORE": store,
        "SERVICE_NAME": "shop",
        "SERVICE_DEFINITIONS": json.dumps(DEFINITIONS),
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

    assert re.fullmatch(
        r"availability of shop burns its error budget \d+\.\d times too fast", page["annotations"]["summary"]
    )
    description = page["annotations"]["description"]
    assert re.search(r"^\d+ of \d+ events failed in the last 20s,\n\d+ of \d+ events in the last 4s\.", description)
    assert "Promised are 99.0% good in 30d" in description
    assert "Customers get an answer." in description
    assert page["annotations"]["runbook_url"] == "https://wiki.example/availability"
    assert page["annotations"]["dashboard_url"] == "https://grafana.example/slo"
    assert page["labels"]["slo"] == page["labels"]["sloth_slo"] == "availability"
    assert resolved["fingerprint"] == page["fingerprint"]
