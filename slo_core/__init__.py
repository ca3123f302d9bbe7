"""Service level objectives and error budgets inside a Python service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.burn_rate import BurnRateAlert, BurnRateSample
from slo_core.budgets.events import Observation
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.errors import ConfigError, SLOError, StoreError
from slo_core.http.markers import slo_exempt, slo_track
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.http_rule import HTTPRule
from slo_core.stores import InMemoryStore, ObservationStore, store_from_url
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

if TYPE_CHECKING:
    from slo_core.budgets.closed_period import ClosedPeriod
    from slo_core.budgets.episodes import Episode
    from slo_core.metrics.collector import SLOCollector
    from slo_core.metrics.exporter import PrometheusExporter

__version__ = "0.1.0"

__all__ = [
    "AlertRule",
    "AlertState",
    "BurnRateAlert",
    "BurnRateSample",
    "ClosedPeriod",
    "ConfigError",
    "Episode",
    "HTTPRule",
    "InMemoryStore",
    "Observation",
    "ObservationStore",
    "PrometheusExporter",
    "SLOCollector",
    "SLODefinition",
    "SLOError",
    "SLORegistry",
    "SLOSnapshot",
    "SLOTracker",
    "StoreError",
    "slo_exempt",
    "slo_track",
    "store_from_url",
]

_IMPORTED_LATE = {
    "ClosedPeriod": "slo_core.budgets.closed_period",
    "Episode": "slo_core.budgets.episodes",
    "PrometheusExporter": "slo_core.metrics.exporter",
    "SLOCollector": "slo_core.metrics.collector",
}


def __getattr__(name: str) -> object:
    # prometheus_client takes longer to import than all the rest: only who exports pays for it.
    if name in _IMPORTED_LATE:
        from importlib import import_module

        return getattr(import_module(_IMPORTED_LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
