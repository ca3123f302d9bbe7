"""Ids and texts of the checks' messages."""

from __future__ import annotations

from django.core import checks

from slo_core.errors import Problem

__all__ = ["CheckID", "error_of", "sentence"]


class CheckID:
    """All ids, for `SILENCED_SYSTEM_CHECKS`."""

    INVALID_DEFINITION = "slo.E001"
    INVALID_SETTING = "slo.E002"
    INVALID_STORE = "slo.E003"
    NO_DEFINITIONS = "slo.W001"
    UNKNOWN_SETTING = "slo.W002"
    MIDDLEWARE_MISSING = "slo.W003"
    MIDDLEWARE_NOT_FIRST = "slo.W004"
    STORE_OF_ONE_PROCESS = "slo.W005"
    METRICS_WITHOUT_TOKEN = "slo.W006"  # an id
    MATCHES_NOTHING = "slo.W007"
    UNKNOWN_NAME_TRACKED = "slo.W008"
    DOUBTFUL_ALERT_RULE = "slo.W009"
    TABLES_MISSING = "slo.W010"
    STORE_WITHOUT_SERVICE = "slo.W011"
    UNUSED_MARK = "slo.W012"
    HIDDEN_VIEW = "slo.W013"
    SECOND_WRITER = "slo.W014"
    COUNTS_LEFT_BEHIND = "slo.W015"
    TIMEZONE_WITHOUT_EFFECT = "slo.W016"
    DEFAULT_RULE_LEFT_OUT = "slo.I001"
    METRICS_WITHOUT_URL = "slo.I002"


def error_of(problem: Problem, check_id: str) -> checks.Error:
    """A configuration problem as an error of a check."""
    return checks.Error(f"{problem.path}: {problem.message}.", hint=sentence(problem.hint), id=check_id)


def sentence(hint: str) -> str | None:
    """A problem's hint as a check shows it."""
    if not hint:
        return None
    text = hint[0].upper() + hint[1:]
    return text if text.endswith(("?", ".", '"', "}")) else f"{text}."
