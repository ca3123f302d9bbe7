"""The section "What is failing" on the page of one SLO, and the sentence of its headline that names the largest cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, tzinfo
from itertools import repeat
from xml.etree import ElementTree as ET

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.wording import NOTHING, percent, this_window_text, window_text
from slo_core.objectives.definition import SLODefinition
from slo_core.status.causes import CAUSE_SPANS, UNKNOWN_BECAUSE, SLOCauses, is_named, share_text, top_cause
from slo_core.status.state import burning_now
from slo_core.status_page.cause_line import cause_lines
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, timestamp

__all__ = ["cause_nodes", "failing_section", "fitting_span", "main_cause", "span_text"]

_HEADINGS = ("Cause", "Bad events", "Share of them", "Error budget")

_LAST = {"1h": "the last hour", "6h": "the last 6 hours", "1d": "the last day"}

# The largest causes explain an incident; the JSON lists all of them.
_MOST_ROWS = 10


def fitting_span(asked: str | None, snapshot: SLOSnapshot) -> str:
    """The span that is asked for; else the last hour while a rule fires or waits, and the window otherwise."""
    if asked is not None and asked in CAUSE_SPANS:
        return asked
    return "window" if burning_now(snapshot) is None else "1h"


def main_cause(causes: SLOCauses, snapshot: SLOSnapshot) -> tuple[Node, ...]:
    """A sentence for the headline while a rule fires or waits: the largest cause of the last hour, with its share."""
    top = None if burning_now(snapshot) is None else top_cause(causes.spans.get("1h"))
    if top is None:
        return ()
    return (f"Of the bad events of the last hour {share_text(top)} are ", *cause_nodes(top), ". ")


def cause_nodes(cause: CauseShare) -> tuple[Node, ...]:
    """A cause of `top_cause` in a sentence; its names are the application's own."""
    if cause.where is None:
        return element("code", cause.outcome, dir="ltr"), " in many places"
    return (element("code", f"{cause.where} {cause.outcome}", dir="ltr"),)


def failing_section(
    definition: SLODefinition,
    snapshot: SLOSnapshot,
    causes: SLOCauses,
    *,
    span: str,
    query: Mapping[str, str],
    links: Links,
    zone: tzinfo = UTC,
) -> ET.Element:
    """
    What the bad events of a span were caused by.

    Args:
        definition: The SLO.
        snapshot: Its numbers.
        causes: What is to be shown.
        span: One of `CAUSE_SPANS`.
        query: The other parameters of the page, which its links keep.
        links: The addresses of the page.
        zone: The time zone that times are written in.
    """
    heading = element("h2", "What is failing", id="slo-failing")
    breakdown = causes.spans.get(span)
    if breakdown is None:
        return element("section", heading, element("p", f"No causes to show: {causes.problem}.", dir="auto"))
    return element(
        "section",
        heading,
        _choices(definition, span, query, links),
        element("p", *_summary(definition, breakdown, span, zone), class_="slo-summary"),
        _table(definition, snapshot, breakdown, links) if breakdown.causes else None,
        element("p", breakdown.trouble, class_="slo-note", dir="auto") if breakdown.trouble is not None else None,
    )


def _choices(definition: SLODefinition, chosen: str, query: Mapping[str, str], links: Links) -> ET.Element:
    choices = [
        element(
            "li",
            element(
                "a",
                window_text(definition) if seconds is None else name,
                href=links.detail(definition.name, {**query, "causes": name}),
                aria_current="true" if name == chosen else None,
            ),
        )
        for name, seconds in CAUSE_SPANS.items()
        if seconds is None or seconds < definition.window_seconds or name == chosen
    ]
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Time span of the causes")


def _summary(definition: SLODefinition, breakdown: CauseBreakdown, span: str, zone: tzinfo) -> tuple[Node, ...]:
    last = span_text(definition, span)
    since = timestamp(breakdown.since, zone)
    if not breakdown.causes:
        return f"No bad event in {last} (counted from ", since, ")."
    events = breakdown.events
    bad = f"{number(events.bad)} of {number(events.good + events.bad)} events"
    return f"{bad} of {last} were bad (counted from ", since, ")."


def span_text(definition: SLODefinition, span: str) -> str:
    """A span in words: "the last hour"."""
    own = this_window_text(definition) if definition.period else f"the last {window_text(definition)}"
    return _LAST.get(span, own)


def _table(definition: SLODefinition, snapshot: SLOSnapshot, breakdown: CauseBreakdown, links: Links) -> ET.Element:
    # As everywhere on the page: of the window as it stands now.
    allowed = snapshot.error_budget_ratio * snapshot.total
    shown, left = breakdown.causes[:_MOST_ROWS], breakdown.causes[_MOST_ROWS:]
    table = element(
        "table",
        element("caption", "Causes, the largest first", class_="slo-hidden"),
        element(
            "thead",
            element(
                "tr",
                *(
                    element("th", text, scope="col", class_="slo-number" if text != _HEADINGS[0] else None)
                    for text in _HEADINGS
                ),
            ),
        ),
        element("tbody", *map(_row, shown, cause_lines(breakdown, shown), repeat(allowed))),
        class_="slo-table slo-cards slo-causes",
    )
    scrolling = element("div", table, class_="slo-scroll", tabindex="0", role="region", aria_label="Causes")
    return element("div", scrolling, _smaller(definition, left, links), _explained(shown), class_="slo-failing")


def _row(cause: CauseShare, line: ET.Element | None, allowed: float) -> ET.Element:
    at_least = "at least " if cause.is_lower_bound else ""
    spent = f"{at_least}{percent(cause.bad / allowed, 1)}" if allowed else NOTHING
    cells: tuple[tuple[Node, ...], ...] = (
        (f"{at_least}{number(cause.bad)}",),
        (f"{at_least}{percent(cause.share, 1)}", _bar(cause.share)),
        (spent,),
    )
    return element(
        "tr",
        element("th", *_name(cause), line, scope="row"),
        *(
            element("td", *content, class_="slo-number", data_label=heading)
            for heading, content in zip(_HEADINGS[1:], cells, strict=True)
        ),
    )


def _name(cause: CauseShare) -> tuple[Node, ...]:
    if cause.where is not None:
        return element("bdi", cause.where), " ", element("bdi", cause.outcome, class_="slo-outcome")
    if is_named(cause):
        return "other places ", element("bdi", cause.outcome, class_="slo-outcome")
    if cause.outcome == "unknown":
        return "not known", element("p", UNKNOWN_BECAUSE)
    return ("other causes",)


def _bar(share: float) -> ET.Element:
    return element(
        "svg",
        element("rect", width="100%", height="100%", class_="slo-track"),
        element("rect", width=f"{100 * share:.1f}%", height="100%", class_="slo-left"),
        class_="slo-bar slo-paging",
        aria_hidden="true",
        focusable="false",
    )


def _smaller(definition: SLODefinition, left: tuple[CauseShare, ...], links: Links) -> ET.Element | None:
    if not left:
        return None
    causes = "1 smaller cause" if len(left) == 1 else f"{number(len(left))} smaller causes"
    link = element("a", "JSON", href=links.json({"slo": definition.name}))
    return element("p", f"And {number(sum(each.bad for each in left))} of {causes}: see the ", link, ".")


def _explained(shown: tuple[CauseShare, ...]) -> ET.Element | None:
    if not any(each.is_lower_bound for each in shown):
        return None
    return element("p", "At least: so many causes came that only the largest are kept apart, and these may be more.")
