"""Requests of a plain WSGI application: counted once, by what went out on the wire."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_core.testing import FakeClock, RequestEvent
from slo_wsgi import SLOMiddleware, metrics_wsgi_app, slo_exempt, slo_failed
from wsgi_driver import Answer, serve


class Service:
    """
    A WSGI application behind the middleware, and what was counted of it.

    Args:
        application: The application.
        rule: Of the SLO "availability".
        options: Of the middleware.
    """

    def __init__(self, application: Callable[..., Any], rule: HTTPRule | None = None, **options: Any) -> None:
        self.clock = FakeClock()
        self.registry = SLORegistry(clock=self.clock)
        self.registry.define(SLODefinition("availability", 0.9, http=rule or HTTPRule()))
        self.app = SLOMiddleware(application, registry=self.registry, timer=self.clock, **options)
        self.events: list[RequestEvent] = []
        self.registry.internals.request_listeners.append(self.events.append)

    def ask(self, method: str = "GET", path: str = "/", **options: Any) -> Answer:
        return serve(self.app, method, path, **options)

    def counts(self) -> tuple[int, int]:
        """Good and bad events; nothing went wrong inside the library."""
        assert self.registry.internals.errors.total == 0
        snapshot = self.registry["availability"].snapshot()
        return snapshot.total - snapshot.failures, snapshot.failures


def shop(environ: Any, start_response: Any) -> Any:
    """`/status/CODE` answers with that status, and says so to slo-suite as its route."""
    path = environ["PATH_INFO"]
    if path == "/boom":
        raise RuntimeError("boom")
    if path.startswith("/status/"):
        environ["slo_route"] = "/status/{code}"
        start_response(f"{path.removeprefix('/status/')} As Asked", [])
        return [b"answer"]
    start_response("404 Not Found", [])
    return [b"nothing"]


@pytest.mark.parametrize(("status", "counts"), [(200, (1, 0)), (302, (1, 0)), (404, (1, 0)), (500, (0, 1))])
def test_an_answer_is_good_below_500(status: int, counts: tuple[int, int]) -> None:
    """With the route that the application named: its 404 and its redirect are answers of it."""
    service = Service(shop)

    assert service.ask(path=f"/status/{status}").content == b"answer"
    assert service.counts() == counts
    assert service.events[0].route == "/status/{code}"


def test_a_404_without_a_route_is_left_out() -> None:
    """A path that the application does not know is a typo of the client's."""
    service = Service(shop)

    assert service.ask(path="/nowhere").status == 404
    assert service.counts() == (0, 0)


def test_an_exception_is_bad_and_reaches_the_server() -> None:
    """The server answers it with 500."""
    service = Service(shop)

    assert str(service.ask(path="/boom").exception) == "boom"
    assert service.counts() == (0, 1)


def test_a_route_names_the_slo_of_a_request() -> None:
    """`HTTPRule(routes=)` is matched against the template, then the path."""
    service = Service(shop, HTTPRule(routes=("/status/{code}",)))

    service.ask(path="/status/200")
    service.ask(path="/boom")

    assert service.counts() == (1, 0)


def test_one_template_is_one_route_however_many_requests_it_takes() -> None:
    """The recorder remembers by the route how requests are counted; a new object for each request would fill that memory."""
    service = Service(shop)
    matches = {id(service.app.routes.find({"slo_route": f"/orders/{'{id}'}"}, None)) for _ in range(3)}  # type: ignore[arg-type]

    assert len(matches) == 1


def test_a_route_may_bring_its_name_and_its_view() -> None:
    """Then `views` are matched against the name, and the marks of the view hold; a 404 without a template is an answer."""
    routes = iter([{"route": "/orders", "name": "orders"}, {"name": "orders"}, {"view": slo_exempt(lambda: None)}, {}])

    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["slo_route"] = next(routes)
        start_response("404 Not Found", [])
        return [b"answer"]

    service = Service(application)
    for _ in range(4):
        service.ask()

    assert [(event.route, event.view_name) for event in service.events] == [
        ("/orders", "orders"), (None, "orders"), (None, None),
    ]  # fmt: skip
    assert service.counts() == (3, 0)


@pytest.mark.parametrize("route", [7, None, b"/status", ["/status"]])
def test_a_route_that_is_no_text_is_no_route(route: Any) -> None:
    """Whatever the application puts there."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        environ["slo_route"] = route
        start_response("200 OK", [])
        return [b"answer"]

    service = Service(application)

    assert service.ask().status == 200
    assert service.counts() == (1, 0)
    assert service.events[0].route is None


def test_a_stream_that_fails_midway_is_bad() -> None:
    """200 went out, and half an answer."""

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield b"half"
        raise RuntimeError("midway")

    service = Service(application)

    assert service.ask().content == b"half"
    assert service.counts() == (0, 1)


def test_a_stream_that_the_client_leaves_is_left_out() -> None:
    """The server closes it."""

    def application(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [])
        yield from [b"one", b"two"]

    service = Service(application)

    service.ask(chunks=1)

    assert service.counts() == (0, 0)


def test_two_of_them_for_one_slo_count_once_and_for_two_slos_both() -> None:
    """The outermost counts for each SLO."""
    service = Service(shop)
    other = service.registry.define(SLODefinition("other", 0.9))
    service.app = SLOMiddleware(
        SLOMiddleware(service.app, registry=service.registry, slo_name="availability"),
        registry=service.registry,
        slo_name="other",
    )

    service.ask(path="/status/200")

    assert (service.counts(), other.snapshot().total) == ((1, 0), 1)


def test_the_application_can_say_that_a_200_failed() -> None:
    """JSON-RPC answers 200 with an error inside."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        slo_failed(environ)
        start_response("200 OK", [])
        return [b"error"]

    service = Service(application)

    service.ask()

    assert service.counts() == (0, 1)


