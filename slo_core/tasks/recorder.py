"""Counts background tasks, whatever queue runs them, for the SLOs of a registry."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from slo_core.budgets.causes import Cause
from slo_core.http.globs import compile_globs
from slo_core.objectives.task_rule import TaskRule
from slo_core.process.internal_errors import user_code_errors
from slo_core.stores.failure_buffer import EventDetails
from slo_core.tracking.cause_names import exception_name, exception_text
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

__all__ = ["TaskRecorder"]

_SLOW = "slow"
_NOT_COUNTED = "a task could not be counted"

# An application has so many tasks and more only where their names are made while it runs.
_REMEMBERED_NAMES = 1024


class _BoundSLO(NamedTuple):
    """An SLO that takes the tasks of one name."""

    tracker: SLOTracker
    rule: TaskRule


class TaskRecorder:
    """
    Counts each task once, when it has ended for good.

    It never raises, and never waits. Safe to use from any thread.

    Args:
        registry: Every definition with a `task` part counts. SLOs added later count from then on.
        exclude: Globs of task names that count for no SLO.
    """

    __slots__ = ("__weakref__", "_exclude", "_slos", "registry")

    def __init__(self, registry: SLORegistry, *, exclude: Iterable[str] = ()) -> None:
        self.registry = registry
        self._exclude = compile_globs(exclude)
        self._slos: dict[str, tuple[_BoundSLO, ...]] = {}
        registry.internals.definition_listeners.append(self._forget)

    def needs_due(self, name: str) -> bool:
        """Whether an SLO asks when a task of that name was due."""
        return any(rule.latency_seconds is not None and rule.latency_from == "due" for _, rule in self._taking(name))

    def succeeded(self, name: str, *, run_seconds: float, due_seconds: float | None = None) -> None:
        """
        A task has succeeded.

        Args:
            name: The task's name.
            run_seconds: How long its last run took.
            due_seconds: How long ago it was due; None where that is not known, and the run alone is looked at.
        """
        try:
            for tracker, rule in self._taking(name):
                taken = run_seconds if rule.latency_from == "start" or due_seconds is None else due_seconds
                if rule.latency_seconds is None or taken <= rule.latency_seconds:
                    tracker.record(True)
                else:
                    tracker.internals.record_cause(tracker, _cause(name, _SLOW), EventDetails(taken))
        except user_code_errors() as exc:  # the task has ended, whatever a store of the user's own raises
            self.registry.internals.errors.report(_NOT_COUNTED, exc)

    def failed(self, name: str, exception_type: type[BaseException] | str) -> None:
        """
        A task has failed, and is not run again.

        Args:
            name: The task's name.
            exception_type: What it has raised, or why it was given up: the class, or its name.
        """
        try:
            outcome = _outcome(exception_type)
            for tracker, rule in self._taking(name):
                if rule.latency_seconds is None or rule.latency_failures == "bad":
                    tracker.internals.record_cause(tracker, _cause(name, outcome))
        except user_code_errors() as exc:  # as above
            self.registry.internals.errors.report(_NOT_COUNTED, exc)

    def _taking(self, name: str) -> tuple[_BoundSLO, ...]:
        slos = self._slos  # replaced by `_forget`
        try:
            return slos[name]
        except KeyError:
            if len(slos) >= _REMEMBERED_NAMES:
                slos.clear()
            return slos.setdefault(name, tuple(self._match(name)))

    def _match(self, name: str) -> Iterable[_BoundSLO]:
        if self._exclude is not None and self._exclude.match(name):
            return
        for tracker in self.registry:
            rule = tracker.definition.task
            if rule is None:
                continue
            tasks, exclude = compile_globs(rule.tasks), compile_globs(rule.exclude)
            if (tasks is None or tasks.match(name)) and not (exclude is not None and exclude.match(name)):
                yield _BoundSLO(tracker, rule)

    def _forget(self) -> None:
        """An SLO was added."""
        self._slos = {}


def _outcome(exception_type: type[BaseException] | str) -> str:
    return exception_text(exception_type) if isinstance(exception_type, str) else exception_name(exception_type)


def _cause(name: str, outcome: str) -> Cause:
    printable = "".join(each if each.isprintable() else "?" for each in name[:200])
    return Cause(printable or "unnamed", outcome).cut()
