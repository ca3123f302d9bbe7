"""Views of an inner installation say by their marks what the outer one counts: for both, SLOs are the service's."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from a2wsgi import WSGIMiddleware
from flask import Flask
from starlette.applications import Starlette
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import slo_asgi
import slo_wsgi
from slo_core import SLORegistry
from slo_flask import SLO, slo_exempt, slo_track
from wsgi_driver import environ_of, serve

DEFINITIONS: dict[str, Any] = {"availability": {"target": 0.9}, "reports": {"target": 0.9, "kind": "custom"}}
# Good and bad requests of each SLO, by the path of the view.
EXPECTED = {
    "/plain": ((1, 0), (0, 0)),
    "/exempt": ((0, 0), (0, 0)),
    "/tracked": ((1, 0), (1, 0)),
    "/tracked/bug": ((0, 1), (0, 1)),
    "/metrics": ((0, 0), (0, 0)),
}


def registry_of(service: str = "shop", *, names: tuple[str, ...] = tuple(DEFINITIONS)) -> SLORegistry:
    return SLORegistry.from_config({name: DEFINITIONS[name] for name in names}, service=service)


def flask_app(registry: SLORegistry) -> Flask:
    app = Flask("inner")
    app.add_url_rule("/plain", "plain", lambda: "plain")
    app.add_url_rule("/exempt", "exempt", slo_exempt(lambda: "exempt"))
    app.add_url_rule("/tracked", "tracked", slo_track("reports")(lambda: "tracked"))
    app.add_url_rule("/tracked/bug", "bug", slo_track("reports")(lambda: 1 / 0))
    SLO().init_app(app, registry=registry)
    return app


def plain_app(registry: SLORegistry) -> Any:
    """Of no framework, lazy, and names its views itself."""
    exempt, tracked = slo_exempt(lambda: 1), slo_track("reports")(lambda: 1)
    views = {"/exempt": exempt, "/metrics": exempt, "/tracked": tracked, "/tracked/bug": tracked}

    def app(environ: dict[str, Any], start_response: Any) -> Any:
        path = environ["PATH_INFO"]
        environ["slo_route"] = {"route": path, "view": views.get(path)}
        start_response("500 No" if path == "/tracked/bug" else "200 OK", [("Content-Length", "2")])
        yield b"ok"

    return slo_wsgi.SLOMiddleware(app, registry=registry)


def raising_app(registry: SLORegistry) -> Flask:
    app = flask_app(registry)
    app.config["PROPAGATE_EXCEPTIONS"] = True
    return app


def in_wsgi(app: Any, registry: SLORegistry) -> Any:
    return slo_wsgi.SLOMiddleware(app, registry=registry)


def in_flask(app: Any, registry: SLORegistry) -> Any:
    outer = Flask("outer")
    outer.wsgi_app = DispatcherMiddleware(outer.wsgi_app, {"/in": app})  # type: ignore[method-assign]
    SLO().init_app(outer, registry=registry)
    return lambda environ, start: outer({**environ, "PATH_INFO": f"/in{environ['PATH_INFO']}"}, start)


def in_asgi(app: Any, registry: SLORegistry) -> Any:
    return over_asgi(slo_asgi.SLOMiddleware(WSGIMiddleware(app), registry=registry))


def in_starlette(app: Any, registry: SLORegistry) -> Any:
    outer = Starlette(routes=[Mount("/in", WSGIMiddleware(app))])
    return over_asgi(slo_asgi.SLOMiddleware(outer, registry=registry), "/in")


def over_asgi(app: Any, prefix: str = "") -> Callable[..., Any]:
    """An ASGI application as the WSGI driver asks it."""

    async def ask(method: str, path: str) -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            await client.request(method, path)

    def wsgi_app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        asyncio.run(ask(environ["REQUEST_METHOD"], prefix + environ["PATH_INFO"]))
        start_response("200 OK", [])
        return []

    return wsgi_app


def counts(registry: SLORegistry) -> tuple[tuple[int, int], ...]:
    snapshots = [registry[name].snapshot() for name in registry.names()]
    return tuple((snapshot.total - snapshot.failures, snapshot.failures) for snapshot in snapshots)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", EXPECTED)
@pytest.mark.parametrize("outer", [in_wsgi, in_flask, in_asgi, in_starlette])
@pytest.mark.parametrize("inner", [flask_app, raising_app, plain_app])
def test_the_marks_of_an_inner_view_hold_outside(inner: Any, outer: Any, path: str, method: str) -> None:
    """Whatever framework is around it, and with a registry of its own."""
    registry, within = registry_of(), registry_of()

    serve(outer(inner(within), registry), method, path)

    assert counts(registry) == EXPECTED[path]
    assert counts(within) == ((0, 0), (0, 0))


def test_the_marks_hold_for_an_outer_installation_that_counts_a_part_of_the_slos() -> None:
    """What is left counts inside."""
    registry, within = registry_of(names=("availability",)), registry_of()
    app = in_wsgi(flask_app(within), registry)

    for path in ("/exempt", "/tracked"):
        serve(app, path=path)

    assert (counts(registry), counts(within)) == (((1, 0),), ((0, 0), (1, 0)))


def test_the_marks_of_another_service_hold_for_that_service() -> None:
    """An SLO of the same name is another one there."""
    registry, within = registry_of("gateway"), registry_of("shop")
    app = in_wsgi(flask_app(within), registry)

    for path in ("/exempt", "/tracked"):
        serve(app, path=path)

    assert (counts(registry), counts(within)) == (((2, 0), (0, 0)), ((1, 0), (1, 0)))


def test_the_response_of_an_inner_installation_is_the_application_s_own() -> None:
    """It goes through untouched: a list stays a list."""
    body = [b"ok"]

    def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return body

    answer = serve(in_wsgi(slo_wsgi.SLOMiddleware(app, registry=registry_of()), registry_of()))

    assert answer.body is body


def test_an_uncounted_request_waits_for_no_garbage_collector() -> None:
    """What its environ holds goes with it."""
    app = in_wsgi(flask_app(registry_of()), registry_of())
    serve(app, path="/tracked")

    gc.disable()
    try:
        kept = threading.Event()  # as any object that takes weak references
        is_kept = weakref.ref(kept)
        b"".join(app(environ_of(path="/tracked", kept=kept), lambda *response: print))
        del kept
        assert is_kept() is None
    finally:
        gc.enable()
