"""A dashboard as a document: its text, and the queries in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["dashboard_queries", "dashboard_text"]


def dashboard_text(dashboard: Mapping[str, Any]) -> str:
    """The JSON that Grafana imports or is provisioned with; the same dashboard is always the same text."""
    return json.dumps(dashboard, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def dashboard_queries(dashboard: Mapping[str, Any], variables: Mapping[str, str] | None = None) -> list[str]:
    """
    Every query of a dashboard's panels.

    Args:
        dashboard: From `overview_dashboard` or `detail_dashboard`.
        variables: What `$service` and `$slo` stand for; those left out stay as they are. A query of the overview takes
            them as regular expressions.

    Returns:
        PromQL, in the order of the panels.
    """
    values = dict(variables or {})
    return [
        re.sub(r"\$(\w+)", lambda found: values.get(found[1], found[0]), target["expr"])
        for panel in _panels(dashboard)
        for target in panel.get("targets", ())
    ]


def _panels(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for panel in holder.get("panels", ()):
        yield panel
        yield from _panels(panel)  # a row that is folded holds its panels
