"""Start and stop of the server: what is still in memory is handed over, without code of the user's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse

from asgi_driver import serve, serve_lifespan
from asgi_service import AVAILABILITY
from slo_asgi import SLOMiddleware, instrument, with_lifespan
from slo_core import SLODefinition, SLORegistry, SLOTracker

BOTH = ("lifespan.startup", "lifespan.shutdown")
COMPLETE = ["lifespan.startup.complete", "lifespan.shutdown.complete"]


class Flushes:
    """Notes when a registry is flushed, among other events."""

    def __init__(self, registry: SLORegistry, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: list[str] = []
        monkeypatch.setattr(registry, "close", lambda: self.events.append("flush"))


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
def test_the_registry_is_flushed_after_the_applications_own_shutdown(
    framework: type[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And before the server is told that all is done; the application's lifespan runs as ever."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, str]]:
        flushes.events.append("start")
        yield {"key": "value"}
        flushes.events.append("stop")

    app = framework(lifespan=lifespan)
    flushes = Flushes(instrument(app, AVAILABILITY), monkeypatch)

    sent = serve_lifespan(app, *BOTH)

    assert [message["type"] for message in sent] == COMPLETE
    assert flushes.events == ["start", "stop", "flush"]


async def asserting_app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http", "HTTP only"


async def silent_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("answer")(scope, receive, send)


@pytest.mark.parametrize("layers", [1, 2])
def test_an_application_that_passes_over_the_lifespan_is_flushed(layers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server is answered in its place, once, also under several of our middlewares."""
    registry = SLORegistry.from_config(AVAILABILITY)
    flushes = Flushes(registry, monkeypatch)
    app: Any = silent_app
    for _ in range(layers):
        app = SLOMiddleware(app, registry=registry)

    sent = serve_lifespan(app, *BOTH)

    assert [message["type"] for message in sent] == COMPLETE
    assert flushes.events == ["flush"] * layers


class NeedsSecret:
    """A middleware that cannot be built."""

    def __init__(self, app: Any) -> None:
        raise RuntimeError("SECRET is not set")


class NeedsLicence:
    """A middleware that refuses to start."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            raise RuntimeError("the licence server is away")
        await self.app(scope, receive, send)


BROKEN: dict[str, Callable[[], Any]] = {
    "a layer that cannot be built": lambda: Starlette(middleware=[Middleware(NeedsSecret)]),
    "a layer that refuses": lambda: Starlette(middleware=[Middleware(NeedsLicence)]),
    "FastAPI": lambda: FastAPI(middleware=[Middleware(NeedsLicence)]),
    "HTTP only": lambda: asserting_app,
}


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("broken", BROKEN)
def test_a_start_that_fails_before_its_first_message_reaches_the_server(broken: str, layers: int) -> None:
    """Exactly as without our middleware, and the server does not hear that the start is complete."""

    def outcome(app: Any) -> tuple[list[dict[str, Any]], str]:
        sent: list[dict[str, Any]] = []
        with pytest.raises((RuntimeError, AssertionError)) as caught:
            serve_lifespan(app, *BOTH, sent=sent)
        return sent, repr(caught.value)

    wrapped = BROKEN[broken]()
    for _ in range(layers):
        wrapped = SLOMiddleware(wrapped, registry=SLORegistry.from_config(AVAILABILITY))

    assert outcome(wrapped) == outcome(BROKEN[broken]())


def test_an_instrumented_application_that_refuses_to_start_is_not_started() -> None:
    """`instrument` puts our middleware around those that the application already has."""
    app = Starlette(middleware=[Middleware(NeedsLicence)])
    instrument(app, AVAILABILITY)

    with pytest.raises(RuntimeError, match="the licence server is away"):
        serve_lifespan(app, *BOTH)


def test_a_failing_start_is_the_applications_to_tell() -> None:
    """The server sees the failure and the exception as if we were not there."""

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    def outcome(app: Any) -> tuple[list[str], str]:
        sent: list[dict[str, Any]] = []
        with pytest.raises(RuntimeError) as caught:
            serve_lifespan(app, *BOTH, sent=sent)
        return [message["type"] for message in sent], str(caught.value)

    app = Starlette(lifespan=lifespan)
    instrument(app, AVAILABILITY)

    assert outcome(app) == (["lifespan.startup.failed"], "no database")
    assert outcome(app) == outcome(Starlette(lifespan=lifespan))


def test_a_flush_that_fails_does_not_keep_the_server_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is noted; the shutdown completes."""
    registry = SLORegistry.from_config(AVAILABILITY)

    def fail() -> None:
        raise RuntimeError("store is down")

    monkeypatch.setattr(registry, "close", fail)

    sent = serve_lifespan(SLOMiddleware(silent_app, registry=registry), *BOTH)

    assert [message["type"] for message in sent] == COMPLETE
    assert registry.internals.errors.total == 1


