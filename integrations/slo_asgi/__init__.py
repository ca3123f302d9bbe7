"""SLOs for ASGI applications: FastAPI, Starlette, or none of them."""

from __future__ import annotations

from slo_asgi.instrument import instrument
from slo_asgi.lifespan import with_lifespan
from slo_asgi.metrics import metrics_app
from slo_asgi.middleware import SLOMiddleware
from slo_asgi.observer import RouterObserver
from slo_core.http.markers import slo_exempt, slo_track
from slo_core.http.outcome import slo_failed, slo_outcome

__all__ = [
    "RouterObserver", "SLOMiddleware", "instrument", "metrics_app", "slo_exempt", "slo_failed", "slo_outcome", "slo_track",
    "with_lifespan",
]  # fmt: skip
