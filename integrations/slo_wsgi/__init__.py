"""SLOs for WSGI applications of any framework: Bottle, CherryPy, Falcon, Pyramid, or none of them."""

from __future__ import annotations

from slo_core.http.markers import slo_exempt, slo_track
from slo_core.http.outcome import slo_failed, slo_outcome
from slo_wsgi.metrics import metrics_wsgi_app
from slo_wsgi.middleware import SLOMiddleware
from slo_wsgi.status import status_wsgi_app

__all__ = [
    "SLOMiddleware", "metrics_wsgi_app", "slo_exempt", "slo_failed", "slo_outcome", "slo_track", "status_wsgi_app",
]  # fmt: skip
