"""The first requests of a process: an SLO that takes none of them is probably defined for requests that do not exist."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

from slo_core.conventions import LOGGER_NAME
from slo_core.errors import names_text
from slo_core.http.bound_slo import BoundSLO
from slo_core.http.markers import marks_of
from slo_core.http.request import ObservedRequest, RouteMatch, counted_method, is_unmatched_request

__all__ = ["FirstRequests"]

# A view that gets one request in a hundred is left out of the first thousand in one process of 20,000.
_ENOUGH_REQUESTS = 1000


class FirstRequests:
    """
    Notes which SLOs took requests, and names those that took none of the first thousand in the log.

    SLOs of kind `"custom"` are not judged: the application feeds them itself.

    Args:
        bound_slos: The SLOs of the installation.
        exclude: Routes and paths that count for no SLO.
        where: Where their definitions stand, for the message.

    Attributes:
        is_over: Every SLO took a request, or enough requests came.
    """

    __slots__ = ("_exclude", "_left", "_unfed", "_where", "is_over")

    def __init__(self, bound_slos: Iterable[BoundSLO], *, exclude: re.Pattern[str] | None, where: str) -> None:
        self._exclude = exclude
        self._unfed = {slo.tracker.name for slo in bound_slos if not slo.marked_views_only and not slo.every_request}
        self._where = where
        self._left = _ENOUGH_REQUESTS
        self.is_over = not self._unfed

    def note(
        self, observed: ObservedRequest, route_match: RouteMatch, status: int | None, *, taking: Iterable[BoundSLO]
    ) -> None:
        """
        Note a request.

        Args:
            observed: The request.
            route_match: Its route.
            status: Of its answer.
            taking: The SLOs that took it.
        """
        self._unfed.difference_update(slo.tracker.name for slo in taking)
        if not (is_unmatched_request(route_match, status) or self._is_left_out(observed, route_match)):
            self._left -= 1
        if self.is_over or (self._unfed and self._left > 0):
            return
        self.is_over = True
        if self._unfed:
            names = sorted(self._unfed)
            logging.getLogger(LOGGER_NAME).warning(
                "none of the first %d requests of this process belongs to %s; if that is a surprise, look at %s "
                "routes, views, methods and exclude in %s",
                _ENOUGH_REQUESTS,
                f"the SLO {names[0]!r}" if len(names) == 1 else f"any of {len(names)} SLOs ({names_text(names)})",
                "its" if len(names) == 1 else "their",
                self._where,
            )

    def _is_left_out(self, observed: ObservedRequest, route_match: RouteMatch) -> bool:
        """Whether a request is left out of all SLOs: those of probes and scrapes are many, and tell nothing."""
        if route_match.is_static or marks_of(route_match.view, counted_method(observed.method)).exempt:
            return True
        texts = (observed.path,) if route_match.route is None else (observed.path, route_match.route)
        return self._exclude is not None and any(self._exclude.match(text) for text in texts)
