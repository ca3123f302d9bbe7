"""A WSGI application below an ASGI one: each request counts once for each SLO."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2wsgi import WSGIMiddleware
from asgiref.wsgi import WsgiToAsgi, WsgiToAsgiInstance
from flask import Flask
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from slo_asgi import instrument
from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_flask import SLO

DEFINITIONS: dict[str, Any] = {"availability": {"target": 0.99}}


class HandingOver(WsgiToAsgiInstance):
    """What the README says for other bridges."""

    def build_environ(self, scope: Any, body: Any) -> dict[str, Any]:
        environ: dict[str, Any] = super().build_environ(scope, body)
        environ["asgi.scope"] = scope
        return environ


def handing_over(app: Flask) -> Any:
    async def bridge(scope: Any, receive: Any, send: Any) -> None:
        await HandingOver(app)(scope, receive, send)

    return bridge


def legacy(store: str, service: str) -> Flask:
    app = Flask("legacy")
    app.config.update(SLO_DEFINITIONS=DEFINITIONS, SLO_STORE=store, SLO_SERVICE=service, SLO_STATUS_PATH="/slo")
    app.add_url_rule("/old", "old", lambda: "old")
    app.add_url_rule("/bug", "bug", lambda: 1 / 0)
    app.before_request(lambda: None)
    SLO().init_app(app)
    return app


def ask(app: Starlette, *paths: str) -> None:
    async def every() -> None:
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            for path in paths:
                await client.get(path)

    asyncio.run(every())


def both(
    bridge: Callable[[Any], Any], store: str, *, service: str = "shop", mount: str = "/legacy"
) -> tuple[Starlette, Flask]:
    inner = legacy(store, service)

    async def new(request: Any) -> PlainTextResponse:
        return PlainTextResponse("new")

    outer = Starlette(routes=[Route("/new", new), Mount(mount, bridge(inner))])
    instrument(outer, DEFINITIONS, store=store, service="shop")
    return outer, inner


def counted(store: str, service: str, *registries: SLORegistry) -> tuple[int, int]:
    for registry in registries:
        registry.close()
    with SLORegistry(store, service=service) as reader:
        snapshot = reader.define(SLODefinition("availability", 0.99, http=HTTPRule())).snapshot()
    return snapshot.total, snapshot.failures


@pytest.mark.parametrize("bridge", [WSGIMiddleware, handing_over], ids=["a2wsgi", "by hand"])
@pytest.mark.parametrize("mount", ["/legacy", "/{tenant}/legacy"])
def test_a_bridge_that_hands_over_the_scope_counts_once(bridge: Any, mount: str, tmp_path: Path) -> None:
    """And scrapes and status pages of either side for nothing."""
    store = f"sqlite:///{tmp_path}/counts.db"
    outer, inner = both(bridge, store, mount=mount)
    below = mount.replace("{tenant}", "acme")

    ask(
        outer, "/new", *(below + path for path in ("/old", "/old", "/bug", "/metrics", "/slo", "/slo.json")), "/metrics"
    )

    assert counted(store, "shop", outer.state.slo_registry, inner.extensions["slo"].registry) == (4, 1)


def test_two_services_both_count(tmp_path: Path) -> None:
    """Each has its own budget."""
    store = f"sqlite:///{tmp_path}/counts.db"
    outer, inner = both(WSGIMiddleware, store, service="legacy")

    ask(outer, "/new", "/legacy/old", "/legacy/bug", "/legacy/metrics")

    registries = outer.state.slo_registry, inner.extensions["slo"].registry
    assert counted(store, "shop", *registries) == (3, 1)
    assert counted(store, "legacy") == (2, 1)


def test_an_answer_in_the_place_of_an_inner_scrape_counts_for_nothing(tmp_path: Path) -> None:
    """A middleware inside refuses it: the inner installation knows its own paths, also where the outer one counts."""
    store = f"sqlite:///{tmp_path}/counts.db"
    outer, inner = both(WSGIMiddleware, store)
    observer = inner.wsgi_app.__self__

    def refusing(environ: Any, start_response: Any) -> Any:
        start_response("403 Forbidden", [])
        return [b"no"]

    observer._app = observer.wsgi_app = refusing  # type: ignore[attr-defined]

    ask(outer, "/legacy/metrics", "/legacy/slo/slo.css")

    assert counted(store, "shop", outer.state.slo_registry, inner.extensions["slo"].registry) == (0, 0)


def test_a_silent_bridge_is_named_in_the_log_once(caplog: pytest.LogCaptureFixture) -> None:
    """It hands over nothing, so that the inner installation cannot know of the outer one."""
    outer, _ = both(WsgiToAsgi, "memory://")

    with caplog.at_level(logging.WARNING, "slo_core"):
        ask(outer, "/legacy/old", "/legacy/old")

    (message,) = [record.getMessage() for record in caplog.records if "requests come over" in record.getMessage()]
    assert message.startswith("requests come over asgiref's WsgiToAsgi, which does not say")


def test_starlettes_own_bridge_is_named_too(caplog: pytest.LogCaptureFixture) -> None:
    """It is deprecated, and still used."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bridges = pytest.importorskip("starlette.middleware.wsgi")
    outer, _ = both(bridges.WSGIMiddleware, "memory://")

    with caplog.at_level(logging.WARNING, "slo_core"):
        ask(outer, "/legacy/old")

    assert "requests come over Starlette's WSGIMiddleware" in caplog.text


def test_a_bridge_that_hands_over_nonsense_counts_all_the_same() -> None:
    """Whatever stands in the environ."""
    from wsgi_driver import serve

    app = legacy("memory://", "shop")
    for scope in (None, 7, {"slo_core.request": "marks"}):
        serve(app, path="/old", **{"asgi.scope": scope})

    assert app.extensions["slo"].registry["availability"].snapshot().total == 3
    assert app.extensions["slo"].registry.internals.errors.total == 0


@pytest.mark.parametrize("bridge", [WSGIMiddleware, WsgiToAsgi, handing_over])
def test_a_bridge_is_no_evidence_of_several_processes(
    bridge: Callable[[Any], Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each says `wsgi.multiprocess` always."""
    app = Flask("legacy")
    app.config["SLO_DEFINITIONS"] = DEFINITIONS
    SLO(app)

    ask(Starlette(routes=[Mount("/", bridge(app))]), "/metrics")

    assert "several workers" not in caplog.text
