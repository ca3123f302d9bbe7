"""The options of a task SLO, and those that only requests have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from slo_core.errors import ConfigError, Problem
from slo_core.objectives.duration import parse_duration
from slo_core.objectives.task_rule import TaskRule

__all__ = ["TASK_KEYS", "is_task", "read_task_rule"]

_KEY_OF_FIELD = {"latency_seconds": "latency"}
TASK_KEYS = frozenset(_KEY_OF_FIELD.get(each.name, each.name) for each in fields(TaskRule))

# Of these, requests have none: an SLO with one of them counts tasks.
_TASKS_ALONE = frozenset(("tasks", "latency_from"))


def is_task(options: Mapping[str, object], *, default_kind: str) -> bool:
    """Whether the options are those of a task SLO: they say so, or name tasks, or nothing says anything else."""
    kind = options.get("kind")
    if kind is None:
        return default_kind == "task" or not _TASKS_ALONE.isdisjoint(options)
    return kind == "task"


def read_task_rule(path: str, options: Mapping[str, object], http_keys: set[str]) -> tuple[TaskRule, list[Problem]]:
    """
    The rule that the options of a task SLO describe, and their problems; a rule for all tasks where there are any.

    Args:
        path: Where the options stand.
        options: All options of the SLO.
        http_keys: The keys of SLOs that count requests.
    """
    problems = list(_problems_of_keys(path, options, http_keys))
    given: dict[str, Any] = {key: options[key] for key in TASK_KEYS & options.keys()}
    if "latency" in given:
        try:
            given["latency_seconds"] = parse_duration(given.pop("latency"))
        except ValueError as exc:
            message, _, hint = str(exc).partition("; ")
            problems.append(Problem(f"{path}.latency", message, hint))
    try:
        return TaskRule(**given), problems
    except ConfigError as exc:
        for problem in exc.problems:
            name = problem.path.partition(".")[2]
            problems.append(Problem(f"{path}.{_KEY_OF_FIELD.get(name, name)}", problem.message, problem.hint))
        return TaskRule(), problems


def _problems_of_keys(path: str, options: Mapping[str, object], http_keys: set[str]) -> Iterator[Problem]:
    for key in sorted((http_keys - TASK_KEYS) & options.keys()):
        hint = 'name its tasks: "tasks": ["shop.*"]' if key in ("routes", "views") else "drop this key"
        yield Problem(f"{path}.{key}", "a task SLO counts no requests", hint)
