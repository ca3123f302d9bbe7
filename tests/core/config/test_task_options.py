"""Options of task SLOs, as people write them."""

from __future__ import annotations

import pytest

from slo_core.config.definitions import parse_definitions
from slo_core.errors import ConfigError
from slo_core.objectives.task_rule import TaskRule


def test_an_slo_that_names_tasks_counts_tasks():
    """Among others that count requests, or that code feeds."""
    parsed = parse_definitions(
        {
            "pages": {"target": "99%", "latency": "300ms"},
            "invoices": {"target": "99%", "tasks": ["shop.*"], "latency": "30s", "latency_from": "due"},
            "all": {"target": "99%", "kind": "task"},
            "orders": {"target": "99%", "kind": "custom"},
        }
    )

    assert [each.kind for each in parsed] == ["http", "task", "task", "custom"]
    assert parsed[1].task == TaskRule(tasks=("shop.*",), latency_seconds=30, latency_from="due")
    assert (parsed[1].latency_seconds, parsed[1].http, parsed[2].task) == (30, None, TaskRule())


def test_where_tasks_are_counted_an_slo_counts_tasks_unless_it_says_otherwise():
    """The default of an integration for a queue."""
    config = {"all": {"target": 0.9}, "pages": {"target": 0.9, "kind": "http", "routes": ["/pay"]}}

    assert [each.kind for each in parse_definitions(config, default_kind="task")] == ["task", "http"]


def test_defaults_go_where_they_belong():
    """A latency to both; routes to requests alone, and the start of the time to tasks alone."""
    pages, invoices, orders = parse_definitions(
        {
            "pages": {"target": 0.9},
            "invoices": {"target": 0.9, "tasks": ["shop.*"]},
            "orders": {"target": 0.9, "kind": "custom"},
        },
        defaults={"latency": "2s", "methods": ["POST"], "latency_from": "due"},
    )

    assert pages.http is not None
    assert (pages.http.methods, pages.latency_seconds) == (("POST",), 2)
    assert invoices.task == TaskRule(tasks=("shop.*",), latency_seconds=2, latency_from="due")
    assert (orders.http, orders.task) == (None, None)


def test_keys_that_mean_nothing_for_a_task_are_refused():
    """All at once, each with its place and what to do."""
    with pytest.raises(ConfigError) as raised:
        parse_definitions(
            {
                "invoices": {
                    "target": 0.9, "tasks": "shop.*", "routes": ["/pay"], "methods": ["GET"], "latency": "soon",
                    "bad_statuses": ["5xx"],
                },
                "pages": {"target": 0.9, "kind": "http", "tasks": ["shop.*"]},
                "orders": {"target": 0.9, "kind": "custom", "latency_from": "due"},
            }
        )  # fmt: skip

    problems = {problem.path.removeprefix("SLO_DEFINITIONS"): problem for problem in raised.value.problems}
    assert sorted(problems) == [
        "['invoices'].bad_statuses", "['invoices'].latency", "['invoices'].methods", "['invoices'].routes",
        "['invoices'].tasks", "['orders'].latency_from", "['pages'].tasks",
    ]  # fmt: skip
    assert problems["['invoices'].routes"].message == "a task SLO counts no requests"
    assert problems["['invoices'].routes"].hint == 'name its tasks: "tasks": ["shop.*"]'
    assert problems["['invoices'].tasks"].hint == "did you mean ['shop.*']?"
