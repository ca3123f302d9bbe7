"""The list of the incidents of all SLOs on the status page."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import tzinfo
from functools import partial
from xml.etree import ElementTree as ET

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.episodes import Episode
from slo_core.budgets.incidents import incidents_of
from slo_core.budgets.notation import number
from slo_core.objectives.window import DAY
from slo_core.status_page.incidents import incidents_table
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element
from slo_core.tracking.incidents import incidents_of_all
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.shared_read import SharedRead

__all__ = ["INCIDENT_SPANS", "IncidentList", "incidents_link"]

# How far back the list may go.
INCIDENT_SPANS: Mapping[str, int] = {"1d": DAY, "7d": 7 * DAY, "30d": 30 * DAY, "all": KEPT_SECONDS}

_DEFAULT = "30d"

# More lines than this are hard to read.
_MOST_ROWS = 200

# Episodes, the newest first, the time that they were read at, and which SLOs could not be read.
_Read = tuple[list[Episode], float, tuple[str, ...]]


class IncidentList:
    """
    The incidents of the SLOs of a registry; requests at about the same time share one read.

    Args:
        registry: The SLOs.
    """

    __slots__ = ("_reads", "_registry")

    def __init__(self, registry: SLORegistry) -> None:
        self._registry = registry
        self._reads: dict[str, SharedRead[_Read]] = {}

    def content(self, asked: str | None, *, links: Links, zone: tzinfo) -> tuple[list[Node], float]:
        """
        The list, and the time that it was read at.

        Args:
            asked: One of `INCIDENT_SPANS`; 30 days for anything else.
            links: The addresses of the page.
            zone: The time zone that times are written in.

        Raises:
            StoreError: The store is out of reach.
        """
        span = asked if asked in INCIDENT_SPANS else _DEFAULT
        assert span is not None  # it is one of them
        episodes, at, unreadable = self._read(span)
        missing = [element("p", reason, class_="slo-note", role="alert", dir="auto") for reason in unreadable]
        incidents = incidents_of(episodes)
        shown = incidents[:_MOST_ROWS]
        more: Node = None
        if len(shown) < len(incidents):
            more = element("p", f"And {number(len(incidents) - len(shown))} older ones: see the pages of the SLOs.")
        table: Node = element("p", "No alert rule has fired.", class_="slo-nothing")
        if shown:
            table = incidents_table(shown, at, zone, links=links)
        back = element("p", element("a", "The list of SLOs", href=links.overview({})))
        return [back, _choices(span, links), *missing, table, more], at

    def _read(self, span: str) -> _Read:
        read = partial(_read_incidents, self._registry, INCIDENT_SPANS[span])
        if self._registry.store.scope == "process":
            return read()
        shared = self._reads.get(span)
        if shared is None:
            shared = self._reads.setdefault(span, self._registry.internals.shared(read))
        return shared()


def incidents_link(links: Links) -> ET.Element:
    """The way from the list of SLOs to that of their incidents."""
    return element("p", element("a", "Incidents of the last 30 days", href=links.overview({"incidents": _DEFAULT})))


def _read_incidents(registry: SLORegistry, seconds: int) -> _Read:
    snapshots = registry.internals.read_all()
    at = max((snapshot.at for _, snapshot in snapshots), default=time.time())
    return incidents_of_all(registry, snapshots, since=max(0.0, at - seconds)), at, snapshots.unreadable


def _choices(chosen: str, links: Links) -> ET.Element:
    choices = [
        element(
            "li",
            element(
                "a",
                name,
                href=links.overview({"incidents": name}),
                aria_current="true" if name == chosen else None,
            ),
        )
        for name in INCIDENT_SPANS
    ]
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Time span of the incidents")
