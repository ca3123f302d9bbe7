"""The facts on the page of one SLO: its state, its definition and its store."""

from __future__ import annotations

from datetime import UTC, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.wording import (
    NOTHING,
    allowed_text,
    measured_text,
    percent,
    target_digits,
    target_text,
    time_left_text,
    window_text,
)
from slo_core.objectives.definition import DEFAULT_BURN_RATE_THRESHOLD, DEFAULT_BURN_RATE_WINDOWS, SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.http_rule import HTTPRule, classifier_name
from slo_core.objectives.task_rule import TaskRule
from slo_core.status.state import budget_state, burning_now
from slo_core.status_page.definition_links import definition_facts
from slo_core.status_page.markup import Node, element, timestamp
from slo_core.status_page.overview import badge, budget_cell
from slo_core.tracking.registry import SLORegistry

__all__ = ["facts"]

# Pairs of a label and a value.
_Facts = list[tuple[str, Node | tuple[Node, ...]]]


def facts(definition: SLODefinition, snapshot: SLOSnapshot, registry: SLORegistry, zone: tzinfo = UTC) -> ET.Element:
    """The state of the SLO, its definition and its store."""
    digits = target_digits(snapshot.target)
    has_data, burning = snapshot.has_data, burning_now(snapshot)
    allowed = snapshot.error_budget_ratio * snapshot.total
    state: _Facts = [
        ("Burning now", "no" if burning is None else badge(burning)),
        ("Budget", badge(budget_state(snapshot))),
        ("Success", percent(snapshot.success_ratio, digits + 1) if has_data else NOTHING),
        ("Budget left", budget_cell(snapshot)),
        ("Bad events", f"{number(snapshot.failures)} of {allowed_text(allowed)} allowed" if has_data else NOTHING),
        ("Events", number(snapshot.total)),
        ("Exhausted in", time_left_text(snapshot)),
        ("Measured", measured_text(definition, snapshot)),
        ("Measured since", timestamp(snapshot.data_since, zone)),
        ("Last event", timestamp(snapshot.last_event_at, zone)),
    ]
    if not snapshot.is_complete:
        state.append(("Counts kept since", timestamp(snapshot.covered_since, zone)))
    if snapshot.definition_changed_at is not None:
        state.append(("Definition changed", timestamp(snapshot.definition_changed_at, zone)))
    if snapshot.dropped:
        state.append(("Too late to count", f"{number(snapshot.dropped)} events"))
    return element(
        "div",
        _list("How it stands", state),
        # The script writes no numbers in it as the reader's browser does.
        _list("Definition", _definition(definition), class_="slo-as-written"),
        _list("Store", _store(registry, zone)),
        class_="slo-facts",
    )


def _definition(definition: SLODefinition) -> _Facts:
    entries: _Facts = [
        ("Target", target_text(definition)),
        ("Window", window_text(definition)),
    ]
    if definition.period is not None:
        entries.append(("Time zone", definition.timezone))
    rule = definition.http
    if definition.task is not None:
        entries += _of_tasks(definition.task)
    elif rule is None:
        entries.append(("Fed by", "your own code"))
    else:
        entries += [
            (label, ", ".join(str(value) for value in values))
            for label, values in (
                ("Routes", rule.routes),
                ("Views", rule.views),
                ("Methods", rule.methods),
                ("Excluded", rule.exclude),
                ("Bad statuses", rule.bad_statuses if rule.classify is None else ()),
                ("Ignored statuses", rule.ignored_statuses),
            )
            if values
        ]
        if not rule.routes and not rule.views:
            entries.append(("Counts", "every request that is not excluded"))
        if rule.classify is not None:
            entries.append(("Classified by", classifier_name(rule.classify)))
        if rule.latency_seconds is not None:
            entries.append(("Good within", f"{rule.latency_seconds:g} s, {rule.latency_of}"))
        entries += _unusual(rule)
    if definition.burn_rate_windows != DEFAULT_BURN_RATE_WINDOWS:
        windows = ", ".join(format_duration(seconds) for seconds in definition.burn_rate_windows)
        entries.append(("Burn windows", windows or "none"))
    if definition.burn_rate_threshold != DEFAULT_BURN_RATE_THRESHOLD:
        entries.append(("Burn threshold", f"{definition.burn_rate_threshold:g}x"))
    entries += [(f"Label {name}", value) for name, value in definition.labels.items()]
    return [*entries, *definition_facts(definition)]


def _of_tasks(rule: TaskRule) -> _Facts:
    entries: _Facts = [("Tasks", ", ".join(rule.tasks) or "every task that is not excluded")]
    if rule.exclude:
        entries.append(("Excluded", ", ".join(rule.exclude)))
    if rule.latency_seconds is not None:
        since = "it starts" if rule.latency_from == "start" else "it is due"
        entries.append(("Good within", f"{rule.latency_seconds:g} s since {since}"))
        if rule.latency_failures != "bad":
            entries.append(("Failed tasks", rule.latency_failures))
    return entries


def _unusual(rule: HTTPRule) -> _Facts:
    """The options that differ from their defaults."""
    usual = HTTPRule()
    entries: _Facts = []
    if rule.latency_failures != usual.latency_failures:
        entries.append(("Failed responses", rule.latency_failures))
    if rule.client_disconnect != usual.client_disconnect:
        entries.append(("Client went away", rule.client_disconnect))
    if rule.unmatched:
        entries.append(("Unmatched requests", "are counted"))
    return entries


def _store(registry: SLORegistry, zone: tzinfo) -> _Facts:
    store, health = registry.store, registry.store.health()
    entries: _Facts = [
        ("Kind", f"{store.backend}, counts of one {store.scope}"),
        ("Reached", "yes" if health.is_up else "no: the last attempt failed"),
    ]
    if store.store_id is not None:
        entries += [
            ("Service", element("bdi", registry.service)),
            ("Created", timestamp(store.created, zone)),
            ("Waiting to be written", f"{number(health.flush_lag_seconds, '.1f')} s at most"),
            # Adding 0.0 turns -0.0 into 0.0.
            ("Clock ahead of it by", f"{number(round(health.clock_skew_seconds, 1) + 0.0, '.1f')} s"),
            ("Failed attempts", number(health.errors)),
            ("Seen to lose counts", f"{number(health.losses)} times by this process"),
        ]
    return entries


def _list(title: str, pairs: _Facts, class_: str | None = None) -> ET.Element:
    entries = [
        element(
            "div", element("dt", label), element("dd", *(value if isinstance(value, tuple) else (value,)), dir="auto")
        )
        for label, value in pairs
    ]
    return element("section", element("h2", title), element("dl", *entries), class_=class_)
