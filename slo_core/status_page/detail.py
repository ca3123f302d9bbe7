"""Sections of the page of one SLO: its alerts, its history, its series in Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.burn_rate import BurnRateSample, burns_at_least
from slo_core.budgets.history import FiringSince, History, Point, ranges_of
from slo_core.budgets.notation import number
from slo_core.budgets.wording import NOTHING, burn_text, percent, waiting_text, windows_text
from slo_core.conventions import DEFAULT_SERVICE, Label, Metric, quoted
from slo_core.objectives.alert_rule import AlertRule, exact
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.status_page.headline import FiringRules
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, timestamp
from slo_core.status_page.overview import rate_text
from slo_core.tracking.registry import SLORegistry

__all__ = ["CHARTS", "alert_table", "history_table", "range_choices", "series_names"]

# The caption of each chart, by its name in the script.
CHARTS = {
    "budget": "Error budget left, and an even spend",
    "events": "Share of bad events, and the share that is allowed",
    "burn": "Burn rate, and the factors of the alert rules",
}

_ALERT_HEADINGS = ("Rule", "Now", "Fires at", "Long window", "Short window")

_HISTORY_HEADINGS = ("Good", "Bad", "Budget left", "Even spend")

# More lines than this are hard to read.
_MOST_LINES = 48


def alert_table(definition: SLODefinition, rules: FiringRules, zone: tzinfo = UTC) -> ET.Element:
    """
    Every alert rule: whether it fires and why not, and both windows with the counts behind them.

    Args:
        definition: The SLO.
        rules: Of `firing_rules`.
        zone: The time zone that times are written in.
    """
    if not rules:
        return element("section", element("h2", "Alerts"), element("p", "This SLO has no alert rule."))
    rows = [
        _alert_row(rule, alert, since, definition, zone)
        for rule, (alert, since) in zip(definition.active_alert_rules, rules, strict=True)
    ]
    table = element(
        "table",
        element("caption", "Alert rules", class_="slo-hidden"),
        element("thead", element("tr", *(element("th", text, scope="col") for text in _ALERT_HEADINGS))),
        element("tbody", *rows),
        class_="slo-table slo-cards",
    )
    note = "A rule fires when both of its windows burn at its factor or faster."
    return element("section", element("h2", "Alerts"), element("p", note), _scrolling(table, "Alert rules"))


def _alert_row(
    rule: AlertRule, alert: AlertState, since: FiringSince | None, definition: SLODefinition, zone: tzinfo
) -> ET.Element:
    share = float(rule.factor(definition.window_seconds) * rule.long_window / definition.window_seconds)
    now: tuple[Node, ...]
    if alert.is_firing:
        colour = "slo-ticketing" if rule.severity == "ticket" else None
        now = (element("strong", "firing", class_=colour), element("p", *_since(since, zone)))
    elif alert.waiting is not None:
        now = (element("strong", f"waiting: {waiting_text(alert)}"),)
    else:
        now = ("no", element("p", _slow(alert, definition)))
    fires_at = (
        f"{number(alert.threshold, 'g')}x",
        element("p", f"{percent(share, 1)} of the budget in {format_duration(rule.long_window)}"),
        element("p", f"and {number(rule.min_failures)} bad events") if rule.min_failures > 1 else None,
    )
    cells = (now, fires_at, _burned(alert.long), _burned(alert.short))
    return element(
        "tr",
        element("th", element("bdi", rule.severity), f" {windows_text(alert)}", scope="row"),
        *(
            element("td", *content, data_label=heading)
            for heading, content in zip(_ALERT_HEADINGS[1:], cells, strict=True)
        ),
        class_="slo-firing" if alert.is_firing else None,
    )


def _slow(alert: AlertState, definition: SLODefinition) -> str:
    """Which of the windows burns too slowly for the rule to fire."""
    factor = exact(alert.threshold)
    slow = [
        format_duration(sample.window_seconds)
        for sample in (alert.long, alert.short)
        if not burns_at_least(sample.counts, definition.objective, factor)
    ]
    return f"{' and '.join(slow)} below {number(alert.threshold, 'g')}x"


def _since(since: FiringSince | None, zone: tzinfo) -> tuple[Node, ...]:
    if since is None:
        return ("since just now",)
    if since.is_earliest_known:
        return ("since ", timestamp(since.at, zone), " or earlier")
    return ("since ", timestamp(since.at, zone), f", give or take {format_duration(since.within_seconds)}")


def _burned(sample: BurnRateSample) -> tuple[Node, ...]:
    counts = f"{number(sample.failures)} bad of {number(sample.sample_count)}"
    return f"{format_duration(sample.window_seconds)}: {rate_text(sample)}", element("p", counts)


def range_choices(definition: SLODefinition, chosen: str, links: Links, *, query: Mapping[str, str]) -> ET.Element:
    """Links to the ranges that the charts can show; `query` holds the other parameters of the page, which they keep."""
    choices = [
        element(
            "li",
            element(
                "a",
                name,
                href=links.detail(definition.name, {**query, "range": name}),
                aria_current="true" if name == chosen else None,
            ),
        )
        for name in ranges_of(definition)
    ]
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Time range")


def history_table(past: History, zone: tzinfo = UTC) -> ET.Element:
    """The charts in numbers; neighbouring points are added up where there are many."""
    points = past.points
    size = -(-len(points) // _MOST_LINES) or 1
    # From the newest back, so that the last line ends now.
    groups = [points[max(0, end - size) : end] for end in range(len(points), 0, -size)]
    burns = [f"Burn {format_duration(window)}" for window in past.burn_rate_windows]
    headings = ("Until", *_HISTORY_HEADINGS, *burns)
    table = element(
        "table",
        element("caption", "History, the newest first", class_="slo-hidden"),
        element("thead", element("tr", *(element("th", text, scope="col") for text in headings))),
        element("tbody", *(_history_row(group, headings[1:], zone) for group in groups)),
        class_="slo-table slo-cards",
    )
    width = format_duration(size * past.step_seconds)
    summary = element("summary", f"The charts as a table, in steps of {width}")
    return element("details", summary, _scrolling(table, "History"), open=True, class_="slo-history")


def _history_row(group: tuple[Point, ...], headings: Sequence[str], zone: tzinfo) -> ET.Element:
    last = group[-1]
    cells = [
        number(sum(point.good for point in group)),
        number(sum(point.bad for point in group)),
        NOTHING if last.error_budget_remaining is None else percent(last.error_budget_remaining, 1),
        NOTHING if last.even_spend is None else percent(last.even_spend, 1),
        *(NOTHING if burned is None else burn_text(burned) for burned in last.burn_rates),
    ]
    return element(
        "tr",
        element("th", timestamp(last.end, zone), scope="row"),
        *(
            element("td", text, class_="slo-number", data_label=heading)
            for heading, text in zip(headings, cells, strict=True)
        ),
    )


def series_names(definition: SLODefinition, registry: SLORegistry) -> ET.Element:
    """The series of the SLO in Prometheus."""
    labels = {Label.SLO: definition.name}
    if registry.store.store_id is not None or registry.service != DEFAULT_SERVICE:
        labels[Label.SERVICE] = registry.service
    chosen = ", ".join(f"{name}={quoted(value)}" for name, value in labels.items())
    names = (
        Metric.BUDGET_REMAINING, Metric.SUCCESS_RATIO, Metric.BURN_RATE, Metric.WINDOW_EVENTS, Metric.WINDOW_FAILURES,
        Metric.EVENTS, Metric.ALERT_FIRING,
    )  # fmt: skip
    lines = [element("li", element("code", f"{name}{{{chosen}}}")) for name in names]
    return element("section", element("h2", "In Prometheus"), element("ul", *lines, class_="slo-lines"))


def _scrolling(table: ET.Element, label: str) -> ET.Element:
    return element("div", table, class_="slo-scroll", tabindex="0", role="region", aria_label=label)
