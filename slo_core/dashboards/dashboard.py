"""The two Grafana dashboards as plain data, their JSON text and their queries."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any

from slo_core.errors import ConfigError, SLOError
from slo_core.rules.check import by_problems

__all__ = [
    "SCHEMA_VERSION",
    "Dashboard",
    "dashboard_queries",
    "dashboard_text",
    "detail_dashboard",
    "overview_dashboard",
]

# The schema of dashboards in Grafana 12; Grafana 10 and 11 read it, too.
SCHEMA_VERSION = 42

Dashboard = dict[str, Any]


def overview_dashboard(by: Iterable[str] = ()) -> Dashboard:
    """
    All SLOs: how much of each budget is left, how fast it burns, which alerts fire. Each row links to the detail page.

    Args:
        by: Labels that tell environments apart, as the rules have them: each can be picked at the top of the page.

    Raises:
        ConfigError: Not names of labels.
        SLOError: The library that builds dashboards is not installed, or has another version.
    """
    return _built("overview", by)


def detail_dashboard(by: Iterable[str] = ()) -> Dashboard:
    """
    One SLO, picked at the top of the page: its budget, burn rates, alerts, traffic, and its store.

    Args:
        by: Labels that tell environments apart, as the rules have them: each can be picked at the top of the page.

    Raises:
        ConfigError: Not names of labels.
        SLOError: The library that builds dashboards is not installed, or has another version.
    """
    return _built("detail", by)


def dashboard_text(dashboard: Mapping[str, Any]) -> str:
    """The JSON that Grafana imports or is provisioned with; the same dashboard is always the same text."""
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def dashboard_queries(dashboard: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> list[str]:
    """
    Every query of a dashboard's panels.

    Args:
        dashboard: From `overview_dashboard` or `detail_dashboard`.
        variables: Values of `$service` and `$slo`, and of `$by_env` for a label `env`; other variables stay as they are.
            The overview takes regular expressions.

    Returns:
        PromQL, in the order of the panels.
    """
    values = dict(variables or {})
    return [
        re.sub(r"\$(\w+)", lambda match: values.get(match[1], match[0]), target["expr"])
        for panel in _panels(dashboard)
        for target in panel.get("targets", ())
    ]


def _built(name: str, by: Iterable[str]) -> Dashboard:
    labels = (by,) if isinstance(by, str) else tuple(by)
    if problems := list(by_problems(labels)):
        raise ConfigError(problems)
    try:
        with warnings.catch_warnings():
            # The library recommends JSON that only Grafana 12 and newer understand.
            warnings.simplefilter("ignore", DeprecationWarning)
            build = getattr(import_module(f"slo_core.dashboards.{name}"), name)
            from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ImportError as exc:
        raise SLOError(
            f'dashboards need the Grafana Foundation SDK: pip install "slo-suite[dashboards]"; here it says: {exc}'
        ) from exc
    dashboard: Dashboard = json.loads(JSONEncoder().encode(build(labels).build()))
    if dashboard["schemaVersion"] != SCHEMA_VERSION:
        raise SLOError(
            f"expected the Grafana Foundation SDK to write schema version {SCHEMA_VERSION}, it writes "
            f'{dashboard["schemaVersion"]}: pip install "grafana-foundation-sdk>=0.0.21,<0.1"'
        )
    # Links to a panel name its number; the library leaves them out.
    for number, panel in enumerate(dashboard["panels"], start=1):
        panel["id"] = number
    for link in dashboard["links"]:
        link.pop("placement", None)  # its only value hides the link in a menu
    # What the current schema, that of Grafana 13, no longer knows: of intervals alone, what a query is called in a list, and
    # a table's sums, which moved to its columns.
    for variable in dashboard["templating"]["list"]:
        for key in ("auto", "auto_min", "auto_count", "definition"):
            variable.pop(key, None)
    for panel in dashboard["panels"]:
        if panel["type"] == "table":
            panel["options"].pop("footer", None)
    return dashboard


def _panels(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in holder.get("panels", ()):
        yield panel
        yield from _panels(panel)  # a row that is folded holds its panels
