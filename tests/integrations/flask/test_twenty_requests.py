"""The twenty requests that mean the same on every framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from flask import Blueprint, Flask, Response, redirect

from flask_service import Service
from slo_core.testing import FakeClock
from slo_flask import slo_exempt, slo_track
from twenty_requests import EXPECTED, REQUESTS, SLO_DEFINITIONS, SLO_EXCLUDE

View = Callable[..., Any]


def build(clock: FakeClock) -> Flask:
    """The application that the list of requests asks for."""

    def answering(status: int, seconds: float = 0.0) -> View:
        def view(**arguments: object) -> tuple[str, int]:
            clock.advance(seconds)
            return f"{status}", status

        return view

    def boom() -> str:
        raise RuntimeError("boom")

    def streaming(*, breaks: bool) -> View:
        def chunks() -> Iterator[bytes]:
            yield b"one"
            if breaks:
                raise RuntimeError("midway")
            yield b"two"

        return lambda: Response(chunks())

    views: dict[tuple[str, str], View] = {
        ("GET", "/ok"): answering(200),
        ("POST", "/orders"): answering(201),
        ("GET", "/missing"): answering(404),
        ("GET", "/reports/broken"): slo_track("reports")(answering(500)),
        ("GET", "/boom"): boom,
        ("GET", "/checkout/slow"): answering(200, 0.375),
        ("GET", "/checkout/edge"): answering(200, 0.25),
        ("GET", "/old"): lambda: redirect("/ok"),
        ("GET", "/limited"): answering(429),
        ("GET", "/private"): slo_exempt(answering(200)),
        ("GET", "/reports"): slo_track("reports")(answering(200)),
        ("GET", "/internal/health"): answering(200),
        ("GET", "/stream/whole"): streaming(breaks=False),
        ("GET", "/stream/broken"): streaming(breaks=True),
    }
    app = Flask("shop")
    for (method, path), view in views.items():
        app.add_url_rule(path, path.strip("/").replace("/", "-"), view, methods=[method])
    blueprint = Blueprint("checkout", __name__, url_prefix="/checkout/<region>")
    blueprint.add_url_rule("/items/<int:number>", "item", answering(200, 0.125))
    app.register_blueprint(blueprint)
    return app


def test_twenty_requests_are_worth_the_same_everywhere() -> None:
    """Status, outcome and SLOs of each request, and the totals worked out by hand."""
    clock = FakeClock()
    service = Service(build(clock), SLO_DEFINITIONS, clock=clock, SLO_EXCLUDE=SLO_EXCLUDE)
    totals: Counter[tuple[str, bool]] = Counter()

    for request in REQUESTS:
        service.events.clear()
        answer = service.ask(request.method, request.path)

        assert request.status in (None, answer.status), request
        events = service.events
        assert [event.outcomes for event in events] == ([request.outcomes] if request.outcomes else []), request
        assert [event.duration_seconds for event in events] in ([], [request.takes_seconds]), request
        assert request.raises or answer.exception is None, request
        assert [event.exception is not None for event in events] in ([], [request.raises]), request
        totals.update((name, good) for event in events for name, good in event.outcomes.items())

    assert service.registry.internals.errors.total == 0
    assert {name: (totals[name, True], totals[name, False]) for name in EXPECTED} == EXPECTED
    assert {name: service.counts(name) for name in EXPECTED} == EXPECTED