def test_a_middleware_for_one_tracker_passes_the_lifespan_on() -> None:
    """It has no registry to flush."""
    tracker = SLOTracker(SLODefinition("availability", 0.9))

    sent = serve_lifespan(SLOMiddleware(silent_app, tracker=tracker), *BOTH)

    assert [message["type"] for message in sent] == COMPLETE


def test_requests_need_no_lifespan() -> None:
    """Serverless adapters send none."""
    registry = SLORegistry.from_config(AVAILABILITY)

    serve(SLOMiddleware(silent_app, registry=registry))

    assert registry["availability"].snapshot().total == 1


def test_a_mounted_application_is_flushed_by_a_lifespan_around_the_outer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The outer one does not pass its own on; that runs as ever."""
    inner = FastAPI()
    flushes = Flushes(instrument(inner, AVAILABILITY), monkeypatch)

    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        flushes.events.append("start")
        yield
        flushes.events.append("stop")

    outer = FastAPI(lifespan=lifespan)
    outer.mount("/inner", inner)

    sent = serve_lifespan(with_lifespan(outer, inner.state.slo_registry), *BOTH)

    assert [message["type"] for message in sent] == COMPLETE
    assert flushes.events == ["start", "stop", "flush"]


@pytest.mark.parametrize(
    "bridge", ["a2wsgi.WSGIMiddleware", "asgiref.wsgi.WsgiToAsgi", "starlette.middleware.wsgi.WSGIMiddleware"]
)
@pytest.mark.filterwarnings("ignore:.*WSGIMiddleware is deprecated:DeprecationWarning")
def test_an_application_behind_a_bridge_is_flushed(bridge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bridges to WSGI have no lifespan: some return, some raise."""
    module, _, name = bridge.rpartition(".")
    bridged = getattr(pytest.importorskip(module), name)(bare_wsgi_app)
    flushes = Flushes(registry := SLORegistry(), monkeypatch)

    sent = serve_lifespan(with_lifespan(bridged, registry), *BOTH)

    assert [message["type"] for message in sent] == COMPLETE
    assert flushes.events == ["flush"]


def bare_wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    raise AssertionError("no request is sent")


def test_a_start_that_fails_behind_a_lifespan_reaches_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the application's, whatever it is."""
    with pytest.raises(AssertionError, match="HTTP only"):
        serve_lifespan(with_lifespan(asserting_app, SLORegistry()), *BOTH)


def test_nobody_is_warned_of_a_lifespan_that_runs_outside(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of an application without any there is a warning, which names the way out."""
    for runs_outside in (True, False):
        inner = FastAPI()
        inner.add_api_route("/ok", lambda: "ok")
        instrument(inner, AVAILABILITY, store=f"sqlite:///{tmp_path / 'slo.db'}", service=str(runs_outside))
        outer = FastAPI()
        outer.mount("/inner", inner)
        app = with_lifespan(outer, inner.state.slo_registry) if runs_outside else outer
        caplog.clear()

        serve_lifespan(app, *BOTH)
        serve(app, path="/inner/ok")
        inner.state.slo_registry.close()

        assert ("put with_lifespan(app, registry) around" in caplog.text) is not runs_outside


def test_requests_pass_a_lifespan_untouched() -> None:
    """Everything but the lifespan does."""
    assert serve(with_lifespan(silent_app, SLORegistry())).status == 200
