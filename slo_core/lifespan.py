"""ASGI lifespan: hand over what is still in memory when the server shuts down, without code of the user's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from slo_core.off_loop import run_off_loop
from slo_core.registry import SLORegistry

__all__ = ["ASGIApp", "Message", "Receive", "Scope", "Send", "serve_lifespan"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_SHUTDOWN_ANSWERS = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


async def serve_lifespan(
    app: ASGIApp, scope: Scope, receive: Receive, send: Send, *, registry: Callable[[], SLORegistry | None]
) -> None:
    """
    Pass the lifespan on to the application, and hand counts over before the server is told that shutdown is complete.

    An application that knows no lifespan (Django, one that raises at it or returns without a word) is spared it: it is
    answered here.

    Args:
        app: The application.
        scope: The lifespan scope.
        receive: The server's.
        send: The server's.
        registry: Returns what to close; asked at shutdown only, None closes nothing.
    """
    spoken = False

    async def flushing_send(message: Message) -> None:
        nonlocal spoken
        spoken = True
        if message["type"] in _SHUTDOWN_ANSWERS:
            await _close(registry)
        await send(message)

    async def noting_receive() -> Message:
        nonlocal spoken
        spoken = True
        return await receive()

    try:
        await app(scope, noting_receive, flushing_send)
    except Exception:  # an application without lifespan raises whatever it likes, before it says a word
        if spoken:
            raise
    if not spoken:
        await _answer_lifespan(receive, send, registry)


async def _answer_lifespan(receive: Receive, send: Send, registry: Callable[[], SLORegistry | None]) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await _close(registry)
            await send({"type": "lifespan.shutdown.complete"})
            return


async def _close(registry: Callable[[], SLORegistry | None]) -> None:
    found = None
    try:
        found = registry()
        if found is not None:
            await run_off_loop(found.close)
    except Exception as exc:  # the server is shutting down: nothing of ours may keep it from that
        if found is not None:
            found.incidents.report("events could not be flushed at shutdown", exc)
