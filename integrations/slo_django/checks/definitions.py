"""Checks of `SLO_DEFINITIONS`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core import checks
from django.core.checks import CheckMessage

from slo_core.config.definitions import parse_definitions
from slo_core.errors import ConfigError, Problem, by_message, names_text
from slo_core.objectives.definition import SLODefinition
from slo_django import conf
from slo_django.checks.messages import CheckID, error_of

__all__ = ["check_definitions", "check_left_out_rules", "parsed_definitions", "placed"]


def check_definitions(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Every problem of `SLO_DEFINITIONS`, and alert rules and time zones in it that make little sense."""
    definitions, problems = parsed_definitions()
    messages: list[CheckMessage] = [error_of(problem, CheckID.INVALID_DEFINITION) for problem in problems]
    if not definitions and not problems:
        messages.append(
            checks.Warning(
                f"{conf.WHERE}{conf.DEFINITIONS} defines no SLO: nothing is counted.",
                hint=f'For a start: {conf.DEFINITIONS} = {{"availability": {{"target": "99.9%"}}}}',
                id=CheckID.NO_DEFINITIONS,
            )
        )
    messages += (
        checks.Warning(
            f"{place}: {concern}.",
            hint='Drop it, or choose window="month", "week" or "quarter".',
            id=CheckID.TIMEZONE_WITHOUT_EFFECT,
        )
        for place, concern in placed(
            (definition.name, definition.timezone_concern)
            for definition in definitions
            if definition.timezone_concern is not None
        )
    )
    messages += (
        checks.Warning(
            f"{place}: {concern}.",
            hint="Change the rule's windows, burn_rate or budget_share, or drop it.",
            id=CheckID.DOUBTFUL_ALERT_RULE,
        )
        for place, concern in placed(
            (definition.name, str(concern))
            for definition in definitions
            if definition.alert_rules is not None
            for concern in definition.alert_concerns
        )
    )
    return messages


def check_left_out_rules(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """Names the default alert rules that make no sense for an SLO; nothing is wrong with that."""
    definitions, _problems = parsed_definitions()
    return [
        checks.Info(f"{place}: left out the default {concern}.", id=CheckID.DEFAULT_RULE_LEFT_OUT)
        for place, concern in placed(
            (definition.name, str(concern))
            for definition in definitions
            if definition.alert_rules is None
            for concern in definition.alert_concerns
        )
    ]


def placed(concerns: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Each concern once, with the place of its SLO in front, or with the names of all that have it."""
    setting = f"{conf.WHERE}{conf.DEFINITIONS}"
    for concern, names in by_message(concerns).items():
        yield (
            f"{setting}[{names[0]!r}]" if len(names) == 1 else f"{setting}: {len(names)} SLOs ({names_text(names)})",
            concern,
        )


def parsed_definitions() -> tuple[tuple[SLODefinition, ...], tuple[Problem, ...]]:
    """The definitions and their problems; one of the two is empty."""
    try:
        return parse_definitions(conf.read_definitions(), where=conf.WHERE + conf.DEFINITIONS), ()
    except ConfigError as exc:
        return (), exc.problems
