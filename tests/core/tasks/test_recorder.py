"""Tasks that have ended become events of the SLOs that take them."""

from __future__ import annotations

import logging

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.objectives.task_rule import TaskRule
from slo_core.tasks.recorder import TaskRecorder
from slo_core.testing import FakeClock


def registry_of(**rules: TaskRule) -> SLORegistry:
    registry = SLORegistry(clock=FakeClock())
    for name, rule in rules.items():
        registry.define(SLODefinition(name, 0.9, task=rule))
    return registry


def counts(registry: SLORegistry) -> dict[str, tuple[int, dict[tuple[str, str], int]]]:
    """By SLO: all events, and the bad ones by their cause."""
    return {
        tracker.name: (
            tracker.snapshot().total,
            {(share.where, share.outcome): share.bad for share in tracker.causes(3600).causes},
        )
        for tracker in registry
    }


def test_a_task_counts_for_the_slos_that_name_it():
    """By globs of its name; an SLO without any takes every task; what is excluded counts for none."""
    registry = registry_of(
        all=TaskRule(exclude=("shop.report",)), shop=TaskRule(tasks=("shop.*",)), mail=TaskRule(tasks=("mail.*",))
    )
    recorder = TaskRecorder(registry, exclude=["internal.*"])

    recorder.succeeded("shop.pay", run_seconds=1)
    recorder.succeeded("shop.report", run_seconds=1)
    recorder.failed("mail.send", OSError)
    recorder.failed("internal.clean", OSError)

    mail_failed = {("mail.send", "OSError"): 1}
    assert counts(registry) == {"all": (2, mail_failed), "shop": (2, {}), "mail": (1, mail_failed)}


def test_a_late_success_is_bad():
    """By how long its last run took, or since it was due; the limit itself is in time."""
    registry = registry_of(
        run=TaskRule(latency_seconds=5), due=TaskRule(latency_seconds=5, latency_from="due"), any=TaskRule()
    )
    recorder = TaskRecorder(registry)

    recorder.succeeded("pay", run_seconds=5, due_seconds=5.1)
    recorder.succeeded("pay", run_seconds=5.1, due_seconds=5)

    slow = {("pay", "slow"): 1}
    assert [[each.duration_seconds for each in registry[name].recent_failures()] for name in ("run", "due")] == [
        [5.1]
    ] * 2
    assert counts(registry) == {"run": (2, slow), "due": (2, slow), "any": (2, {})}


def test_without_a_time_when_it_was_due_the_run_alone_is_timed():
    """Its sender said nothing."""
    registry = registry_of(due=TaskRule(latency_seconds=5, latency_from="due"))
    recorder = TaskRecorder(registry)

    recorder.succeeded("pay", run_seconds=4)
    recorder.succeeded("pay", run_seconds=6)

    assert counts(registry) == {"due": (2, {("pay", "slow"): 1})}


def test_failures_count_for_latency_unless_they_are_ignored():
    """As `latency_failures` says."""
    registry = registry_of(
        bad=TaskRule(latency_seconds=5), ignored=TaskRule(latency_seconds=5, latency_failures="ignore")
    )

    TaskRecorder(registry).failed("pay", ValueError)

    assert counts(registry) == {"bad": (1, {("pay", "ValueError"): 1}), "ignored": (0, {})}


def test_slos_of_other_kinds_count_no_tasks():
    """Requests, and what code feeds."""
    registry = registry_of()
    registry.define(SLODefinition("pages", 0.9, kind="http"))
    registry.define(SLODefinition("orders", 0.9, kind="custom"))

    TaskRecorder(registry).succeeded("pay", run_seconds=1)

    assert counts(registry) == {"pages": (0, {}), "orders": (0, {})}


def test_an_slo_that_is_added_later_counts_from_then_on():
    """Also tasks of a name that was counted before."""
    registry = registry_of(first=TaskRule())
    recorder = TaskRecorder(registry)
    recorder.succeeded("pay", run_seconds=1)

    registry.define(SLODefinition("second", 0.9, kind="task"))
    recorder.succeeded("pay", run_seconds=1)

    assert counts(registry) == {"first": (2, {}), "second": (1, {})}


def test_only_tasks_of_slos_that_ask_need_the_time_when_they_were_due():
    """Their messages carry it."""
    recorder = TaskRecorder(
        registry_of(
            due=TaskRule(tasks=("shop.*",), latency_seconds=5, latency_from="due"), run=TaskRule(latency_seconds=5)
        )
    )

    assert (recorder.needs_due("shop.pay"), recorder.needs_due("mail.send")) == (True, False)


def test_names_of_tasks_that_are_made_up_take_no_more_memory():
    """Ten thousand of them, with characters that cannot be shown."""
    registry = registry_of(all=TaskRule())
    recorder = TaskRecorder(registry)

    for number in range(10_000):
        recorder.failed(f"task\n{number}" * 50, ValueError)

    total, causes = counts(registry)["all"]
    assert total == sum(causes.values()) == 10_000
    assert len(recorder._slos) <= 1024
    assert all(where is None or (where.isprintable() and len(where) <= 100) for where, _ in causes)


def test_an_error_of_a_users_store_reaches_no_task(caplog: pytest.LogCaptureFixture):
    """It is logged and counted."""
    registry = registry_of(all=TaskRule())
    recorder = TaskRecorder(registry)
    tracker = registry["all"]
    tracker.internals.clock = _broken

    with caplog.at_level(logging.ERROR):
        recorder.failed("pay", ValueError)

    assert "a task could not be counted" in caplog.text
    assert registry.internals.errors.total == 1


def _broken() -> float:
    raise RuntimeError("no clock")
