"""
Routes of slo-suite: `path("", include("slo_django.urls"))`.

The include decides the prefix, `SLO_METRICS_PATH` what follows it.
"""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, clear_url_caches, path

from slo_core.conventions import DEFAULT_METRICS_PATH
from slo_django import views

__all__ = ["app_name", "urlpatterns"]

app_name = "slo"


def _patterns() -> list[URLPattern]:
    metrics_path = getattr(settings, "SLO_METRICS_PATH", DEFAULT_METRICS_PATH)
    if not isinstance(metrics_path, str):  # switched off: the view answers 404, and its name still reverses
        metrics_path = DEFAULT_METRICS_PATH
    return [
        path(metrics_path.lstrip("/"), views.metrics, name="metrics"),
    ]


urlpatterns = _patterns()


def refresh() -> None:
    """`SLO_METRICS_PATH` was overridden: answer there. In place, because included patterns are held by reference."""
    urlpatterns[:] = _patterns()
    clear_url_caches()
