"""Answers of the core's views, sent through ASGI."""

from __future__ import annotations

from collections.abc import Callable

from slo_core.http.answer import Answer
from slo_core.http.lifespan import Scope, Send
from slo_core.http.request import exempt_request
from slo_core.process.threads import OwnThreads

__all__ = ["Endpoint", "headers_of", "view_arguments"]

# Readers of one endpoint that wait for the store at the same time, each in a thread.
_MOST_THREADS = 8


class Endpoint:
    """
    The base of the endpoints of our routes: it gives each the names that a function has, and threads of its own.

    Middleware such as rate limits and tracing reads the names. The endpoints cannot be functions, because Starlette passes
    a function a request instead of an ASGI scope.
    """

    # As `slo_exempt` marks it: a request for it counts for nothing, even if a layer around the router answered.
    _slo_exempt = True

    def __init__(self) -> None:
        self.__name__ = type(self).__name__
        self.__qualname__ = type(self).__qualname__
        self._threads = OwnThreads(most=_MOST_THREADS)

    async def send_answer(self, scope: Scope, send: Send, respond: Callable[[], Answer]) -> None:
        """
        Answer a request that counts for no SLO.

        Args:
            scope: Of the request.
            send: Of the request.
            respond: Makes the answer; called off the event loop, because it may wait for the store.
        """
        if scope["type"] != "http":
            raise ValueError(f"expected an HTTP request, got a connection of type {scope['type']!r}")
        exempt_request(scope)
        answer = await self._threads.run(respond)
        raw_headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw_headers})
        await send({"type": "http.response.body", "body": answer.body})


def headers_of(scope: Scope) -> dict[str, str]:
    """The headers of a request, by their names in lower case."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def view_arguments(scope: Scope) -> dict[str, str]:
    """The arguments that every view of the core takes from a request."""
    headers = headers_of(scope)
    return {
        "query": scope.get("query_string", b"").decode("latin-1"),
        "authorization": headers.get("authorization", ""),
        "accept_encoding": headers.get("accept-encoding", ""),
    }
