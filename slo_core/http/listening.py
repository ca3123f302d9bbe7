"""The listeners of a registry: they hear of each counted request."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from slo_core.http.classify import Timing
from slo_core.http.request import ObservedRequest, RequestEvent, RouteMatch, counted_method

__all__ = ["notify"]


def notify(
    listeners: Iterable[Callable[[RequestEvent], None]],
    observed: ObservedRequest,
    route_match: RouteMatch,
    status: int | None,
    timing: Timing,
    outcomes: dict[str, bool],
) -> None:
    """
    Call each listener with what was counted.

    Args:
        listeners: What was registered when the request ended.
        observed: The finished request.
        route_match: Its route.
        status: Its `wire_status`.
        timing: How long it took.
        outcomes: By the name of each SLO that counted it, whether it was good.
    """
    event = RequestEvent(
        method=counted_method(observed.method),
        path=observed.path,
        route=route_match.route,
        view_name=route_match.view_name,
        status=status,
        exception=observed.exception,
        disconnected=observed.disconnected,
        duration_seconds=timing.total,
        first_byte_seconds=None if observed.first_byte is None else timing.first_byte,
        outcomes=outcomes,
    )
    for listener in tuple(listeners):
        listener(event)
