"""The first requests of a process: an SLO that counts none of them is probably defined for requests that nobody sends."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest

from slo_core.conventions import LOGGER_NAME
from slo_core.http.request import RouteMatch
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker
from slo_django.route import RouteResolver

__all__ = ["FirstRequests"]

# A view that gets one request in a hundred is left out of the first thousand in one process of 20,000.
_ENOUGH_REQUESTS = 1000


class FirstRequests:
    """
    Resolves the routes of the first requests, and then looks once whether every SLO was fed.

    Args:
        routes: Resolves the routes.
        registry: The SLOs.
        done: Called when it is over.
    """

    __slots__ = ("_done", "_left", "_registry", "_routes")

    def __init__(self, routes: RouteResolver, registry: SLORegistry, *, done: Callable[[RouteResolver], None]) -> None:
        self._routes = routes
        self._registry = registry
        self._done = done
        self._left = _ENOUGH_REQUESTS

    def resolve(self, request: HttpRequest, status: int | None) -> RouteMatch:
        """As `RouteResolver.resolve`."""
        if request.resolver_match is not None:  # scanners do not count
            self._left -= 1
            if self._left == 0:
                self._done(self._routes)
                self._report()
        return self._routes.resolve(request, status)

    def _report(self) -> None:
        for tracker in self._registry:
            rule = tracker.definition.http
            if rule is None or _events(tracker) != 0:
                continue
            logging.getLogger(LOGGER_NAME).warning(
                "the SLO %r has counted none of the first %d requests of this process; if that is a surprise, look at its "
                "routes, views, methods and exclude in settings.SLO_DEFINITIONS",
                tracker.name,
                _ENOUGH_REQUESTS,
            )


def _events(tracker: SLOTracker) -> int | None:
    """The events that this process has counted; None where a user's store is given each of them."""
    counter = tracker.internals.counter
    if counter is None:
        return None
    return sum(counts.good + counts.bad for counts in tuple(counter.thread_counts.values()))
