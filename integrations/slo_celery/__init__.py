"""SLOs for Celery's tasks: `instrument_celery(app, {"invoices": {"target": "99%", "tasks": ["shop.*"]}})`."""

from __future__ import annotations

from slo_celery.instrument import instrument_celery

__all__ = ["instrument_celery"]
