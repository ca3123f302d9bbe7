"""Rules of SLOs that count tasks."""

from __future__ import annotations

import pytest

from slo_core import HTTPRule, SLODefinition
from slo_core.errors import ConfigError
from slo_core.objectives.task_rule import TaskRule


def test_lists_are_kept_as_tuples():
    """A rule can be compared and hashed."""
    assert hash(TaskRule(tasks=["shop.*"])) == hash(TaskRule(tasks=("shop.*",)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("tasks", "shop.*", "TaskRule.tasks: expected a list of texts, got 'shop.*'; did you mean ['shop.*']?"),
        ("exclude", (1,), "TaskRule.exclude: expected a list of texts, got (1,)"),
        ("latency_seconds", 0, "TaskRule.latency_seconds: expected seconds above 0, got 0"),
        ("latency_seconds", float("nan"), "TaskRule.latency_seconds: expected seconds above 0, got nan"),
        ("latency_from", "sent", 'TaskRule.latency_from: expected one of "start", "due", got \'sent\''),
        ("latency_failures", "good", 'TaskRule.latency_failures: expected one of "bad", "ignore", got \'good\''),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object, message: str):
    """With what was expected, and what came."""
    with pytest.raises(ConfigError) as raised:
        TaskRule(**{field: value})  # type: ignore[arg-type]

    assert message in str(raised.value)


def test_a_definition_with_a_task_rule_counts_tasks():
    """It need not say its kind; one that says it takes every task."""
    assert SLODefinition("invoices", 0.9, task=TaskRule()) == SLODefinition("invoices", 0.9, kind="task")


def test_a_definition_counts_requests_or_tasks():
    """Not both, and code feeds neither."""
    for arguments in (
        {"task": TaskRule(), "http": HTTPRule()},
        {"task": TaskRule(), "kind": "custom"},
        {"kind": "task", "http": HTTPRule()},
        {"task": "shop.*"},
    ):
        with pytest.raises(ConfigError):
            SLODefinition("invoices", 0.9, **arguments)  # type: ignore[arg-type]
