"""Whether the server is stopping, and whether a client has gone: what servers say of it, each in its own way."""

from __future__ import annotations

import asyncio
import signal
from asyncio import CancelledError

from slo_core.http.lifespan import Message, Receive, Send

__all__ = ["disconnect_is_waiting", "server_is_stopping"]

# A server's `receive` has a waiting message at its first step. Layers between may take a step or two of their own.
_STEPS = 3

# A body of so many messages is not looked through.
_MESSAGES = 64

_UVICORN_CANCELS = "graceful shutdown exceeded"


async def disconnect_is_waiting(receive: Receive) -> bool:
    """
    Whether `http.disconnect` is among the messages that can be received without waiting.

    gunicorn's ASGI worker and daphne leave it there, perhaps behind a body that was not read, and cancel the application a
    little later. Only asked after such a cancellation: the application will not read the messages any more.
    """
    for _ in range(_MESSAGES):
        message = await _waiting_message(receive)
        if message is None or message.get("type") != "http.request":
            return message is not None and bool(message.get("type") == "http.disconnect")
    return False


async def _waiting_message(receive: Receive) -> Message | None:
    task = asyncio.ensure_future(receive())
    try:
        for _ in range(_STEPS):
            await asyncio.sleep(0)
            if task.done():
                break
        else:
            task.cancel()
            await asyncio.sleep(0)
    except CancelledError:  # cancelled a second time; the caller raises the first one again
        task.cancel()
    if not task.done() or task.cancelled() or task.exception() is not None:
        return None
    return task.result()


def server_is_stopping(receive: Receive, send: Send, exc: BaseException | None) -> bool:
    """
    Whether the server has begun its own graceful stop.

    ASGI has no word for it before `lifespan.shutdown`, which uvicorn and hypercorn send after they have cancelled what
    still ran. So this looks at what the servers hold: uvicorn's `Server.should_exit`, found through its signal handler,
    and the text it cancels with; Twisted's `_stopped`, found likewise, for daphne; hypercorn's `terminated`; the `alive` of
    gunicorn's worker. granian waits for what still runs, and then kills it: there is nothing to see.

    Args:
        receive: The server's.
        send: The server's.
        exc: What the application raised.
    """
    if isinstance(exc, CancelledError) and any(_UVICORN_CANCELS in str(argument) for argument in exc.args):
        return True
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    if getattr(server, "should_exit", False) is True or getattr(server, "_stopped", False) is True:
        return True
    terminated = getattr(getattr(getattr(send, "__self__", None), "context", None), "terminated", None)
    if terminated is not None and terminated.is_set() is True:
        return True
    protocol = getattr(getattr(receive, "__self__", None), "protocol", None)
    return getattr(getattr(protocol, "worker", None), "alive", True) is False
