"""The overview of the status page: a table of every SLO, the most urgent first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from slo_core.budgets.burn_rate import BurnRateSample, burns_at_least
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshot, SLOSnapshots, pace_of, seconds_left
from slo_core.budgets.wording import (
    NOTHING,
    any_window_text,
    burn_text,
    measured_text,
    percent,
    rule_text,
    target_digits,
    time_left_text,
    waiting_text,
    windows_text,
)
from slo_core.objectives.alert_rule import exact
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.target import Target
from slo_core.status.causes import share_text
from slo_core.status.state import (
    BudgetState,
    Burning,
    budget_state,
    burning_now,
    most_urgent_first,
    waiting_alert,
)
from slo_core.status_page.burning_causes import TopCause, TopCauses
from slo_core.status_page.definition_links import link_line
from slo_core.status_page.failing import cause_nodes
from slo_core.status_page.filters import States, hidden_note, label_addresses, label_filters, labels_of, state_filters
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, timestamp
from slo_core.status_page.selection import Selection, own_labels
from slo_core.status_page.sparklines import Lines
from slo_core.stores.causes import FINEST_SECONDS

__all__ = ["SORTS", "badge", "budget_cell", "burn_list", "overview", "rate_text"]

# Decorative: the text next to them says the same.
_ICONS: dict[Burning | BudgetState, str] = {
    "paging": "▲",
    "ticketing": "△",
    "waiting": "◌",
    "met": "✓",
    "exhausted": "■",
    "breached": "✕",
    "warming up": "◔",
    "no data": "○",
}


_FOREVER = float("inf")


class _Column(NamedTuple):
    """
    A column of the table.

    Attributes:
        heading: Its heading.
        key: The sort key, which puts the worst SLO first.
        is_number: Whether it is formatted as a number.
        is_biggest_first: Whether the biggest value is the worst, so that the order of the key is descending.
    """

    heading: str
    key: Callable[[SLOSnapshot], Any]
    is_number: bool = False
    is_biggest_first: bool = False


_COLUMNS = {
    "name": _Column("SLO", lambda snapshot: snapshot.name.casefold()),
    "now": _Column("Burning now", most_urgent_first),
    "state": _Column("Budget", lambda snapshot: most_urgent_first(snapshot)[1:]),
    "budget": _Column("Budget left", lambda snapshot: snapshot.error_budget_remaining, is_number=True),
    "exhausted": _Column("Exhausted in", lambda snapshot: _sorted_time(seconds_left(snapshot)), is_number=True),
    "burn": _Column("Burn rates", lambda snapshot: -pace_of(snapshot).burn_rate, is_biggest_first=True),
    "target": _Column("Target", lambda snapshot: -snapshot.target, is_number=True, is_biggest_first=True),
    "success": _Column("Success", lambda snapshot: snapshot.success_ratio, is_number=True),
    "events": _Column("Events", lambda snapshot: -snapshot.total, is_number=True, is_biggest_first=True),
    "fed": _Column("Last event", lambda snapshot: snapshot.last_event_at or 0.0),
}

# What the list can be sorted by; with a minus the other way round.
SORTS = tuple(f"{sign}{name}" for name in _COLUMNS for sign in ("", "-"))

# The columns, and what they are sorted by: some hold two facts.
_SHOWN = {
    "name": ("name",),
    "now": ("now",),
    "state": ("state",),
    "budget": ("budget", "exhausted"),
    "burn": ("burn",),
    "success": ("success", "target"),
    "events": ("events", "fed"),
}
_PLACE_OF_LINE = tuple(_SHOWN).index("now")


def overview(
    snapshots: SLOSnapshots,
    *,
    query: Mapping[str, str],
    links: Links,
    lines: Callable[[], Lines] = dict,
    causes: Callable[[], TopCauses] = dict,
    zone: tzinfo = UTC,
) -> ET.Element:
    """
    The table of a registry's SLOs, with links that filter by state.

    Args:
        snapshots: Every SLO with its snapshot.
        query: `state` shows one state only, of the budget or of what burns now; `sort` is a column, with a minus in front
            for the other way round; each `label` shows the SLOs with that label only: "team=payments".
        links: The addresses of the page.
        lines: Returns the sparklines, by SLO; called when the rows are drawn.
        causes: Returns the largest cause of what burns, by SLO; called then, too.
        zone: The time zone that times are written in.
    """
    labels = labels_of(snapshots)
    selection = Selection.of(query, labels=labels, sorts=SORTS)
    sort = selection.sort or "now"
    everything: list[tuple[SLODefinition, SLOSnapshot, States]] = [
        (definition, snapshot, (burning_now(snapshot), budget_state(snapshot))) for definition, snapshot in snapshots
    ]
    labelled = [slo for slo in everything if selection.takes(slo[0])]
    shown = [slo for slo in labelled if selection.state in ("", *slo[2])]
    key = _COLUMNS[sort.removeprefix("-")].key
    shown.sort(key=lambda slo: slo[1].name)
    shown.sort(key=lambda slo: key(slo[1]), reverse=sort.startswith("-"))
    addresses = label_addresses(labels, selection, links)
    rows = [_row(definition, snapshot, addresses, links, zone) for definition, snapshot, _ in shown]
    drawn, failing = lines(), causes()
    for row in rows:
        line, cause = drawn.get(row.attrib["data-slo"]), failing.get(row.attrib["data-slo"])
        if cause is not None:
            row[_PLACE_OF_LINE].append(_cause_line(cause, zone))
        if line is not None:
            row[_PLACE_OF_LINE].append(line.element())
    nothing = "No SLO is shown." if snapshots else "No SLO is defined."
    return element(
        "section",
        state_filters([slo[2] for slo in labelled], selection, links),
        label_filters(addresses, selection),
        hidden_note([slo[2] for slo in everything], [slo[2] for slo in shown], selection, links),
        element(
            "div",
            element(
                "table",
                element("caption", "SLOs with their remaining error budgets", class_="slo-hidden"),
                element("thead", element("tr", *(_heading(name, sort, selection, links) for name in _SHOWN))),
                element("tbody", *rows),
                class_="slo-table slo-overview slo-cards",
            ),
            class_="slo-scroll",
            tabindex="0",
            role="region",
            aria_label="SLOs",
        )
        if rows
        else element("p", nothing, class_="slo-nothing"),
    )


def _cause_line(cause: TopCause, zone: tzinfo) -> ET.Element:
    """What fails most in an SLO that burns, and since when."""
    since: tuple[Node, ...] = ()
    if cause.since is not None:
        # Its first bucket: it may have begun at the end of that.
        about = " or earlier" if cause.is_earliest_known else f", or up to {format_duration(FINEST_SECONDS)} later"
        since = (" since ", timestamp(cause.since, zone), about)
    return element("p", f"{share_text(cause.share)} ", *cause_nodes(cause.share), *since, class_="slo-cause")


def _heading(column: str, sort: str, selection: Selection, links: Links) -> ET.Element:
    """The heading of a column: links that sort by what stands in it, and turn the order round where it is the present one."""
    current = sort.removeprefix("-")
    sorted_by = []
    for name in _SHOWN[column]:
        turned = f"-{name}" if sort == name else name
        is_current = "true" if name == current else None
        link = element(
            "a", _COLUMNS[name].heading, href=links.overview(selection.query(sort=turned)), aria_current=is_current
        )
        sorted_by.append(link if name == column else element("p", link))
    order = None
    if current in _SHOWN[column]:
        is_descending = sort.startswith("-") != _COLUMNS[current].is_biggest_first
        order = "descending" if is_descending else "ascending"
    class_ = "slo-number" if _COLUMNS[column].is_number else None
    return element("th", *sorted_by, scope="col", class_=class_, aria_sort=order)


def _row(
    definition: SLODefinition, snapshot: SLOSnapshot, addresses: Mapping[str, str], links: Links, zone: tzinfo
) -> ET.Element:
    digits = target_digits(snapshot.target)
    measured = f"{measured_text(definition, snapshot)} measured"
    start = definition.own_span(at=snapshot.at, until=snapshot.at).start
    is_partly = snapshot.data_since > start
    success = percent(snapshot.success_ratio, digits + 1) if snapshot.has_data else NOTHING
    latency = definition.latency_seconds
    within = "" if latency is None else f" within {number(latency, 'g')} s"
    target = f"of {percent(snapshot.target, digits)}{within} in {any_window_text(definition)}"
    lasts, gone = seconds_left(snapshot), time_left_text(snapshot)
    exhausted = None if lasts is None else element("p", f"gone in {gone}" if lasts else gone)
    bad = element("p", f"{number(snapshot.failures)} bad") if snapshot.has_data else None
    last = NOTHING if snapshot.last_event_at is None else timestamp(snapshot.last_event_at, zone)
    return element(
        "tr",
        element(
            "th",
            element("a", element("bdi", snapshot.name), href=links.detail(snapshot.name, {})),
            element("p", definition.description, dir="auto") if definition.description else None,
            _links(definition, addresses),
            scope="row",
        ),
        _cell("now", *_now(snapshot)),
        _cell("state", badge(budget_state(snapshot))),
        _cell("budget", *budget_cell(snapshot), exhausted),
        _cell("burn", burn_list(snapshot)),
        _cell("success", success, element("p", target), element("p", measured) if is_partly else None),
        _cell("events", number(snapshot.total), bad, element("p", "last ", last)),
        data_slo=snapshot.name,
    )


def _links(definition: SLODefinition, addresses: Mapping[str, str]) -> ET.Element | None:
    """The runbook, the dashboard and the labels, each of which leads to the SLOs that share it."""
    labels = [element("a", label, href=addresses[label]) for label in own_labels(definition)]
    return link_line(definition, *labels)


def _cell(column: str, *content: Node) -> ET.Element:
    """A cell that repeats its heading: on a phone a row is a card without headings."""
    class_ = "slo-number" if _COLUMNS[column].is_number else None
    return element("td", *content, class_=class_, data_label=_COLUMNS[column].heading)


def badge(state: Burning | BudgetState) -> ET.Element:
    """A state as text and icon."""
    icon = element("span", _ICONS[state], aria_hidden="true")
    return element("span", icon, f" {state}", class_=f"slo-state slo-{state.replace(' ', '-')}")


def budget_cell(snapshot: SLOSnapshot) -> tuple[Node, ...]:
    """The budget that is left, as a bar and a number, which is negative when it is overspent."""
    if not snapshot.has_data:
        return (NOTHING,)
    left = snapshot.error_budget_remaining
    width = f"{100 * min(1.0, max(0.0, left)):.1f}%"
    bar = element(
        "svg",
        element("rect", width="100%", height="100%", class_="slo-track"),
        element("rect", width=width, height="100%", class_="slo-left"),
        class_=f"slo-bar slo-{budget_state(snapshot).replace(' ', '-')}",
        aria_hidden="true",
        focusable="false",
    )
    return percent(left, 1), bar


def burn_list(snapshot: SLOSnapshot) -> ET.Element:
    """The burn rate of each alert window, with the factor at which its rule fires."""
    lines = []
    target = Target(snapshot.target)
    for alert in snapshot.alerts:
        is_over = burns_at_least(alert.long.counts, target, exact(alert.threshold))
        lines.append(
            element(
                "li",
                f"{format_duration(alert.long.window_seconds)} ",
                element("strong" if is_over else "span", rate_text(alert.long)),
                f" of {number(alert.threshold, 'g')}",
            )
        )
    if not lines:
        lines = [
            element("li", f"{format_duration(sample.window_seconds)} {rate_text(sample)}")
            for sample in snapshot.burn_rate_samples
        ]
    return element("ul", *lines, class_="slo-lines")


def rate_text(sample: BurnRateSample) -> str:
    """The burn rate of a window; of one without an event there is none."""
    return burn_text(sample.burn_rate) if sample.sample_count else NOTHING


def _now(snapshot: SLOSnapshot) -> tuple[Node, ...]:
    """What burns now: the rules that fire by severity, or what the first one waits for that would fire otherwise."""
    burning = burning_now(snapshot)
    if burning is None:
        return ("no",)
    waiting = waiting_alert(snapshot)
    if burning == "waiting" and waiting is not None:
        return badge(burning), element("p", f"{rule_text(waiting)}: {waiting_text(waiting)}")
    firing: dict[str, list[str]] = {}
    for alert in snapshot.alerts:
        if alert.is_firing:
            firing.setdefault(alert.severity, []).append(windows_text(alert))
    lines = [
        element("li", element("strong", element("bdi", severity), class_=_colour(severity)), f" {', '.join(windows)}")
        for severity, windows in firing.items()
    ]
    return badge(burning), element("ul", *lines, class_="slo-lines slo-firing")


def _colour(severity: str) -> str | None:
    """A ticket waits till the morning: it is not as red as a page."""
    return "slo-ticketing" if severity == "ticket" else None


def _sorted_time(left: float | None) -> float:
    return _FOREVER if left is None else left
