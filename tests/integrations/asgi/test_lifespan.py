"""Start and stop of the server: what is still in memory is handed over, without code of the user's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse

from asgi_driver import serve, serve_lifespan
from asgi_service import AVAILABILITY
from slo_asgi import SLOMiddleware, instrument
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


async def raising_app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"


async def silent_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await PlainTextResponse("answer")(scope, receive, send)


@pytest.mark.parametrize("app", [raising_app, silent_app])
def test_an_application_without_lifespan_is_answered_for(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that its numbers are flushed as well."""
    registry = SLORegistry.from_config(AVAILABILITY)
    flushes = Flushes(registry, monkeypatch)

    sent = serve_lifespan(SLOMiddleware(app, registry=registry), *BOTH)

    assert [message["type"] for message in sent] == COMPLETE
    assert flushes.events == ["flush"]


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
    assert registry.incidents.total == 1


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
