"""The first sentences on the page of one SLO: what happens, since when, and how long the budget lasts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.budget import spent_and_allowed
from slo_core.budgets.changes import MarkBefore
from slo_core.budgets.events import EventCounts
from slo_core.budgets.history import FiringSince, firing_since
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshot, seconds_left
from slo_core.budgets.timeline import Timeline
from slo_core.budgets.wording import (
    allowed_text,
    burn_text,
    measured_text,
    percent,
    roughly,
    rule_text,
    waiting_text,
    window_text,
)
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.status.state import budget_state, burning_now, waiting_alert
from slo_core.status_page.changes import mark_nodes
from slo_core.status_page.markup import Node, element, timestamp

__all__ = ["FiringRules", "duration_text", "firing_rules", "headline"]

# Each alert state, in the order of the SLO's rules, with the time since which it fires.
FiringRules = list[tuple[AlertState, FiringSince | None]]


def firing_rules(definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline) -> FiringRules:
    """Every rule's state, with the time since which it fires; None where it does not, or has only just begun to."""
    return [
        (
            alert,
            firing_since(
                rule,
                factor=rule.factor(definition.window_seconds),
                definition=definition,
                timeline=timeline,
                at=snapshot.at,
                data_since=snapshot.data_since,
            )
            if alert.is_firing
            else None,
        )
        for rule, alert in zip(definition.active_alert_rules, snapshot.alerts, strict=True)
    ]


def headline(
    definition: SLODefinition,
    snapshot: SLOSnapshot,
    timeline: Timeline,
    rules: FiringRules,
    zone: tzinfo = UTC,
    *,
    began: MarkBefore | None = None,
    because: Sequence[Node] = (),
) -> ET.Element:
    """
    What happens now, and how the budget stands, in two sentences.

    Args:
        definition: The SLO.
        snapshot: Its numbers.
        timeline: Its past.
        rules: Of `firing_rules`.
        zone: The time zone that times are written in.
        began: The last change before the burn began; None without one.
        because: A sentence between them, which says what fails.
    """
    burning = burning_now(snapshot)
    state = burning or budget_state(snapshot)
    return element(
        "p",
        element("strong", *_first(snapshot, rules, began)),
        " ",
        *because,
        *_budget(definition, snapshot, timeline, zone),
        class_=f"slo-headline slo-is-{state.replace(' ', '-')}",
    )


def _first(snapshot: SLOSnapshot, rules: FiringRules, began: MarkBefore | None) -> tuple[Node, ...]:
    burning = burning_now(snapshot)
    if burning is None:
        return ("No alert fires." if snapshot.has_data else "No events.",)
    after: tuple[Node, ...] = ()
    if began is not None:
        after = (f"; it began {began.after_text} ", *mark_nodes(began.mark))
    waiting = waiting_alert(snapshot)
    if burning == "waiting" and waiting is not None:
        not_yet = f"{rule_text(waiting)} does not fire yet: {waiting_text(waiting)}."
        return f"Failing: {_failing(waiting)}", *after, f". {not_yet}"
    # A rule of the urgency that is shown: while something pages, what only asks for a ticket is not the news.
    urgent = [
        (alert, since)
        for alert, since in rules
        if alert.is_firing and (burning == "ticketing") == (alert.severity == "ticket")
    ]
    known = [since for _, since in urgent if since is not None]
    duration = ""
    if known:
        oldest = min(known, key=lambda since: since.at)
        at_least = "at least " if oldest.is_earliest_known else ""
        duration = f" for {at_least}{duration_text(max(0, int(snapshot.at - oldest.at)), oldest.within_seconds)}"
    fastest = min((alert for alert, _ in urgent), key=lambda alert: alert.long.window_seconds)
    return f"{burning.capitalize()}{duration}: {_failing(fastest)}", *after, "."


def duration_text(seconds: int, within_seconds: int) -> str:
    """How long a rule has fired, no more exactly than that is known: "40s", "12m", "about 45m"."""
    is_known_to_seconds = seconds < 60 and within_seconds <= 1
    about = "about " if within_seconds > (1 if seconds < 60 else 60) else ""
    return f"{about}{roughly(seconds if is_known_to_seconds else max(60, seconds // 60 * 60))}"


def _failing(alert: AlertState) -> str:
    """The failures of a rule's short window."""
    short = alert.short
    of_all = f"{number(short.failures)} of the {number(short.sample_count)} events"
    share, burn = percent(short.failures / max(1, short.sample_count), 0), burn_text(short.burn_rate)
    return f"{of_all} of the last {format_duration(short.window_seconds)} failed ({share}), {burn} the allowed rate"


def _budget(definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline, zone: tzinfo) -> tuple[Node, ...]:
    state, window = budget_state(snapshot), window_text(definition)
    if state == "no data":
        return (f"The {window} holds none." if definition.period else f"The last {window} hold none.",)
    left = percent(snapshot.error_budget_remaining, 1)
    if state in ("breached", "exhausted"):
        gone = _gone_at(definition, snapshot, timeline)
        when: tuple[Node, ...] = ("gone",)
        if gone is not None:
            at, within = gone
            about = f", give or take {format_duration(within)}" if within > 1 else ""
            when = ("gone since ", timestamp(at, zone), about)
        allowed = snapshot.error_budget_ratio * snapshot.total
        spent = f": {number(snapshot.failures)} bad events where {allowed_text(allowed)} are allowed."
        return ("The budget is ", *when, spent)
    if state == "warming up":
        return (f"The budget cannot be judged yet: measured {measured_text(definition, snapshot)}.",)
    lasts = seconds_left(snapshot)
    pace = "" if lasts is None else f", and gone in {roughly(lasts)} at this pace"
    return (f"{left} of the budget is left{pace}.",)


def _gone_at(definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline) -> tuple[float, int] | None:
    """
    When the present budget of the window was spent: the end of that bucket, and its width.

    None where its buckets are no longer kept.
    """
    own = definition.own_span(at=snapshot.at, until=snapshot.at)
    gone: tuple[float, int] | None = None
    for edge in timeline.edges_back(snapshot.at):
        if edge < timeline.covered_since:
            return None
        spent = timeline.counts(after=own.start, before=edge).bad
        then = EventCounts(snapshot.total - spent, spent)
        if spent == 0 or _is_left(then, definition):
            break
        gone = min(float(edge), snapshot.at), timeline.width(edge - 1)
    return gone


def _is_left(counts: EventCounts, definition: SLODefinition) -> bool:
    spent, allowed = spent_and_allowed(counts, definition.objective)
    return spent < allowed
