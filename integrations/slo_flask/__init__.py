"""SLOs and error budgets for Flask: `from slo_flask import SLO`."""

from __future__ import annotations

from slo_core.http.markers import slo_exempt, slo_track
from slo_core.http.outcome import slo_failed, slo_outcome
from slo_flask.extension import SLO

__all__ = ["SLO", "slo_exempt", "slo_failed", "slo_outcome", "slo_track"]
