"""How each cost grows with the number of SLOs: a request pays for those it belongs to, a read for all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.contest import compete, hold_to, print_table, ratio_of, seconds_per_call
from slo_core import SLORegistry
from slo_core.http.recorder import HTTPRecorder, RouteMatch
from slo_core.metrics.exporter import PrometheusExporter

__all__ = ["run"]

_COUNTS = (1, 10, 100, 1000)
_MATCHING = 3
_ROUTES = 500
_ROUTE = RouteMatch("/checkout/{order}", view_name="checkout")


def _service(count: int, *, matching: int = _MATCHING) -> SLORegistry:
    """So many SLOs, of which a request of the route belongs to `matching`; the others have other routes."""
    definitions: dict[str, Any] = {
        f"slo-{index:04}": {"target": "99.9%", "routes": ["/checkout/*" if index < matching else f"/other-{index}/*"]}
        for index in range(count)
    }
    return SLORegistry.from_config(definitions)


def _request(service: SLORegistry) -> Callable[[], None]:
    recorder = HTTPRecorder(service)
    orders = itertools.count()

    def serve() -> None:
        request_scope: dict[str, Any] = {}
        # Paths carry ids: few of them come twice.
        observed = recorder.begin(request_scope, "GET", f"/checkout/{next(orders)}")
        assert observed is not None
        observed.status = 200
        observed.first_byte = observed.ended = recorder.timer()
        observed.route_match = _ROUTE
        recorder.finish(observed)

    serve()
    assert sum(tracker.snapshot().total for tracker in service) == min(_MATCHING, len(service))
    return serve


def _early_answers(rounds: int) -> None:
    """What it takes to find the route of a request that a layer in front of the router has answered."""
    from starlette.routing import Route

    from slo_asgi.route_table import RouteTable

    async def view(request: object) -> None:
        pass

    shapes = {"its own start": "/area{}/{{item}}/parts", "one start": "/api/{{tenant}}/area{}/{{item:int}}"}
    measures: dict[str, Callable[[], float]] = {}
    for name, shape in shapes.items():
        table = RouteTable([Route(shape.format(number), view) for number in range(_ROUTES)])
        numbers = itertools.count()

        def find(table: RouteTable = table, numbers: Iterator[int] = numbers) -> None:
            # Paths that no route takes, each another one, and as many that one takes.
            number = next(numbers)
            table.match("GET", f"/api/{number}/area{number}/x")
            table.match("GET", f"/api/{number}/area{number % _ROUTES}/{number}")
            table.match("GET", f"/area{number % _ROUTES}/{number}/parts")

        measures[f"each route with {name}"] = lambda find=find: seconds_per_call(find, 200) / 3  # type: ignore[misc]
    results = compete(measures, 20 * rounds)
    print_table(f"the route of an early answer, of {_ROUTES} routes", results, reference=next(iter(measures)))
    slowest = max(result.minimum for result in results.values())
    hold_to(f"an early answer among {_ROUTES} routes", "<= 100 us", f"{slowest * 1e6:.1f} us", is_met=slowest <= 100e-6)


def run(rounds: int) -> None:
    """Print one table for requests, one for early answers, one for snapshots, one for `/metrics`."""
    services = {count: _service(count) for count in _COUNTS}
    names = {count: f"{count:,} SLOs" + (" (it belongs to all)" if count < _MATCHING else "") for count in _COUNTS}

    def measures(function: Callable[[SLORegistry], Callable[[], object]], calls: int) -> dict[str, Callable[[], float]]:
        ready = {names[count]: function(service) for count, service in services.items()}
        return {
            name: (lambda call=call: seconds_per_call(call, calls))  # type: ignore[misc]
            for name, call in ready.items()
        }

    ten, thousand = names[10], names[1000]
    results = compete(measures(_request, 200), 20 * rounds)
    print_table(f"one request that belongs to {_MATCHING} SLOs, recorder alone", results, reference=ten)
    ratio = ratio_of(results, thousand, ten)
    hold_to("a request with 1,000 SLOs defined", "<= 2 x with 10", f"{ratio:.2f} x", is_met=ratio <= 2)
    _early_answers(rounds)
    for title, function in (
        ("a snapshot of every SLO", lambda service: service.snapshot_all),
        ("/metrics of every SLO", lambda service: PrometheusExporter(service).render),
    ):
        results = compete(measures(function, 1), rounds)
        print_table(title, results, reference=ten, unit="ms")
