"""Both dashboards as plain data, ready for JSON."""

from __future__ import annotations

import json
import warnings
from importlib import import_module
from typing import Any

from slo_core.errors import SLOError

__all__ = ["SCHEMA_VERSION", "Dashboard", "detail_dashboard", "overview_dashboard"]

# The edition of Grafana's dashboard JSON, that of Grafana 12. Older ones back to Grafana 10 read it, too.
SCHEMA_VERSION = 42

Dashboard = dict[str, Any]


def overview_dashboard() -> Dashboard:
    """
    All SLOs: what is left of each budget, how fast it burns, what fires. Each row leads to the detail page.

    Raises:
        SLOError: The library that builds dashboards is not installed, or is another edition of it.
    """
    return _built("overview")


def detail_dashboard() -> Dashboard:
    """
    One SLO, picked at the top of the page: its budget, burn rates, alerts, traffic, and its store.

    Raises:
        SLOError: The library that builds dashboards is not installed, or is another edition of it.
    """
    return _built("detail")


def _built(name: str) -> Dashboard:
    try:
        with warnings.catch_warnings():
            # It would rather have us use the JSON that only Grafana 12 and newer understand.
            warnings.simplefilter("ignore", DeprecationWarning)
            build = getattr(import_module(f"slo_core.dashboards.{name}"), name)
            from grafana_foundation_sdk.cog.encoder import JSONEncoder
    except ImportError as exc:
        raise SLOError(
            f'dashboards need the Grafana Foundation SDK: pip install "slo-suite[dashboards]"; here it says: {exc}'
        ) from exc
    dashboard: Dashboard = json.loads(JSONEncoder().encode(build().build()))
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
    return dashboard
