"""An SLO's definition as a document that a store keeps: for readers without the configuration, and to notice changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from slo_core.errors import StoreError
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.http_rule import HTTPRule, classifier_name
from slo_core.objectives.task_rule import TaskRule

__all__ = ["definition_from_stored", "fingerprint_of", "stored_definition"]

DOCUMENT_VERSION = 1

# These decide which requests count, and which are good; the other fields change no count.
_COUNTING_FIELDS = (
    "routes", "views", "methods", "exclude", "latency_seconds", "latency_of", "latency_failures", "bad_statuses",
    "client_disconnect", "unmatched",
)  # fmt: skip

# Fields that came later. Their defaults are not written: then a version that does not know them reads the text, and the
# fingerprint of a definition without them stays as it was.
_LATER_COUNTING_FIELDS = ("ignored_statuses",)
_LATER_TEXTS = ("dashboard",)

_TASK_FIELDS = ("tasks", "exclude", "latency_seconds", "latency_from", "latency_failures")


def stored_definition(definition: SLODefinition) -> str:
    """
    The definition as JSON text; the same definition is always the same text.

    A `classify` callable is code: only its name is written down.
    """
    rules = definition.alert_rules
    fields: dict[str, Any] = {
        "version": DOCUMENT_VERSION,
        "name": definition.name,
        "target": definition.target,
        "window_seconds": definition.window_seconds,
        "window": definition.window,
        "timezone": definition.timezone,
        "burn_rate_windows": list(definition.burn_rate_windows),
        "burn_rate_threshold": definition.burn_rate_threshold,
        "description": definition.description,
        # Versions that count no tasks read it as an SLO that code feeds.
        "kind": "custom" if definition.task is not None else definition.kind,
        "labels": dict(definition.labels),
        "runbook": definition.runbook,
        "alert_rules": None if rules is None else [_rule_fields(rule) for rule in rules],
        "http": _http_fields(definition.http),
        **{name: text for name in _LATER_TEXTS if (text := getattr(definition, name))},
        **({} if definition.task is None else {"task": _task_fields(definition.task)}),
    }
    return json.dumps(fields, sort_keys=True, ensure_ascii=True)


def definition_from_stored(text: str) -> SLODefinition:
    """
    The definition that a stored text describes; requests cannot be classified by it where `classify` was code.

    Raises:
        StoreError: The text is not one of `stored_definition`, or of a newer version.
    """
    try:
        fields = json.loads(text)
        version = fields["version"]
        if version > DOCUMENT_VERSION:
            raise StoreError(
                f"a stored definition has version {version}, this slo-suite knows {DOCUMENT_VERSION}: upgrade it"
            )
        rules = fields["alert_rules"]
        http, task = fields["http"], fields.get("task")
        return SLODefinition(
            fields["name"],
            fields["target"],
            window_seconds=fields["window_seconds"],
            window=fields["window"],
            timezone=fields["timezone"],
            burn_rate_windows=tuple(fields["burn_rate_windows"]),
            burn_rate_threshold=fields["burn_rate_threshold"],
            description=fields["description"],
            kind=fields["kind"] if task is None else "task",
            labels=fields["labels"],
            runbook=fields["runbook"],
            **{name: fields[name] for name in _LATER_TEXTS if name in fields},
            alert_rules=None if rules is None else tuple(_rule_from(rule) for rule in rules),
            http=None if http is None else _http_from(http),
            task=None if task is None else TaskRule(**{name: _tupled(task[name]) for name in _TASK_FIELDS}),
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise StoreError(f"a stored definition cannot be read: {exc}") from exc


def fingerprint_of(definition: SLODefinition) -> str:
    """
    Changes when the SLO counts something else than before: other requests, or good and bad by other criteria.

    Returns:
        16 hexadecimal digits. The same in every process, whatever the order of patterns.
    """
    http = _http_fields(definition.http)
    counting: object = "custom"
    if http is not None:
        counting = {name: _unordered(value) for name, value in http.items()}
    elif definition.task is not None:
        counting = {name: _unordered(value) for name, value in _task_fields(definition.task).items()}
    return hashlib.sha256(json.dumps(counting, sort_keys=True).encode()).hexdigest()[:16]


def _unordered(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value


def _http_fields(rule: HTTPRule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    fields: dict[str, Any] = {}
    for name in _COUNTING_FIELDS:
        value = getattr(rule, name)
        fields[name] = list(value) if isinstance(value, tuple) else value
    for name in _LATER_COUNTING_FIELDS:
        if value := getattr(rule, name):
            fields[name] = list(value)
    return {**fields, "classify": "" if rule.classify is None else classifier_name(rule.classify)}


def _task_fields(rule: TaskRule) -> dict[str, Any]:
    values = {name: getattr(rule, name) for name in _TASK_FIELDS}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _http_from(fields: Mapping[str, Any]) -> HTTPRule:
    later = {name: _tupled(fields[name]) for name in _LATER_COUNTING_FIELDS if name in fields}
    return HTTPRule(**{name: _tupled(fields[name]) for name in _COUNTING_FIELDS}, **later)


def _tupled(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _rule_fields(rule: AlertRule) -> dict[str, Any]:
    return {
        "long_window": rule.long_window,
        "short_window": rule.short_window,
        "severity": rule.severity,
        "burn_rate": None if rule.burn_rate is None else str(rule.burn_rate),
        "budget_share": None if rule.budget_share is None else str(rule.budget_share),
        "min_failures": rule.min_failures,
    }


def _rule_from(fields: Mapping[str, Any]) -> AlertRule:
    burn_rate, budget_share = fields["burn_rate"], fields["budget_share"]
    return AlertRule(
        fields["long_window"],
        fields["short_window"],
        severity=fields["severity"],
        burn_rate=None if burn_rate is None else Fraction(burn_rate),
        budget_share=None if budget_share is None else Fraction(budget_share),
        min_failures=fields["min_failures"],
    )
