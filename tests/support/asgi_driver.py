"""A server for one request, in process: drives an ASGI application and keeps every message it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

Message = MutableMapping[str, Any]
Application = Callable[[MutableMapping[str, Any], Any, Any], Awaitable[None]]


@dataclass(slots=True)
class Answer:
    """
    What came out of the application.

    Attributes:
        messages: All messages that the server accepted, copied as they were sent.
        exception: What the application raised.
        scope: The scope, as the application left it.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    exception: BaseException | None = None
    scope: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int | None:
        """The status on the wire; None when nothing went out."""
        return next((m["status"] for m in self.messages if m["type"] == "http.response.start"), None)

    @property
    def body(self) -> bytes:
        """All of the body that went out."""
        return b"".join(m.get("body", b"") for m in self.messages if m["type"] == "http.response.body")

    @property
    def headers(self) -> dict[str, str]:
        """Header names in lower case."""
        start = next((m for m in self.messages if m["type"] == "http.response.start"), {"headers": []})
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in start["headers"]}


def http_scope(
    method: str = "GET",
    path: str = "/",
    *,
    root_path: str = "",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    spec_version: str = "2.3",
    extensions: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The scope of a request as uvicorn makes it; `path` contains `root_path`."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": spec_version},
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "surrogateescape"),
        "root_path": root_path,
        "query_string": query.encode(),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in {"host": "shop.test", **(headers or {})}.items()
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
        "state": {},
        "extensions": dict(extensions or {}),
    }


def serve(
    app: Application,
    method: str = "GET",
    path: str = "/",
    *,
    body: bytes = b"",
    disconnect_after: int | None = None,
    os_error_after: int | None = None,
    cancel_after: int | None = None,
    **scope: Any,
) -> Answer:
    """
    Send one request and wait until the application returns.

    Args:
        app: The application.
        method: HTTP method.
        path: Path, with the root path in front.
        body: Body of the request.
        disconnect_after: `receive` tells of `http.disconnect` once that many messages were sent, not only behind the last.
        os_error_after: `send` raises OSError once that many messages were sent, as servers of spec 2.4 do.
        cancel_after: The server cancels the application's task once that many messages were sent.
        scope: As `http_scope`.
    """
    return asyncio.run(
        _serve(
            app,
            http_scope(method, path, **scope),
            body,
            disconnect_after=disconnect_after,
            os_error_after=os_error_after,
            cancel_after=cancel_after,
        )
    )


async def _serve(
    app: Application,
    scope: dict[str, Any],
    body: bytes,
    *,
    disconnect_after: int | None,
    os_error_after: int | None,
    cancel_after: int | None,
) -> Answer:
    answer = Answer(scope=scope)
    gone, over = asyncio.Event(), asyncio.Event()
    request_sent = False

    def look() -> None:
        sent = len(answer.messages)
        if disconnect_after is not None and sent >= disconnect_after:
            gone.set()
        if cancel_after is not None and sent >= cancel_after:
            over.set()

    async def receive() -> Message:
        nonlocal request_sent
        if not request_sent:
            request_sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if os_error_after is not None and len(answer.messages) >= os_error_after:
            raise OSError("the client has gone")
        answer.messages.append(dict(message))
        if message["type"] == "http.response.body" and not message.get("more_body"):
            gone.set()  # as servers do: frameworks wait for it
        look()
        await asyncio.sleep(0)

    async def cancel(task: asyncio.Task[None]) -> None:
        await over.wait()
        task.cancel()

    async def run() -> None:
        await app(scope, receive, send)

    look()
    task = asyncio.create_task(run())
    canceller = asyncio.create_task(cancel(task))
    try:
        await asyncio.wait_for(asyncio.wait([task]), timeout=60)
        if task.cancelled():
            answer.exception = asyncio.CancelledError()
        else:
            answer.exception = task.exception()
    finally:
        canceller.cancel()
    return answer


def serve_lifespan(app: Application, *incoming: str, sent: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """
    Send lifespan messages of these types, one for each `receive`.

    Args:
        app: The application.
        incoming: Types of the server's messages.
        sent: Where to keep what the application sends, should it raise.

    Returns:
        What the application sent.
    """
    kept: list[dict[str, Any]] = [] if sent is None else sent

    async def run() -> None:
        waiting = iter(incoming)

        async def receive() -> Message:
            return {"type": next(waiting)}

        async def send(message: Message) -> None:
            kept.append(dict(message))

        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        await app(scope, receive, send)

    asyncio.run(run())
    return kept
