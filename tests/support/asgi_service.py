"""An ASGI application behind the middleware, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asgi_driver import Answer, Application, serve
from slo_asgi import SLOMiddleware
from slo_core import SLORegistry
from slo_core.testing import FakeClock, RequestEvent

AVAILABILITY: Mapping[str, Any] = {"availability": {"target": 0.9}}


class Service:
    """
    An application whose requests are counted and listed.

    Args:
        app: The application.
        definitions: As configured.
        clock: Moved by the application in place of work.
        inside: Add the middleware to the application's own (Starlette, FastAPI) rather than put it around all of it.
        options: Of the middleware.
    """

    def __init__(
        self,
        app: Any,
        definitions: Mapping[str, Any] = AVAILABILITY,
        *,
        clock: FakeClock | None = None,
        inside: bool = False,
        **options: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        self.registry = SLORegistry.from_config(definitions, clock=self.clock)
        self.events: list[RequestEvent] = []
        self.registry.internals.request_listeners.append(self.events.append)
        options = {"registry": self.registry, "timer": self.clock, **options}
        self.app: Application = app
        if inside:
            app.add_middleware(SLOMiddleware, **options)
        else:
            self.app = SLOMiddleware(app, **options)

    def ask(self, method: str = "GET", path: str = "/", **options: Any) -> Answer:
        """Send one request; the options are those of `asgi_driver.serve`."""
        return serve(self.app, method, path, **options)

    @property
    def only_event(self) -> RequestEvent:
        """The one request that was counted; nothing went wrong inside the library."""
        assert self.registry.internals.errors.total == 0
        (event,) = self.events
        return event

    def counts(self, name: str = "availability") -> tuple[int, int]:
        """Good and bad events of one SLO."""
        snap = self.registry[name].snapshot()
        return snap.total - snap.failures, snap.failures
