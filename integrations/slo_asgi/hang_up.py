"""What a client that goes away, or sends what no server accepts, makes an application raise."""

from __future__ import annotations

import sys
from asyncio import CancelledError

__all__ = ["is_hang_up", "is_refusal"]


def is_hang_up(exc: BaseException) -> bool:
    """Whether an application raises such an exception when its client has gone."""
    if isinstance(exc, BaseExceptionGroup):
        return all(is_hang_up(inner) for inner in exc.exceptions)
    requests = sys.modules.get("starlette.requests")  # Starlette need not be there
    client_disconnect = getattr(requests, "ClientDisconnect", OSError)
    return isinstance(exc, (CancelledError, OSError, client_disconnect)) or is_refusal(exc)


def is_refusal(exc: BaseException) -> bool:
    """
    Whether a server will not send an answer because it has answered a malformed body itself, with 400.

    uvicorn with h11 does that in the middle of a request. Without this test any client could spend a budget by sending a
    malformed chunk. An error of h11 about the answer itself, such as a line feed in a header, names no state: that is the
    application's failure.
    """
    h11 = sys.modules.get("h11")  # other servers and parsers do not import it
    protocol_error = getattr(h11, "LocalProtocolError", None)
    return protocol_error is not None and isinstance(exc, protocol_error) and " and state=" in str(exc)
