"""
Grafana dashboards for SLOs: an overview of all, and a page about one.

They show what the rules of `slo_core.rules` record, so that numbers are right for every kind of store, and beside it what
only the application knows. Building them needs `pip install "slo-suite[dashboards]"`.
"""

from __future__ import annotations

from slo_core.dashboards.dashboard import (
    SCHEMA_VERSION,
    Dashboard,
    dashboard_queries,
    dashboard_text,
    detail_dashboard,
    overview_dashboard,
)

__all__ = [
    "SCHEMA_VERSION",
    "Dashboard",
    "dashboard_queries",
    "dashboard_text",
    "detail_dashboard",
    "overview_dashboard",
]
