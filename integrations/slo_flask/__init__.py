"""SLOs for Flask."""

from __future__ import annotations

from slo_core.markers import slo_exempt, slo_track
from slo_flask.extension import SLO, SLOState

__all__ = ["SLO", "SLOState", "slo_exempt", "slo_track"]
