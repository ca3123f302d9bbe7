"""A Flask application whose requests are counted and listed, on a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask

from slo_core import SLORegistry
from slo_core.testing import FakeClock, RequestEvent
from slo_flask import SLO
from wsgi_driver import Answer, serve

AVAILABILITY: Mapping[str, Any] = {"availability": {"target": 0.9}}


class Service:
    """
    An application and what was counted of it.

    Args:
        app: The application, with its routes or still without.
        definitions: As configured.
        clock: Moved by the views in place of work.
        config: More of the application's configuration.
    """

    def __init__(
        self,
        app: Flask | None = None,
        definitions: Mapping[str, Any] = AVAILABILITY,
        *,
        clock: FakeClock | None = None,
        **config: Any,
    ) -> None:
        self.clock = clock or FakeClock()
        self.app = app or Flask("shop")
        self.app.config.update(config)
        self.registry = SLORegistry.from_config(definitions, clock=self.clock)
        SLO().init_app(self.app, registry=self.registry, timer=self.clock)
        self.events: list[RequestEvent] = []
        self.registry.internals.request_listeners.append(self.events.append)

    def ask(self, method: str = "GET", path: str = "/", **options: Any) -> Answer:
        """Send one request; the options are those of `wsgi_driver.serve`."""
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
