"""SLOs and error budgets for Django: `from slo_django import get_registry, slo_track, slo_exempt`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slo_core.http.markers import slo_exempt, slo_track
from slo_core.http.outcome import slo_failed, slo_outcome

if TYPE_CHECKING:
    from slo_core.tracking.registry import SLORegistry

__all__ = ["get_registry", "slo_exempt", "slo_failed", "slo_outcome", "slo_track"]


def get_registry() -> SLORegistry:
    """
    The SLOs that the settings define; the same object until an `SLO_` setting is overridden.

    Call it where you use it (a view, a task, a command) rather than once at import: `override_settings` replaces it.

    Raises:
        ConfigError: All problems of `SLO_DEFINITIONS`, or of the other `SLO_` settings.
        StoreError: The store's URL is unknown or refused.
    """
    from slo_django.installation import current

    return current.installation.registry
