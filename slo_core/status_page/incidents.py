"""The incidents of one SLO on its page, and the table that the list of all incidents has too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.episodes import Episode
from slo_core.budgets.incidents import Incident, incidents_of
from slo_core.budgets.notation import number
from slo_core.budgets.wording import NOTHING, percent
from slo_core.status.causes import share_text
from slo_core.status.incidents import duration_of, main_cause_of, rules_text
from slo_core.status_page.changes import mark_nodes
from slo_core.status_page.failing import cause_nodes
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, timestamp

__all__ = ["incident_section", "incidents_table"]

_HEADINGS = ("Start", "Lasted", "Alert", "Bad events", "Error budget", "Top cause", "Just before")
_NUMBERS = ("Bad events", "Error budget")

# More lines than this are hard to read; the JSON lists all.
_MOST_ROWS = 10


def incident_section(
    slo: str, episodes: Sequence[Episode] | str, *, at: float, links: Links, zone: tzinfo = UTC
) -> ET.Element:
    """
    The last incidents of one SLO, the newest first.

    Args:
        slo: Its name.
        episodes: Those of its rules; or why they cannot be shown.
        at: Now.
        links: The addresses of the page.
        zone: The time zone that times are written in.
    """
    heading = element("h2", "Incidents", id="slo-incidents")
    if isinstance(episodes, str):
        return element("section", heading, element("p", f"No incidents to show: {episodes}.", dir="auto"))
    incidents = incidents_of(episodes)
    if not incidents:
        return element("section", heading, element("p", "No alert rule has fired."))
    shown, left = incidents[:_MOST_ROWS], incidents[_MOST_ROWS:]
    more: Node = None
    if left:
        older = "1 older incident" if len(left) == 1 else f"{number(len(left))} older incidents"
        more = element("p", f"And {older}: see the ", element("a", "JSON", href=links.json({"slo": slo})), ".")
    return element("section", heading, incidents_table(shown, at, zone), more)


def incidents_table(
    incidents: Sequence[Incident], at: float, zone: tzinfo, *, links: Links | None = None
) -> ET.Element:
    """
    A table of incidents.

    Args:
        incidents: A line each, in their order.
        at: Now.
        zone: The time zone that times are written in.
        links: The addresses of the page, where the SLOs are to be named; None where all are of one.
    """
    headings = _HEADINGS if links is None else ("SLO", *_HEADINGS)
    table = element(
        "table",
        element("caption", "Incidents, the newest first", class_="slo-hidden"),
        element(
            "thead",
            element(
                "tr",
                *(
                    element("th", text, scope="col", class_="slo-number" if text in _NUMBERS else None)
                    for text in headings
                ),
            ),
        ),
        element("tbody", *(_row(each, at, zone, links) for each in incidents)),
        class_="slo-table slo-cards slo-incidents",
    )
    return element("div", table, class_="slo-scroll", tabindex="0", role="region", aria_label="Incidents")


def _row(incident: Incident, at: float, zone: tzinfo, links: Links | None) -> ET.Element:
    main, cause, marks = incident.main, main_cause_of(incident), incident.episodes[0].marks
    start = timestamp(incident.start, zone)
    name = None if links is None else element("a", incident.slo, href=links.detail(incident.slo, {}), dir="auto")
    colour = "slo-ticketing" if incident.severity == "ticket" else None
    severity = element("bdi", incident.severity)
    is_over = incident.end is not None
    cells: dict[str, tuple[Node, ...]] = {
        "Lasted": (duration_of(incident, at),) if is_over else (element("strong", duration_of(incident, at)),),
        "Alert": (
            severity if is_over else element("strong", severity, class_=colour),
            f" {rules_text(incident)}",
        ),
        "Bad events": (number(main.bad),),
        "Error budget": (percent(main.budget_share, 1),),
        "Top cause": (NOTHING,) if cause is None else (f"{share_text(cause)} ", *cause_nodes(cause)),
        "Just before": mark_nodes(marks[-1]) if marks else (NOTHING,),
    }
    heading = element("th", start if name is None else name, scope="row")
    first = None if name is None else element("td", start, data_label="Start")
    return element(
        "tr",
        heading,
        first,
        *(
            element("td", *content, class_="slo-number" if label in _NUMBERS else None, data_label=label)
            for label, content in cells.items()
        ),
    )
