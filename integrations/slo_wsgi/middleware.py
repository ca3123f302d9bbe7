"""The middleware for WSGI applications of any framework."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from slo_core.http.recorder import HTTPRecorder
from slo_core.objectives.http_rule import Classifier
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker
from slo_wsgi.observer import ObservingMiddleware, WSGIObserver
from slo_wsgi.route import EnvironRoutes

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

__all__ = ["SLOMiddleware"]


class SLOMiddleware(ObservingMiddleware):
    """
    Counts the requests of a WSGI application.

    With `registry` alone, every definition with an `http` part counts its own requests. With `tracker`, or `registry`
    and `slo_name`, every request counts for that one SLO, and `classify` decides.

    Args:
        app: The application.
        registry: The SLOs.
        tracker: One SLO.
        slo_name: One SLO of `registry`.
        classify: `classify(status, exception_or_None) -> bool`; the default is no exception and a status below 500.
        exclude: Globs of routes and paths that never count.
        timer: Monotonic seconds; tests pass `slo_core.testing.FakeClock`.
        may_be_idle: Accept a registry in which no definition counts requests, because it is filled later.

    Raises:
        ValueError: Neither registry nor tracker, or no definition that counts requests.
        KeyError: The registry has no SLO of that name.
    """

    __slots__ = ()

    def __init__(
        self,
        app: WSGIApplication,
        *,
        registry: SLORegistry | None = None,
        tracker: SLOTracker | None = None,
        slo_name: str | None = None,
        classify: Classifier | None = None,
        exclude: Iterable[str] = (),
        timer: Callable[[], float] = time.perf_counter,
        may_be_idle: bool = False,
    ) -> None:
        recorder = HTTPRecorder(
            registry,
            tracker=tracker,
            slo_name=slo_name,
            classify=classify,
            exclude=exclude,
            timer=timer,
            may_be_idle=may_be_idle,
        )
        super().__init__(app, WSGIObserver(app, recorder, EnvironRoutes()))
