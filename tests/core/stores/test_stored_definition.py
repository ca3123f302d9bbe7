"""A definition written down: it comes back whole, and a change of what counts is told from any other."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from slo_core import AlertRule, HTTPRule, SLODefinition
from slo_core.errors import StoreError
from slo_core.objectives.task_rule import TaskRule
from slo_core.stores.stored_definition import definition_from_stored, fingerprint_of, stored_definition

FULL = SLODefinition(
    '支払い "x"',
    0.9995,
    window_seconds=7 * 86_400,
    burn_rate_windows=(600, 3600),
    burn_rate_threshold=10.5,
    description="Paying works.",
    labels={"team": "money"},
    runbook="https://example.org/run",
    dashboard="https://example.org/board",
    alert_rules=(
        AlertRule("1h", "5m", severity="page", burn_rate=14.4, min_failures=5),
        AlertRule("6h", "30m", severity="ticket", budget_share=0.05),
    ),
    http=HTTPRule(routes=("/pay/*",), methods=("POST",), latency_seconds=0.3, bad_statuses=("5xx", 429)),
)


@pytest.mark.parametrize(
    "definition",
    [
        FULL,
        SLODefinition("plain", 0.99),
        SLODefinition("custom", 0.99, kind="custom"),
        SLODefinition("calendar", 0.99, window="month", timezone="UTC", alert_rules=()),
        SLODefinition("tasks", 0.99, task=TaskRule(tasks=("shop.*",), latency_seconds=30, latency_from="due")),
    ],
    ids=lambda definition: definition.name,
)
def test_a_definition_comes_back_whole(definition: SLODefinition) -> None:
    """Every field of it."""
    assert definition_from_stored(stored_definition(definition)) == definition


def test_the_same_definition_is_the_same_text() -> None:
    """In every process."""
    assert stored_definition(FULL) == stored_definition(replace(FULL))


@pytest.mark.parametrize(
    "change",
    [
        {"latency_seconds": 0.2},
        {"routes": ("/pay/*", "/refund")},
        {"bad_statuses": ("5xx",)},
        {"classify": lambda status, exception: True},
        {"unmatched": True},
        {"client_disconnect": "bad"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_rule_is_another_fingerprint(change: dict[str, object]) -> None:
    """Numbers from before and after are of different things."""
    assert FULL.http is not None
    changed = replace(FULL, http=replace(FULL.http, **change))  # type: ignore[arg-type]

    assert fingerprint_of(changed) != fingerprint_of(FULL)


def test_what_changes_no_count_changes_no_fingerprint() -> None:
    """Target, window, alerts, words, and the order of patterns."""
    assert FULL.http is not None
    reordered = replace(FULL.http, bad_statuses=(429, "5xx"))
    same = replace(FULL, target=0.99, window_seconds=30 * 86_400, alert_rules=None, description="", http=reordered)

    assert fingerprint_of(same) == fingerprint_of(FULL)
    assert len(fingerprint_of(same)) == 16


def test_custom_slos_have_a_fingerprint_too() -> None:
    """One for all: what they count is decided by code."""
    assert fingerprint_of(SLODefinition("a", 0.9)) == fingerprint_of(SLODefinition("b", 0.99, kind="custom"))


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"version": 1}', "null"])
def test_a_document_that_is_none_is_refused(document: str) -> None:
    """With a `StoreError`: it came from a store."""
    with pytest.raises(StoreError, match="a stored definition cannot be read"):
        definition_from_stored(document)


def test_a_newer_document_is_refused() -> None:
    """With what to do."""
    with pytest.raises(StoreError, match="version 2, this slo-suite knows 1: upgrade it"):
        definition_from_stored(stored_definition(FULL).replace('"version": 1', '"version": 2'))


def test_a_dashboard_is_written_only_where_there_is_one() -> None:
    """The text of a definition without one stays as it was, and a version before it reads that of any other."""
    assert "dashboard" not in stored_definition(SLODefinition("a", 0.9))


def test_ignored_statuses_are_written_only_where_there_are_some() -> None:
    """A version before them reads the text, and the fingerprint of a definition without them stays as it was."""
    plain = SLODefinition("a", 0.9, http=HTTPRule())
    ignoring = SLODefinition("a", 0.9, http=HTTPRule(ignored_statuses=(401, "3xx")))

    assert "ignored_statuses" not in stored_definition(plain)
    assert definition_from_stored(stored_definition(ignoring)).http == ignoring.http
    assert fingerprint_of(ignoring) != fingerprint_of(plain)


def test_versions_that_count_no_tasks_read_a_task_slo_as_custom() -> None:
    """They look at the kind, and at none of the keys that they do not know."""
    fields = json.loads(stored_definition(SLODefinition("tasks", 0.99, kind="task")))

    assert (fields["kind"], fields["http"]) == ("custom", None)


def test_another_rule_for_tasks_is_another_fingerprint() -> None:
    """As for requests."""
    rules = [TaskRule(), TaskRule(tasks=("shop.*",)), TaskRule(latency_seconds=3), TaskRule(exclude=("a",))]

    fingerprints = {fingerprint_of(SLODefinition("tasks", 0.99, task=rule)) for rule in rules}

    assert len(fingerprints | {fingerprint_of(SLODefinition("tasks", 0.99, kind="custom"))}) == 5
