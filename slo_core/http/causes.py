"""Where a bad request is counted in the list of causes, and as what."""

from __future__ import annotations

from slo_core.budgets.causes import Cause
from slo_core.http.request import RequestKey
from slo_core.objectives.http_rule import OTHER_METHOD

__all__ = ["DISCONNECTED", "FAILED", "SLOW", "place_of"]

SLOW = "slow"
DISCONNECTED = "disconnected"
# What the application called bad without a reason.
FAILED = "failed"


def place_of(key: RequestKey) -> str:
    """
    The method and the route template of such requests: `POST /checkout/{id}`; never a path.

    Without a template the view's name stands for it; `POST unmatched` without a route.
    """
    method = "OTHER" if key.method == OTHER_METHOD else key.method
    route = key.route or key.view_name or _name_of(key.view) or "unmatched"
    printable = "".join(each if each.isprintable() else "?" for each in route[:200])
    return Cause(f"{method} {printable}", "").cut().where


def _name_of(view: object) -> str | None:
    if view is None:
        return None
    name = getattr(view, "__qualname__", None)
    return name if isinstance(name, str) else type(view).__qualname__
