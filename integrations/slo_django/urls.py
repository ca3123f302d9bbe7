"""
Routes of slo-suite: `path("", include("slo_django.urls"))`.

The include decides the prefix, `SLO_METRICS_PATH` and `SLO_STATUS_PATH` the rest.
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
    patterns = [path(metrics_path.lstrip("/"), views.metrics, name="metrics")]
    status_path = getattr(settings, "SLO_STATUS_PATH", None)
    if isinstance(status_path, str) and status_path.strip("/"):  # otherwise these paths belong to the project
        status_path = status_path.strip("/")
        patterns += [
            path(status_path, views.page, name="status"),
            path(f"{status_path}.json", views.page_json, name="status-json"),
            path(f"{status_path}/<str:name>", views.asset, name="status-asset"),
        ]
    return patterns


urlpatterns = _patterns()


def refresh() -> None:
    """A path was overridden: answer there. The list is changed in place, because an include holds it by reference."""
    urlpatterns[:] = _patterns()
    clear_url_caches()
