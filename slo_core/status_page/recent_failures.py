"""The section "Recent failures" on the page of one SLO."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from xml.etree import ElementTree as ET

from slo_core.budgets.notation import number
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.budgets.wording import NOTHING
from slo_core.status.failures import failure_duration_text, trace_link
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element, timestamp

__all__ = ["recent_failures_section"]

_HEADINGS = ("Time", "Cause", "Duration", "Trace", "Request id")

# The rest is in the JSON.
_MOST_ROWS = 10


def recent_failures_section(
    slo: str, failures: Sequence[RecentFailure], *, trace_url: str | None, links: Links, zone: tzinfo = UTC
) -> ET.Element | None:
    """
    The last bad events in a table, the newest first; None without any.

    Args:
        slo: The name of the SLO.
        failures: Its recent failures, the newest first.
        trace_url: The address of a trace, with the placeholder `{trace_id}`; None links none.
        links: The addresses of the page.
        zone: The time zone that times are written in.
    """
    if not failures:
        return None
    shown = failures[:_MOST_ROWS]
    # A column that is empty in every row says nothing.
    is_shown = {
        "Duration": any(each.duration_seconds is not None for each in shown),
        "Trace": any(each.trace_id is not None for each in shown),
        "Request id": any(each.request_id is not None for each in shown),
    }
    headings = [heading for heading in _HEADINGS if is_shown.get(heading, True)]
    table = element(
        "table",
        element("caption", "Recent failures, the newest first", class_="slo-hidden"),
        element("thead", element("tr", *(element("th", text, scope="col") for text in headings))),
        element("tbody", *(_row(each, headings, trace_url, zone) for each in shown)),
        class_="slo-table slo-cards slo-recent",
    )
    return element(
        "section",
        element("h2", "Recent failures", id="slo-recent"),
        element("div", table, class_="slo-scroll", tabindex="0", role="region", aria_label="Recent failures"),
        _more(slo, len(failures) - len(shown), links),
        class_="slo-failing",
    )


def _row(failure: RecentFailure, headings: Sequence[str], trace_url: str | None, zone: tzinfo) -> ET.Element:
    duration, link = failure.duration_seconds, trace_link(trace_url, failure.trace_id)
    trace: Node = NOTHING
    if failure.trace_id is not None:
        trace = element("code", failure.trace_id, dir="ltr")
        if link is not None:
            trace = element("a", trace, href=link, rel="noreferrer")
    cells: dict[str, tuple[Node, ...]] = {
        "Cause": _cause(failure),
        "Duration": (NOTHING if duration is None else failure_duration_text(duration),),
        "Trace": (trace,),
        "Request id": (NOTHING if failure.request_id is None else element("code", failure.request_id, dir="ltr"),),
    }
    return element(
        "tr",
        element("th", timestamp(failure.at, zone), scope="row"),
        *(element("td", *cells[heading], data_label=heading) for heading in headings[1:]),
    )


def _cause(failure: RecentFailure) -> tuple[Node, ...]:
    if failure.cause is None:
        return ("not known",)
    where, outcome = failure.cause
    return element("bdi", where), " ", element("bdi", outcome, class_="slo-outcome")


def _more(slo: str, count: int, links: Links) -> ET.Element | None:
    if not count:
        return None
    return element("p", f"And {number(count)} more: see the ", element("a", "JSON", href=links.json({"slo": slo})), ".")
