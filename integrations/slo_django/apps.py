"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["SLOConfig"]


class SLOConfig(AppConfig):
    """Registers the system checks; nothing is counted, opened or started before the first request or record."""

    name = "slo_django"
    label = "slo_django"
    verbose_name = "SLOs"

    def ready(self) -> None:
        from slo_django import checks, signals

        checks.register()
        signals.connect()
