"""The last day of each SLO as a line of small bars, for the list."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple
from xml.etree import ElementTree as ET

from slo_core.budgets.bucket import BucketRange, Increment
from slo_core.budgets.burn_rate import burn_rate
from slo_core.budgets.events import EventCounts
from slo_core.budgets.wording import burn_text
from slo_core.errors import StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import DAY, FUTURE_TOLERANCE_SECONDS, QUARTER_HOUR
from slo_core.status_page.markup import element
from slo_core.tracking.registry import SLORegistry

__all__ = ["LastDays", "Sparkline", "last_days", "sparkline"]

# By SLO, the quarters of an hour of the last day that hold events, oldest first.
LastDays = Mapping[str, Sequence[Increment]]

# A bar is half an hour: two quarters.
_BARS = 48
_BAR_SECONDS = DAY // _BARS
_HEIGHT = 20
# A bar of this burn rate or more has the whole height: the factor at which most SLOs page. Any failure is two pixels high.
_HIGHEST = 14.4
_LOWEST = 2


class Sparkline(NamedTuple):
    """
    The line of one SLO: paths of an SVG.

    Attributes:
        events: Where there were events.
        allowed: Failures that were not more than allowed.
        failures: Those that were more.
        worst: The highest burn rate of half an hour; None without failures.
    """

    events: str
    allowed: str
    failures: str
    worst: float | None

    def element(self) -> ET.Element:
        """The picture, with its text in the reader's notation."""
        text = "no failure in the last 24 h"
        if self.worst is not None:
            text = f"last 24 h: at worst {burn_text(self.worst)} in half an hour"
        paths = (("slo-quiet-line", self.events), ("slo-allowed", self.allowed), ("slo-failures", self.failures))
        return element(
            "svg",
            element("title", text),
            *(element("path", d=path, class_=class_) for class_, path in paths if path),
            viewBox=f"0 0 {2 * _BARS} {_HEIGHT + 1}",
            class_="slo-spark",
            role="img",
        )


def last_days(registry: SLORegistry) -> LastDays:
    """
    The last day of every SLO, from a shared store in one round trip. An SLO that cannot be read is left out.

    Args:
        registry: The SLOs.

    Raises:
        StoreError: The store is out of reach.
    """
    store, trackers = registry.store, tuple(registry)
    if not trackers:
        return {}
    at = trackers[0].internals.clock()
    asked = BucketRange(
        QUARTER_HOUR,
        _first_bar(at) * _BAR_SECONDS // QUARTER_HOUR,
        math.floor((at + FUTURE_TOLERANCE_SECONDS) / QUARTER_HOUR),
    )
    # A store in this process's own memory, or a user's, is read SLO by SLO.
    read: Callable[[Sequence[SLODefinition], BucketRange], Sequence[Sequence[Sequence[Increment]] | StoreError]] | None
    read = getattr(store, "series_of_all", None)
    together = [] if read is None else [tracker.definition for tracker in trackers if tracker.store is store]
    days: dict[str, Sequence[Increment]] = {}
    if read is not None:
        for definition, answer in zip(together, read(together, asked), strict=True):
            if not isinstance(answer, StoreError):
                (days[definition.name],) = answer
    for tracker in trackers:
        if read is None or tracker.store is not store:
            with suppress(Exception):  # it hides no other SLO
                days[tracker.name] = tracker.internals.series(asked)
    return days


def _first_bar(at: float) -> int:
    return math.floor(at / _BAR_SECONDS) - _BARS + 1


def sparkline(definition: SLODefinition, day: Sequence[Increment] | None, *, at: float) -> Sparkline | None:
    """
    The failures of the last day, half an hour a bar: red where they were more than allowed; a grey line where events were.

    Args:
        definition: The SLO.
        day: Of `last_days`; None where it could not be read. Without events there is no line.
        at: The instant the day ends at.
    """
    if not day:
        return None
    first = _first_bar(at)
    good, bad = [0] * _BARS, [0] * _BARS
    last = _BARS - 1
    for width, bucket, of_good, of_bad in day:
        place = bucket * width // _BAR_SECONDS - first
        if place >= 0:
            if place > last:  # of a host whose clock runs ahead
                place = last
            good[place] += of_good
            bad[place] += of_bad
    shares = {place: bad[place] / (good[place] + bad[place]) for place in range(_BARS) if bad[place]}
    stretches = _stretches([place for place in range(_BARS) if good[place] or bad[place]])
    events = "".join(f"M{2 * begin} {_HEIGHT}h{2 * (end - begin)}" for begin, end in stretches)
    # The height of a bar is no decision: floats will do.
    pixels = _HEIGHT / (definition.error_budget_ratio * _HIGHEST)
    bars: dict[bool, list[str]] = {False: [], True: []}
    for place, share in shares.items():
        height = min(_HEIGHT, max(_LOWEST, round(share * pixels)))
        bars[share > definition.error_budget_ratio].append(f"M{place * 2 + 1} {_HEIGHT}v-{height}")
    worst: float | None = None
    if shares:
        place = max(shares, key=lambda place: shares[place])
        worst = burn_rate(EventCounts(good[place], bad[place]), definition.objective)
    return Sparkline(events, "".join(bars[False]), "".join(bars[True]), worst)


def _stretches(places: Sequence[int]) -> list[tuple[int, int]]:
    """Where places begin and end; neighbours are one stretch, which keeps the page small."""
    stretches: list[tuple[int, int]] = []
    for place in places:
        if stretches and stretches[-1][1] == place:
            stretches[-1] = (stretches[-1][0], place + 1)
        else:
            stretches.append((place, place + 1))
    return stretches
