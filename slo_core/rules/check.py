"""Checks the input of rules before they are written: what Prometheus would refuse."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from slo_core.conventions import RESERVED_LABELS, is_encodable, label_problems
from slo_core.errors import ConfigError, Problem
from slo_core.objectives.alert_rule import whole_seconds
from slo_core.objectives.alert_switches import severity_problems, switch_problems
from slo_core.objectives.definition import SLODefinition
from slo_core.rules.names import RESERVED_RULE_LABELS
from slo_core.rules.promql import duration_text
from slo_core.rules.severities import severities_in_use

__all__ = ["by_problems", "check_rule_input", "keep_firing_text"]

_SCOPES = ("process", "host", "fleet")
_OWNER = "the rules themselves"
_RESERVED = RESERVED_RULE_LABELS | (RESERVED_LABELS - {"job", "instance"})


def check_rule_input(
    definitions: Sequence[object],
    *,
    service: object,
    scope: object,
    labels: object,
    dashboard_url: object,
    page_url: object,
    keep_firing_for: str | int | None,
    match: Mapping[str, str],
    by: Sequence[str],
    alerts: object,
    severities: object,
) -> None:
    """
    Check everything that rules are made of.

    Raises:
        ConfigError: Every problem.
    """
    problems = [
        *_definition_problems(definitions),
        *_service_problems(service),
        *label_problems("labels", labels, reserved=RESERVED_RULE_LABELS, owner=_OWNER),
    ]
    problems += _environment_problems(match, by)
    problems += _overriding_problems("labels", labels, match, by)
    for definition in definitions:
        if isinstance(definition, SLODefinition):
            problems += _overriding_problems(f"slos[{definition.name!r}].labels", definition.labels, match, by)
    switch_mistakes = list(switch_problems("alerts", alerts, of_service=True))
    problems += switch_mistakes
    in_use: Collection[str] = ()
    if isinstance(alerts, Mapping) and not switch_mistakes:
        in_use = severities_in_use((each for each in definitions if isinstance(each, SLODefinition)), alerts)
    problems += severity_problems("severities", severities, in_use=in_use)
    if scope not in _SCOPES:
        problems.append(Problem("scope", f'expected "process", "host" or "fleet", got {scope!r}'))
    for name, url in (("dashboard_url", dashboard_url), ("page_url", page_url)):
        if not isinstance(url, str) or not is_encodable(url):
            problems.append(Problem(name, f"expected text, got {url!r}"))
    if isinstance(page_url, str) and page_url and not page_url.startswith(("http://", "https://")):
        problems.append(Problem("page_url", f"expected an address with http:// or https://, got {page_url!r}"))
    try:
        keep_firing_text(keep_firing_for)
    except ConfigError as exc:
        problems += exc.problems
    if problems:
        raise ConfigError(problems)


def keep_firing_text(value: str | int | None) -> str:
    """
    `keep_firing_for` as Prometheus writes it; empty for none.

    Raises:
        ConfigError: Not a duration in whole seconds.
    """
    if value is None or value in (0, "0", "0s", ""):
        return ""
    try:
        return duration_text(whole_seconds("keep_firing_for", value))
    except ValueError as exc:
        message = str(exc).removeprefix("keep_firing_for: ")
        raise ConfigError([Problem("keep_firing_for", message, "None leaves it out")]) from None


def _definition_problems(definitions: Sequence[object]) -> Iterator[Problem]:
    if not definitions:
        yield Problem("definitions", "expected at least one SLO, got none")
    seen = set()
    for index, definition in enumerate(definitions):
        where = f"definitions[{index}]"
        if not isinstance(definition, SLODefinition):
            yield Problem(where, f"expected an SLODefinition, got {definition!r}")
            continue
        if definition.name in seen:
            yield Problem(f"{where}.name", f"the name {definition.name!r} is there twice", "choose another name")
        seen.add(definition.name)
        yield from _name_problems(f"{where}.name", definition.name)
        yield from label_problems(f"{where}.labels", definition.labels, reserved=RESERVED_RULE_LABELS, owner=_OWNER)
        for field_name in ("description", "runbook", "dashboard"):
            if not is_encodable(getattr(definition, field_name)):
                yield Problem(f"{where}.{field_name}", "expected text that UTF-8 can encode")
        for rule in definition.active_alert_rules:
            if not is_encodable(rule.severity):
                yield Problem(f"{where}.alert_rules", f"expected text that UTF-8 can encode, got {rule.severity!r}")


def by_problems(by: Sequence[str]) -> Iterator[Problem]:
    """Names that no label can have which tells environments apart."""
    yield from label_problems("by", dict.fromkeys(by, ""), reserved=_RESERVED, owner=_OWNER)


def _environment_problems(match: Mapping[str, str], by: Sequence[str]) -> Iterator[Problem]:
    yield from label_problems("match", match, reserved=_RESERVED, owner=_OWNER)
    yield from by_problems(by)
    for name in by:
        if name in match:
            yield Problem("by", f"the label {name!r} is matched, so it has one value", "leave one of them out")


def _overriding_problems(where: str, labels: object, match: Mapping[str, str], by: Sequence[str]) -> Iterator[Problem]:
    """Labels that would put alerts of one environment under the name of another."""
    for name, value in labels.items() if isinstance(labels, Mapping) else ():
        if name in by or match.get(name, value) != value:
            yield Problem(
                f"{where}.{name}",
                "the label tells environments apart, and every alert has that of its series",
                "drop it",
            )


def _service_problems(service: object) -> Iterator[Problem]:
    # To Prometheus an empty label is a missing one.
    if not isinstance(service, str) or not service.strip():
        yield Problem("service", f"expected the name of the service, got {service!r}", "it is the label slo_service")
    else:
        yield from _name_problems("service", service)


def _name_problems(where: str, name: str) -> Iterator[Problem]:
    """
    The problem with a name that expressions select by.

    Prometheus takes any UTF-8 text, with quotes and control characters. But it rewrites expressions before it evaluates
    them, and then takes U+FFFD, even escaped, for broken UTF-8: promtool accepts it, but no rule works.
    """
    if not is_encodable(name):
        refused, hint = "half of a surrogate pair, which UTF-8 cannot encode", "write the character that was meant"
    elif "\ufffd" in name:
        refused, hint = "the replacement character U+FFFD", "it stands where text was read in the wrong encoding"
    else:
        return
    yield Problem(where, f"Prometheus refuses {refused}, got {name!r}", hint)
