"""The small time line of a cause in "What is failing": when its bad events happened."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.notation import number
from slo_core.objectives.duration import format_duration
from slo_core.status_page.markup import element

__all__ = ["cause_lines"]

_MOST_BARS = 48
_HEIGHT = 20
_LOWEST = 2


def cause_lines(breakdown: CauseBreakdown, shown: Sequence[CauseShare]) -> list[ET.Element | None]:
    """
    A line for each of the causes, all to one scale; None for those of which only the outcome is kept.

    Args:
        breakdown: The stretch of time.
        shown: The causes.
    """
    times = breakdown.times
    if times is None:
        return [None] * len(shown)
    buckets = max(0, math.floor((times.until - breakdown.since) / times.width_seconds)) + 1
    seconds = math.ceil(buckets / _MOST_BARS) * times.width_seconds
    bars: list[dict[int, int]] = []
    for share in shown:
        counts: dict[int, int] = {}
        for start, bad in times.of_share(share).items() if share.where is not None else ():
            # The last bar also takes what hosts counted whose clocks run ahead.
            place = min((start - breakdown.since) // seconds, math.ceil(buckets * times.width_seconds / seconds) - 1)
            if place >= 0:
                counts[place] = counts.get(place, 0) + bad
        bars.append(counts)
    highest = max((bad for counts in bars for bad in counts.values()), default=0)
    width = 2 * math.ceil(buckets * times.width_seconds / seconds)
    return [_line(counts, highest, width, seconds) if counts else None for counts in bars]


def _line(counts: dict[int, int], highest: int, width: int, seconds: int) -> ET.Element:
    path = "".join(
        f"M{2 * place + 1} {_HEIGHT}v-{max(_LOWEST, round(_HEIGHT * bad / highest))}"
        for place, bad in sorted(counts.items())
    )
    return element(
        "svg",
        element("path", d=f"M0 {_HEIGHT}h{width}", class_="slo-quiet-line"),
        element("path", d=path, class_="slo-failures"),
        viewBox=f"0 0 {width} {_HEIGHT + 1}",
        preserveAspectRatio="none",
        class_="slo-spark",
        role="img",
        aria_label=f"at most {number(max(counts.values()))} in {format_duration(seconds)}",
    )
