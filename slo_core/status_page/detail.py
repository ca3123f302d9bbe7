"""The page of one SLO: how it stands, its past, its alerts, its definition."""

from __future__ import annotations

from datetime import UTC, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.burn_rate import BurnRateSample
from slo_core.budgets.history import FiringSince, History, Point, firing_since, ranges_of
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.timeline import Timeline
from slo_core.budgets.wording import NOTHING, burn_text, measured_text, percent, target_digits, window_text
from slo_core.conventions import DEFAULT_SERVICE, Label, Metric, quoted
from slo_core.objectives.alert_rule import AlertRule
from slo_core.objectives.definition import DEFAULT_BURN_RATE_THRESHOLD, DEFAULT_BURN_RATE_WINDOWS, SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.http_rule import HTTPRule, classifier_name
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, timestamp
from slo_core.status_page.overview import budget_cell, state_badge, time_left
from slo_core.tracking.registry import SLORegistry

__all__ = ["CHARTS", "alert_table", "facts", "history_table", "range_choices", "series_names"]

# Of each chart its name in the script, and its caption.
CHARTS = {
    "budget": "Error budget left, beside an even spend",
    "events": "Good and bad events",
    "burn": "Burn rate, beside the factors of the alert rules",
}

# A table of more lines is read by nobody.
_MOST_LINES = 48


def facts(definition: SLODefinition, snapshot: SLOSnapshot, registry: SLORegistry, zone: tzinfo = UTC) -> ET.Element:
    """How the SLO stands, how it is defined, and how its store is."""
    digits = target_digits(snapshot.target)
    has_data = snapshot.has_data
    allowed = snapshot.error_budget_ratio * snapshot.total
    snapshots: list[tuple[str, Node | tuple[Node, ...]]] = [
        ("State", state_badge(snapshot)),
        ("Success", percent(snapshot.success_ratio, digits + 1) if has_data else NOTHING),
        ("Budget left", budget_cell(snapshot)),
        ("Bad events", f"{snapshot.failures:,} of {allowed:,.1f} allowed" if has_data else NOTHING),
        ("Events", f"{snapshot.total:,}"),
        ("Exhausted in", time_left(snapshot)),
        ("Measured", measured_text(definition, snapshot)),
        ("Measured since", timestamp(snapshot.data_since, zone)),
        ("Last event", timestamp(snapshot.last_event_at, zone)),
    ]
    if snapshot.definition_changed_at is not None:
        snapshots.append(("Definition changed", timestamp(snapshot.definition_changed_at, zone)))
    if snapshot.dropped:
        snapshots.append(("Too late to count", f"{snapshot.dropped:,} events"))
    return element(
        "div",
        _list("How it stands", snapshots),
        _list("Definition", _definition(definition)),
        _list("Store", _store(registry, zone)),
        class_="slo-facts",
    )


def _definition(definition: SLODefinition) -> list[tuple[str, Node | tuple[Node, ...]]]:
    found: list[tuple[str, Node | tuple[Node, ...]]] = [
        ("Target", percent(definition.target, target_digits(definition.target))),
        ("Window", window_text(definition)),
    ]
    if definition.period is not None:
        found.append(("Time zone", definition.timezone))
    rule = definition.http
    if rule is None:
        found.append(("Fed by", "your own code"))
    else:
        found += [
            (label, ", ".join(str(value) for value in values))
            for label, values in (
                ("Routes", rule.routes),
                ("Views", rule.views),
                ("Methods", rule.methods),
                ("Excluded", rule.exclude),
                ("Bad statuses", rule.bad_statuses if rule.classify is None else ()),
            )
            if values
        ]
        if not rule.routes and not rule.views:
            found.append(("Counts", "every request that is not excluded"))
        if rule.classify is not None:
            found.append(("Classified by", classifier_name(rule.classify)))
        if rule.latency_seconds is not None:
            found.append(("Good within", f"{rule.latency_seconds:g} s, {rule.latency_of}"))
        found += _unusual(rule)
    if definition.burn_rate_windows != DEFAULT_BURN_RATE_WINDOWS:
        windows = ", ".join(format_duration(seconds) for seconds in definition.burn_rate_windows)
        found.append(("Burn windows", windows or "none"))
    if definition.burn_rate_threshold != DEFAULT_BURN_RATE_THRESHOLD:
        found.append(("Burn threshold", f"{definition.burn_rate_threshold:g}x"))
    found += [(f"Label {name}", value) for name, value in definition.labels.items()]
    if definition.runbook.startswith(("https://", "http://")):
        found.append(("Runbook", element("a", definition.runbook, href=definition.runbook, rel="noreferrer")))
    elif definition.runbook:
        found.append(("Runbook", definition.runbook))
    return found


def _unusual(rule: HTTPRule) -> list[tuple[str, Node | tuple[Node, ...]]]:
    """What is seldom chosen, where it was."""
    usual = HTTPRule()
    found: list[tuple[str, Node | tuple[Node, ...]]] = []
    if rule.latency_failures != usual.latency_failures:
        found.append(("Failed responses", rule.latency_failures))
    if rule.client_disconnect != usual.client_disconnect:
        found.append(("Client went away", rule.client_disconnect))
    if rule.unmatched:
        found.append(("Unmatched requests", "are counted"))
    return found


