"""The section "How long it takes" on the page of a latency SLO."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from slo_core.budgets.latencies import Latencies, LatencyRange
from slo_core.budgets.notation import number
from slo_core.budgets.wording import percent
from slo_core.objectives.definition import SLODefinition
from slo_core.status.latencies import SLOLatencies, latency_lines, range_text
from slo_core.status_page.markup import Node, element

__all__ = ["latency_section"]

_HEADINGS = ("Time", "Events", "Share of them")


def latency_section(
    definition: SLODefinition, latencies: SLOLatencies | None, *, span: str, span_text: str
) -> ET.Element | None:
    """
    How long the events of a span took; None for an SLO without a threshold.

    Args:
        definition: The SLO.
        latencies: What is to be shown.
        span: One of `slo_core.status.causes.CAUSE_SPANS`.
        span_text: The same in words: "the last hour".
    """
    if latencies is None:
        return None
    heading = element("h2", "How long it takes", id="slo-latency")
    shown = latencies.spans.get(span)
    if shown is None:
        return element("section", heading, element("p", f"Nothing to show: {latencies.problem}.", dir="auto"))
    lines = latency_lines(shown, definition.target)
    return element(
        "section",
        heading,
        element("p", f"In {span_text}: ", " ".join(lines), class_="slo-summary"),
        _table(shown) if shown.known else None,
        element("p", shown.trouble, class_="slo-note", dir="auto") if shown.trouble is not None else None,
    )


def _table(latencies: Latencies) -> ET.Element:
    edges = (None, *latencies.edges_seconds, None)
    cells = [
        (LatencyRange(low, high), count)
        for low, high, count in zip(edges[:-1], edges[1:], latencies.counts, strict=True)
    ]
    used = [place for place, (_, count) in enumerate(cells) if count]
    table = element(
        "table",
        element("caption", "How many events took how long", class_="slo-hidden"),
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
        element("tbody", *(_row(*cell, latencies) for cell in cells[used[0] : used[-1] + 1])),
        class_="slo-table slo-cards slo-times",
    )
    return element("div", table, class_="slo-scroll", tabindex="0", role="region", aria_label="How long it takes")


def _row(between: LatencyRange, count: int, latencies: Latencies) -> ET.Element:
    share = count / latencies.known
    is_slow = between.low is not None and between.low >= latencies.threshold_seconds
    name: list[Node] = [range_text(between).capitalize()]
    if is_slow:
        name += [" ", element("span", "too slow", class_="slo-outcome")]
    return element(
        "tr",
        element("th", *name, scope="row"),
        element("td", number(count), class_="slo-number", data_label=_HEADINGS[1]),
        element("td", percent(share, 1), _bar(share), class_="slo-number", data_label=_HEADINGS[2]),
    )


def _bar(share: float) -> ET.Element:
    return element(
        "svg",
        element("rect", width="100%", height="100%", class_="slo-track"),
        element("rect", width=f"{100 * share:.1f}%", height="100%", class_="slo-left"),
        class_="slo-bar",
        aria_hidden="true",
        focusable="false",
    )
