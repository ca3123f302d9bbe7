"""slo-suite in one Flask application: `app.extensions["slo"]`."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask

from slo_core.config.settings import SLOSettings
from slo_core.http.recorder import HTTPRecorder
from slo_core.tracking.registry import SLORegistry

__all__ = ["EXTENSION", "Installation", "installation_of"]

# Its key in `app.extensions`.
EXTENSION = "slo"


@dataclass(frozen=True, slots=True)
class Installation:
    """
    Everything that `init_app` made for one application.

    Attributes:
        settings: The configuration except the definitions.
        registry: The SLOs.
        recorder: Counts the requests; None with `SLO_ENABLED = False`.
    """

    settings: SLOSettings
    registry: SLORegistry
    recorder: HTTPRecorder | None


def installation_of(app: Flask) -> Installation:
    """
    The installation that `init_app` made for an application.

    Raises:
        RuntimeError: `init_app` was not called.
    """
    installation = app.extensions.get(EXTENSION)
    if not isinstance(installation, Installation):
        raise RuntimeError(f"the application {app.name!r} has no SLOs; call slo.init_app(app) where it is made")
    return installation