def _store(registry: SLORegistry, zone: tzinfo) -> list[tuple[str, Node | tuple[Node, ...]]]:
    store, health = registry.store, registry.store.health()
    found: list[tuple[str, Node | tuple[Node, ...]]] = [
        ("Kind", f"{store.backend}, counts of one {store.scope}"),
        ("Reached", "yes" if health.is_up else "no: the last attempt failed"),
    ]
    if store.store_id is not None:
        found += [
            ("Service", registry.service),
            ("Created", timestamp(store.created, zone)),
            ("Waiting to be written", f"{health.flush_lag_seconds:.1f} s at most"),
            # Plus nothing, so that no clock is ahead by minus nothing.
            ("Clock ahead of it by", f"{round(health.clock_skew_seconds, 1) + 0.0:.1f} s"),
            ("Failed attempts", f"{health.errors:,}"),
        ]
    return found


def _list(title: str, pairs: list[tuple[str, Node | tuple[Node, ...]]]) -> ET.Element:
    entries = [
        element(
            "div", element("dt", label), element("dd", *(value if isinstance(value, tuple) else (value,)), dir="auto")
        )
        for label, value in pairs
    ]
    return element("section", element("h2", title), element("dl", *entries))


def alert_table(definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline, zone: tzinfo = UTC) -> ET.Element:
    """Every alert rule: both windows with the counts behind them, and since when it fires."""
    rules = definition.active_alert_rules
    if not rules:
        return element("section", element("h2", "Alerts"), element("p", "This SLO has no alert rule."))
    headings = ("Rule", "Fires at", "Long window", "Short window", "Firing")
    rows = [
        _alert_row(rule, alert, definition, snapshot, timeline, zone)
        for rule, alert in zip(rules, snapshot.alerts, strict=True)
    ]
    table = element(
        "table",
        element("caption", "Alert rules", class_="slo-hidden"),
        element("thead", element("tr", *(element("th", text, scope="col") for text in headings))),
        element("tbody", *rows),
        class_="slo-table",
    )
    note = "A rule fires when both of its windows burn at its factor or faster."
    return element("section", element("h2", "Alerts"), element("p", note), _scrolling(table, "Alert rules"))


def _alert_row(
    rule: AlertRule,
    alert: AlertState,
    definition: SLODefinition,
    snapshot: SLOSnapshot,
    timeline: Timeline,
    zone: tzinfo,
) -> ET.Element:
    factor = rule.factor(definition.window_seconds)
    share = float(factor * rule.long_window / definition.window_seconds)
    firing: tuple[Node, ...] = ("no",)
    if alert.is_firing:
        since = firing_since(
            rule,
            factor=factor,
            definition=definition,
            timeline=timeline,
            at=snapshot.at,
            data_since=snapshot.data_since,
        )
        firing = (element("strong", "firing"), element("p", *_since(since, zone)))
    return element(
        "tr",
        element("th", element("bdi", rule.severity), scope="row"),
        element(
            "td",
            f"{float(factor):g}x",
            element("p", f"{percent(share, 1)} of the budget in {format_duration(rule.long_window)}"),
            element("p", f"and {rule.min_failures:,} bad events") if rule.min_failures > 1 else None,
        ),
        element("td", *_burned(alert.long)),
        element("td", *_burned(alert.short)),
        element("td", *firing),
        class_="slo-firing" if alert.is_firing else None,
    )


def _since(since: FiringSince | None, zone: tzinfo) -> tuple[Node, ...]:
    if since is None:
        return ("since just now",)
    if since.is_earliest_known:
        return ("since ", timestamp(since.at, zone), " or earlier")
    return ("since ", timestamp(since.at, zone), f", give or take {format_duration(since.within_seconds)}")


def _burned(sample: BurnRateSample) -> tuple[Node, ...]:
    counts = f"{sample.failures:,} bad of {sample.sample_count:,}"
    return f"{format_duration(sample.window_seconds)}: {burn_text(sample.burn_rate)}", element("p", counts)


def range_choices(definition: SLODefinition, chosen: str, links: Links) -> ET.Element:
    """Links to the ranges that the charts can show."""
    choices = [
        element(
            "li",
            element(
                "a",
                name,
                href=links.detail(definition.name, {"range": name}),
                aria_current="true" if name == chosen else None,
            ),
        )
        for name in ranges_of(definition)
    ]
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Time range")


def history_table(past: History, zone: tzinfo = UTC) -> ET.Element:
    """The same as the charts, in numbers; neighbouring points are put together where there are many."""
    points = past.points
    size = -(-len(points) // _MOST_LINES) or 1
    # From the newest back, so that the last line ends now.
    groups = [points[max(0, end - size) : end] for end in range(len(points), 0, -size)]
    burns = [f"Burn {format_duration(window)}" for window in past.burn_rate_windows]
    headings = ("Until", "Good", "Bad", "Budget left", "Even spend", *burns)
    table = element(
        "table",
        element("caption", "History, the newest first", class_="slo-hidden"),
        element("thead", element("tr", *(element("th", text, scope="col") for text in headings))),
        element("tbody", *(_history_row(group, zone) for group in groups)),
        class_="slo-table",
    )
    width = format_duration(size * past.step_seconds)
    summary = element("summary", f"The charts as a table, in steps of {width}")
    return element("details", summary, _scrolling(table, "History"), open=True, class_="slo-history")


def _history_row(group: tuple[Point, ...], zone: tzinfo) -> ET.Element:
    last = group[-1]
    cells = [
        f"{sum(point.good for point in group):,}",
        f"{sum(point.bad for point in group):,}",
        NOTHING if last.error_budget_remaining is None else percent(last.error_budget_remaining, 1),
        NOTHING if last.even_spend is None else percent(last.even_spend, 1),
        *(NOTHING if burned is None else burn_text(burned) for burned in last.burn_rates),
    ]
    return element(
        "tr",
        element("th", timestamp(last.end, zone), scope="row"),
        *(element("td", text, class_="slo-number") for text in cells),
    )


def series_names(definition: SLODefinition, registry: SLORegistry) -> ET.Element:
    """What to look for in Prometheus."""
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
