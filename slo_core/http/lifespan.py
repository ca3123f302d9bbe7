"""ASGI lifespan: counts still in memory are flushed when the server shuts down, without code of the user's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from slo_core.process.threads import OwnThreads
from slo_core.tracking.registry import SLORegistry

__all__ = ["ASGIApp", "Message", "Receive", "Scope", "Send", "serve_lifespan"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
# What an application returns means nothing to a server; layers between may hand it to each other.
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[Any]]

_SHUTDOWN_ANSWERS = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


def _never(exc: Exception) -> bool:
    return False


def _ignore(message_type: object) -> None:
    pass


async def serve_lifespan(
    app: ASGIApp,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    registry: Callable[[], SLORegistry | None],
    is_refusal: Callable[[Exception], bool] = _never,
    note: Callable[[object], None] = _ignore,
) -> None:
    """
    Pass the lifespan on to the application, and flush counts before the server learns that shutdown is complete.

    The server sees what it would see without this function. The one exception is an application that is known to have
    no lifespan: this function answers the server in its place, so that the counts are flushed. An application is known
    to have no lifespan in two cases, both before its first `receive` or `send`:

    * It returns: nothing has failed.
    * It raises, and `is_refusal` recognizes the exception.

    Every other exception goes to the server. It may be a start that failed, in any layer of the application, and only
    the server knows what its user wants: `--lifespan on` of uvicorn and gunicorn refuses to serve, a test client
    raises, and `--lifespan auto`, hypercorn and granian serve without a lifespan. This holds for an
    `assert scope["type"] == "http"` too: the layer that asserts may stand around one that has a start-up.

    A server that serves without a lifespan announces no shutdown. Stores are then closed when the interpreter ends.
    uvicorn ends by the signal that it received, without that: the events since the last flush are lost, which is one
    flush interval at most.

    Args:
        app: The application.
        scope: The lifespan scope.
        receive: The server's.
        send: The server's.
        registry: Returns the registry to close; called at shutdown only, None closes nothing.
        is_refusal: Whether an exception says that the application has no lifespan.
        note: Called with the type of each message of the server; must not raise.
    """
    has_exchanged = False

    async def flushing_send(message: Message) -> None:
        nonlocal has_exchanged
        has_exchanged = True
        if message["type"] in _SHUTDOWN_ANSWERS:
            await _close(registry)
        await send(message)

    async def noting() -> Message:
        message = await receive()
        note(message.get("type"))
        return message

    async def noting_receive() -> Message:
        nonlocal has_exchanged
        has_exchanged = True
        return await noting()

    try:
        await app(scope, noting_receive, flushing_send)
    except Exception as exc:
        if has_exchanged or not is_refusal(exc):
            raise
    if not has_exchanged:
        await _answer_lifespan(noting, send, registry)


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
    open_registry = None
    try:
        open_registry = registry()
        if open_registry is not None:
            await OwnThreads(most=1).run(open_registry.close)
    except Exception as exc:  # the server is shutting down: an error of ours must not keep it from that
        if open_registry is not None:
            open_registry.internals.errors.report("events could not be flushed at shutdown", exc)
