"""One request to a recorder, and what was counted of it."""

from __future__ import annotations

from typing import Any

from slo_core import SLOTracker
from slo_core.http.recorder import HTTPRecorder, RouteMatch


def counts(tracker: SLOTracker) -> tuple[int, int]:
    """Good and bad."""
    snapshot = tracker.snapshot()
    return snapshot.lifetime_good, snapshot.lifetime_bad


def send(
    recorder: HTTPRecorder,
    *,
    method: str = "GET",
    path: str = "/x",
    status: int = 200,
    route_match: RouteMatch | None = None,
    request_scope: dict[str, Any] | None = None,
) -> bool:
    """One request, without a route unless one is given; whether anybody wanted to count it."""
    observed = recorder.begin({} if request_scope is None else request_scope, method, path)
    if observed is None:
        return False
    observed.status = status
    observed.route_match = route_match
    recorder.finish(observed)
    return True
