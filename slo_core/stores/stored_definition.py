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

__all__ = ["definition_from_stored", "fingerprint_of", "stored_definition"]

DOCUMENT_VERSION = 1

# What is good and what counts is told by these; who is called, and what the target is, changes no count.
_COUNTING_FIELDS = (
    "routes", "views", "methods", "exclude", "latency_seconds", "latency_of", "latency_failures", "bad_statuses",
    "client_disconnect", "unmatched",
)  # fmt: skip


def stored_definition(definition: SLODefinition) -> str:
    """
    The definition as JSON text; the same definition is always the same text.

    A `classify` callable is code: only its name is written down.
    """
    document: dict[str, Any] = {
        "version": DOCUMENT_VERSION,
        "name": definition.name,
        "target": definition.target,
        "window_seconds": definition.window_seconds,
        "window": definition.window,
        "timezone": definition.timezone,
        "burn_rate_windows": list(definition.burn_rate_windows),
        "burn_rate_threshold": definition.burn_rate_threshold,
        "description": definition.description,
        "kind": definition.kind,
        "labels": dict(definition.labels),
        "runbook": definition.runbook,
        "alert_rules": None if definition.alert_rules is None else [_rule_document(r) for r in definition.alert_rules],
        "http": _http_document(definition.http),
    }
    return json.dumps(document, sort_keys=True, ensure_ascii=True)


def definition_from_stored(document: str) -> SLODefinition:
    """
    The definition that a document describes; requests cannot be classified by it where `classify` was code.

    Raises:
        StoreError: The document is not one of `stored_definition`, or of a newer version.
    """
    try:
        found = json.loads(document)
        version = found["version"]
        if version > DOCUMENT_VERSION:
            raise StoreError(
                f"a stored definition has version {version}, this slo-suite knows {DOCUMENT_VERSION}: upgrade it"
            )
        rules = found["alert_rules"]
        http = found["http"]
        return SLODefinition(
            found["name"],
            found["target"],
            window_seconds=found["window_seconds"],
            window=found["window"],
            timezone=found["timezone"],
            burn_rate_windows=tuple(found["burn_rate_windows"]),
            burn_rate_threshold=found["burn_rate_threshold"],
            description=found["description"],
            kind=found["kind"],
            labels=found["labels"],
            runbook=found["runbook"],
            alert_rules=None if rules is None else tuple(_rule_from(rule) for rule in rules),
            http=None if http is None else _http_from(http),
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise StoreError(f"a stored definition cannot be read: {exc}") from exc


def fingerprint_of(definition: SLODefinition) -> str:
    """
    Changes when the SLO counts something else than before: other requests, or good and bad told in another way.

    Returns:
        16 hexadecimal digits. The same in every process, whatever the order of patterns.
    """
    http = _http_document(definition.http)
    what: object = "custom"
    if http is not None:
        what = {**{name: _unordered(http[name]) for name in _COUNTING_FIELDS}, "classify": http["classify"]}
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]


def _unordered(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value


def _http_document(rule: HTTPRule | None) -> dict[str, Any] | None:
    if rule is None:
        return None
    document: dict[str, Any] = {}
    for name in _COUNTING_FIELDS:
        value = getattr(rule, name)
        document[name] = list(value) if isinstance(value, tuple) else value
    return {**document, "classify": "" if rule.classify is None else classifier_name(rule.classify)}


def _http_from(document: Mapping[str, Any]) -> HTTPRule:
    return HTTPRule(**{name: _tupled(document[name]) for name in _COUNTING_FIELDS})


def _tupled(value: object) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _rule_document(rule: AlertRule) -> dict[str, Any]:
    return {
        "long_window": rule.long_window,
        "short_window": rule.short_window,
        "severity": rule.severity,
        "burn_rate": None if rule.burn_rate is None else str(rule.burn_rate),
        "budget_share": None if rule.budget_share is None else str(rule.budget_share),
        "min_failures": rule.min_failures,
    }


def _rule_from(document: Mapping[str, Any]) -> AlertRule:
    burn_rate, budget_share = document["burn_rate"], document["budget_share"]
    return AlertRule(
        document["long_window"],
        document["short_window"],
        severity=document["severity"],
        burn_rate=None if burn_rate is None else Fraction(burn_rate),
        budget_share=None if budget_share is None else Fraction(budget_share),
        min_failures=document["min_failures"],
    )