def test_a_classifier_decides_for_one_slo() -> None:
    """As in `slo_asgi`."""
    registry = SLORegistry()
    registry.define(SLODefinition("strict", 0.9))
    app = SLOMiddleware(shop, registry=registry, slo_name="strict", classify=lambda status, _: status < 400)

    serve(app, path="/status/200")
    serve(app, path="/status/404")

    assert (registry["strict"].snapshot().total, registry["strict"].snapshot().failures) == (2, 1)


def test_a_registry_without_an_slo_for_requests_is_refused() -> None:
    """Nothing would be counted."""
    with pytest.raises(ValueError, match="no SLO of this registry counts HTTP requests"):
        SLOMiddleware(shop, registry=SLORegistry())


def test_the_metrics_view_answers_and_counts_for_no_slo() -> None:
    """GET and HEAD, the rest is 405, and the token is asked for."""
    service = Service(shop)
    metrics = metrics_wsgi_app(service.registry, token="secret")

    def with_metrics(environ: Any, start_response: Any) -> Any:
        return (metrics if environ["PATH_INFO"] == "/metrics" else shop)(environ, start_response)

    service.app = SLOMiddleware(with_metrics, registry=service.registry)
    token = {"HTTP_AUTHORIZATION": "Bearer secret"}

    statuses = [service.ask(method, "/metrics", **token).status for method in ("GET", "HEAD", "POST")]

    assert (statuses, service.ask(path="/metrics").status) == ([200, 200, 405], 401)
    assert b"slo_target" in service.ask(path="/metrics", **token).content
    assert service.ask("HEAD", "/metrics", **token).content == b""
    assert service.counts() == (0, 0)


def test_an_empty_token_is_refused_when_the_view_is_made() -> None:
    """A variable that was not set must not open the view to everybody."""
    with pytest.raises(ValueError, match="token="):
        metrics_wsgi_app(SLORegistry(), token="")


def test_the_recipe_for_bottle() -> None:
    """It names the routes of matched requests; an exception is the 500 that Bottle answers."""
    bottle = pytest.importorskip("bottle")
    application = bottle.Bottle()
    application.get("/orders/<order>", callback=lambda order: order)
    application.get("/boom", callback=lambda: 1 / 0)

    @application.hook("after_request")
    def name_route() -> None:
        if "bottle.route" in bottle.request.environ:
            bottle.request.environ["slo_route"] = bottle.request.environ["bottle.route"].rule

    service = Service(application)

    assert [service.ask(path=path).status for path in ("/orders/7", "/boom", "/nowhere")] == [200, 500, 404]
    assert [(event.route, event.status) for event in service.events] == [("/orders/<order>", 200), ("/boom", 500)]
    assert service.counts() == (1, 1)


def test_an_empty_body_of_announced_length_is_complete_with_its_first_chunk() -> None:
    """A client that looks at the length asks for no more."""

    def nothing(environ: Any, start_response: Any) -> Iterator[bytes]:
        start_response("200 OK", [("content-length", "0")])
        yield b""

    service = Service(nothing, HTTPRule(unmatched=True))
    body = iter(service.app({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda *_: lambda _: None))

    assert next(body) == b""
    assert service.counts() == (1, 0)


def test_a_status_that_is_no_number_is_bad() -> None:
    """Some servers send it."""

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("0 banana", [])
        return [b"answer"]

    service = Service(application)
    service.ask()

    assert service.counts() == (0, 1)
    assert service.events[0].status == 0


def test_attributes_of_the_application_are_reached_through_it() -> None:
    """Some applications keep their state on a WSGI middleware of their own (calibre-web: `app.wsgi_app.script_name`)."""

    class Proxied:
        script_name = "/books"

        def __call__(self, environ: Any, start_response: Any) -> Any:
            return shop(environ, start_response)

    app = Service(Proxied()).app

    assert app.script_name == "/books"
    with pytest.raises(AttributeError, match="unknown"):
        _ = app.unknown
    assert copy.copy(app).script_name == "/books"


def test_a_failure_is_counted_under_the_route_that_the_application_named() -> None:
    """And without one as unmatched: never under its path."""
    service = Service(shop)
    for status in (503, 503, 500):
        service.ask("PUT", f"/status/{status}")
    service.ask(path="/boom")

    breakdown = service.registry["availability"].causes(3600)
    assert breakdown is not None
    assert [(each.where, each.outcome, each.bad) for each in breakdown.causes] == [
        ("PUT /status/{code}", "503", 2), ("GET unmatched", "RuntimeError", 1), ("PUT /status/{code}", "500", 1),
    ]  # fmt: skip
