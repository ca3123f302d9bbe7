"""Requests that an application sends to itself, in process, are part of the request that it serves."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import httpx
import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException, Request

from asgi_driver import serve
from slo_asgi import instrument, slo_failed
from slo_core import SLORegistry

with warnings.catch_warnings():
    # Starlette's older test clients use names that anyio has moved.
    warnings.simplefilter("ignore", DeprecationWarning)
    from starlette.testclient import TestClient

DEFINITIONS: dict[str, Any] = {"all": {"target": 0.9}, "inner": {"target": 0.9, "routes": ["/inner*"]}}


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://shop.test"
    )


class Shop:
    """An application whose views call each other in process."""

    def __init__(self, definitions: Any = DEFINITIONS) -> None:
        self.app = FastAPI()
        self.gate = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        for path in (
            "inner", "inner-fails", "inner-raises", "awaits", "gathers", "blocks", "nests", "later", "outlives"
        ):  # fmt: skip
            self.app.add_api_route(f"/{path}", getattr(self, path.replace("-", "_")))
        self.registry: SLORegistry = instrument(self.app, definitions)

    def counts(self, name: str) -> tuple[int, int]:
        snapshot = self.registry[name].snapshot()
        return snapshot.total - snapshot.failures, snapshot.failures

    async def inner(self) -> str:
        return "ok"

    async def inner_fails(self, request: Request) -> None:
        slo_failed(request)
        raise HTTPException(503)

    async def inner_raises(self) -> None:
        raise RuntimeError("bug")

    async def awaits(self) -> list[int]:
        paths = ("/inner", "/inner-fails", "/inner-raises", "/metrics", "/nowhere")
        async with client_of(self.app) as client:
            return [(await client.get(path)).status_code for path in paths]

    async def gathers(self) -> None:
        await asyncio.gather(self.awaits(), self.awaits())

    def blocks(self) -> list[int]:
        client = TestClient(self.app, raise_server_exceptions=False)
        return [client.get(path).status_code for path in ("/inner", "/inner-fails", "/inner-raises")]

    async def nests(self) -> None:
        async with client_of(self.app) as client:
            await client.get("/awaits")
            await client.get("/inner")

    async def later(self, background: BackgroundTasks) -> None:
        background.add_task(self.awaits)

    async def outlives(self) -> None:
        async def task() -> None:
            await self.gate.wait()
            await self.awaits()

        self.tasks.append(asyncio.create_task(task()))


@pytest.mark.parametrize("path", ["/awaits", "/gathers", "/blocks", "/nests"])
def test_a_request_in_process_is_part_of_the_request_that_is_served(path: str) -> None:
    """One request was on the wire; the notes and exceptions of those inside stay with them."""
    shop = Shop()

    assert serve(shop.app, path=path).status == 200
    assert (shop.counts("all"), shop.counts("inner")) == ((1, 0), (0, 0))
    assert shop.registry.internals.errors.total == 0


def test_the_next_request_of_the_same_task_counts() -> None:
    """Test clients serve one request after another in one task."""
    shop = Shop()

    async def run() -> None:
        async with client_of(shop.app) as client:
            for path in ("/awaits", "/inner", "/inner-raises", "/inner"):
                await client.get(path)

    asyncio.run(run())

    assert (shop.counts("all"), shop.counts("inner")) == ((3, 1), (2, 1))


def test_a_request_of_a_background_task_counts() -> None:
    """The response has ended: what follows is no part of it."""
    shop = Shop()

    serve(shop.app, path="/later")

    assert (shop.counts("all"), shop.counts("inner")) == ((2, 2), (1, 2))


def test_a_request_of_a_task_that_outlives_its_request_counts() -> None:
    """The task was made while a request was served, and is not inside it any more."""

    async def run() -> Shop:
        shop = Shop()
        async with client_of(shop.app) as client:
            await client.get("/outlives")
        shop.gate.set()
        await asyncio.gather(*shop.tasks)
        return shop

    shop = asyncio.run(run())

    assert (shop.counts("all"), shop.counts("inner")) == ((2, 2), (1, 2))


def test_an_application_with_slos_of_its_own_counts_for_these() -> None:
    """A gateway calls services in its process: each has requests of its own."""
    shop, gateway = Shop({"shop": {"target": 0.9}}), FastAPI()

    @gateway.get("/other")
    async def other() -> None: ...

    @gateway.get("/")
    async def forward() -> None:
        for _ in range(2):
            async with client_of(shop.app) as client:
                await client.get("/awaits")
        async with client_of(gateway) as client:
            await client.get("/other")

    registry = instrument(gateway, {"gateway": {"target": 0.9}})

    assert serve(gateway).status == 200
    assert shop.counts("shop") == (2, 0)
    assert registry["gateway"].snapshot().total == 1
