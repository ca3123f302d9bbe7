"""What all tests of the core share: a clock that stands still, and a service whose requests are counted."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from calm import be_calm, coverage_run
from slo_core import SLODefinition, SLORegistry
from slo_core.http.recorder import HTTPRecorder, RequestEvent, RouteMatch
from slo_core.testing import FakeClock

# tox.ini says how many examples of each property are tried; without it all are.
be_calm(max_examples=int(os.environ.get("SLO_EXAMPLES", "100")))


class Service:
    """Feeds a recorder as an integration does, request by request."""

    def __init__(self, definitions: Any, *, listens: bool, service: str = "default", **options: Any) -> None:
        self.timer = FakeClock(0.0)
        self.registry = SLORegistry.from_config(definitions, service=service, clock=FakeClock())
        self.recorder = HTTPRecorder(self.registry, timer=self.timer, **options)
        self.events: list[RequestEvent] = []
        if listens:
            self.registry.internals.request_listeners.append(self.events.append)

    def request(
        self,
        path: str = "/x",
        *,
        method: str = "GET",
        status: int | None = 200,
        route: str | None = "/x",
        view_name: str | None = None,
        view: object = None,
        is_static: bool = False,
        exception: BaseException | None = None,
        is_answered: bool = False,
        disconnected: bool = False,
        first_byte: float | None = None,
        seconds: float = 0.0,
        request_scope: dict[str, Any] | None = None,
    ) -> dict[str, bool]:
        """What each SLO made of a request that took that long; an SLO that left it out is not in it."""
        observed = self.recorder.begin({} if request_scope is None else request_scope, method, path)
        if observed is None:
            return {}
        observed.status, observed.exception, observed.disconnected = status, exception, disconnected
        observed.is_answered = is_answered
        observed.first_byte = None if first_byte is None else self.timer() + first_byte
        self.timer.advance(seconds)
        before = {tracker.name: self.counts(tracker.name) for tracker in self.registry}
        observed.route_match = RouteMatch(route, view_name=view_name, view=view, is_static=is_static)
        self.recorder.finish(observed)
        outcomes = {}
        for name, (good, bad) in before.items():
            counted = self.counts(name)
            assert counted in ((good, bad), (good + 1, bad), (good, bad + 1))
            if counted != (good, bad):
                outcomes[name] = counted == (good + 1, bad)
        return outcomes

    def counts(self, name: str = "a") -> tuple[int, int]:
        """Good and bad."""
        snapshot = self.registry[name].snapshot()
        return snapshot.lifetime_good, snapshot.lifetime_bad


@pytest.fixture
def untraced() -> Iterator[None]:
    """
    The test is not measured by coverage, where that is running: it makes arithmetic four times slower.

    For tests that go a hundred thousand times through lines that others go through, too.
    """
    measuring = coverage_run()
    if measuring is not None:
        measuring.stop()
    yield
    if measuring is not None:
        measuring.start()


@pytest.fixture(params=[True, False], ids=["listened", "unheard"])
def listens(request: pytest.FixtureRequest) -> bool:
    """Whether a listener lists the requests: what is counted must not depend on it."""
    return bool(request.param)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves when told to."""
    return FakeClock()


@pytest.fixture
def service_of(listens: bool) -> Callable[..., Service]:
    """`service_of(**options)`: a service with one SLO named "a", whose options these are, of target 0.9."""

    def make(**options: Any) -> Service:
        recorder_options = {name: options.pop(name) for name in ("exclude_all", "service") if name in options}
        if "exclude_all" in recorder_options:
            recorder_options["exclude"] = recorder_options.pop("exclude_all")
        return Service({"a": {"target": 0.9, **options}}, listens=listens, **recorder_options)

    return make


@pytest.fixture
def service_with(listens: bool) -> Callable[..., Service]:
    """`service_with(definitions)`: a service with these SLOs."""

    def make(definitions: dict[str, Any] | list[SLODefinition], **options: Any) -> Service:
        return Service(definitions, listens=listens, **options)

    return make
