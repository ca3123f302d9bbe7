"""Rules and groups of rules as plain data, in the shape of a rule file of Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from slo_core.conventions import Alert, Label
from slo_core.rules.annotation import literal
from slo_core.rules.names import RuleLabel
from slo_core.rules.severities import Severities

__all__ = ["AlertingRule", "RecordingRule", "RuleFileContent", "RuleGroup", "alerting_rule"]


class RecordingRule(TypedDict):
    """A rule that records a series."""

    record: str
    expr: str
    labels: dict[str, str]


# `for` is a keyword in Python.
_Times = TypedDict("_Times", {"for": NotRequired[str], "keep_firing_for": NotRequired[str]})


class AlertingRule(_Times):
    """A rule that alerts."""

    alert: str
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str]


class RuleGroup(TypedDict):
    """Rules that Prometheus evaluates in order; a rule sees the records of those before it."""

    name: str
    rules: list[RecordingRule | AlertingRule]


class RuleFileContent(TypedDict):
    """The content of a rule file."""

    groups: list[RuleGroup]


def alerting_rule(
    name: str,
    expr: str,
    *,
    severity: str,
    severities: Severities,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    inhibit: str = "",
    pending: str = "",
    keep_firing_for: str = "",
) -> AlertingRule | None:
    """
    An alerting rule with the labels that all alerts have.

    Args:
        name: Name of the alert.
        expr: When it fires, in PromQL.
        severity: Its default one: `"page"` or `"ticket"` by convention.
        severities: Those that are configured.
        labels: More labels, as templates.
        annotations: Text for people, as templates.
        inhibit: `"source"` silences every `"target"` of its family; empty takes no part.
        pending: How long the condition must hold, as Prometheus writes it; empty fires immediately.
        keep_firing_for: How long it outlives its condition; empty ends with it.

    Returns:
        None where the alert is off.
    """
    chosen = severities.of(name, severity)
    if chosen is None:
        return None
    times: _Times = {}
    if pending:
        times["for"] = pending
    if keep_firing_for:
        times["keep_firing_for"] = keep_firing_for
    of_severity = {
        Label.SEVERITY: literal(severities.name_of(chosen)),
        RuleLabel.SLOTH_SEVERITY: literal(chosen),
    }
    every = {**labels, **of_severity, RuleLabel.FAMILY: Alert.FAMILY_OF[name]}
    if inhibit:
        every[RuleLabel.INHIBIT] = inhibit
    return {"alert": name, "expr": expr, **times, "labels": every, "annotations": dict(annotations)}
