"""What users of Celery write; it must pass `mypy --strict`."""

from __future__ import annotations

from typing import assert_type

from celery import Celery

from slo_celery import instrument_celery
from slo_core import SLODefinition, SLORegistry
from slo_core.objectives.task_rule import TaskRule
from slo_core.testing import FakeClock

app = Celery("shop")

assert_type(instrument_celery(app, {"invoices": {"target": "99%", "tasks": ["shop.*"]}}), SLORegistry)
assert_type(
    instrument_celery(
        app, [SLODefinition("invoices", 0.99, task=TaskRule(tasks=("shop.*",), latency_from="due"))],
        store="sqlite:///slo.db", service="shop", release="4.2", exclude=["shop.report"], clock=FakeClock(),
    ),
    SLORegistry,
)  # fmt: skip
assert_type(instrument_celery(app, registry=SLORegistry()), SLORegistry)
instrument_celery(app)  # of a Django project
