"""Service level objectives and error budgets inside a Python service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo_core.alerting import AlertRule, AlertState
from slo_core.burn_rate import BurnRateAlert, BurnRateSample
from slo_core.definition import SLODefinition
from slo_core.errors import ConfigError, SLOError, StoreError
from slo_core.http_rule import HTTPRule
from slo_core.markers import slo_exempt, slo_track
from slo_core.registry import SLORegistry
from slo_core.sli import Observation
from slo_core.snapshot import SLOSnapshot
from slo_core.stores import InMemoryStore, ObservationStore, store_from_url
from slo_core.tracker import SLOTracker

if TYPE_CHECKING:
    from slo_core.prometheus import PrometheusExporter, SLOCollector

__version__ = "0.1.0"

__all__ = [
    "AlertRule",
    "AlertState",
    "BurnRateAlert",
    "BurnRateSample",
    "ConfigError",
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

_NEEDS_PROMETHEUS_CLIENT = ("PrometheusExporter", "SLOCollector")


def __getattr__(name: str) -> object:
    # prometheus_client takes longer to import than all the rest: only who exports pays for it.
    if name in _NEEDS_PROMETHEUS_CLIENT:
        from slo_core import prometheus

        return getattr(prometheus, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
