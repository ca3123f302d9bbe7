"""A small payments API. A client may ask it to fail or to be slow, so that there is something to measure."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, BackgroundTasks, FastAPI, HTTPException, Query
from fastapi.responses import StreamingResponse

from slo_asgi import instrument, slo_exempt

SLO_DEFINITIONS: dict[str, dict[str, object]] = {
    "availability": {"target": "99.9%", "window": "30d", "description": "Every request is answered without an error."},
    "checkout": {"target": "99.5%", "routes": ["/v1/checkout/*"], "description": "Customers can pay."},
    "checkout-latency": {"target": "99%", "latency": "300ms", "routes": ["/v1/checkout/*"]},
    "receipts": {"target": "99%", "kind": "custom", "description": "Receipts that could be mailed."},
}

Failure = Literal["503", "exception"]
Delay = Annotated[float, Query(ge=0, le=5)]

app = FastAPI(title="Payments")
shop = APIRouter(prefix="/v1")


class PaymentError(Exception):
    """The payment provider did not answer."""


@shop.get("/products")
async def products() -> list[dict[str, object]]:
    """Everything on the shelf."""
    return [{"id": 1, "name": "Teapot", "price_cents": 2500}, {"id": 2, "name": "Cup", "price_cents": 700}]


@shop.get("/products/{product}")
async def product(product: int) -> dict[str, object]:
    """One product; 404 if there is none, which is an answer and no failure."""
    for candidate in await products():
        if candidate["id"] == product:
            return candidate
    raise HTTPException(404, "no such product")


@shop.post("/checkout/{order}", status_code=201)
async def checkout(
    order: int, background: BackgroundTasks, fail: Failure | None = None, delay: Delay = 0.0
) -> dict[str, int]:
    """Pay for an order. `fail=503` answers so, `fail=exception` raises, `delay=0.4` waits so many seconds."""
    await asyncio.sleep(delay)
    if fail == "exception":
        raise PaymentError
    if fail == "503":
        raise HTTPException(503, "the payment provider is away")
    background.add_task(mail_receipt, order)
    return {"order": order}


@shop.get("/report")
async def report(rows: Annotated[int, Query(ge=0, le=1000)] = 10, broken: bool = False) -> StreamingResponse:
    """A stream of rows; `broken` breaks it off midway."""

    async def lines() -> AsyncIterator[str]:
        for row in range(rows):
            if broken and row == rows // 2:
                raise PaymentError
            yield f"row {row}\n"

    return StreamingResponse(lines(), media_type="text/plain")


@app.get("/healthz")
@slo_exempt
async def health() -> dict[str, str]:
    """For the load balancer: asked every second, and no customer."""
    return {"status": "ok"}


app.include_router(shop)
registry = instrument(
    app,
    SLO_DEFINITIONS,
    service=os.environ.get("SLO_SERVICE", "default"),
    # With several workers: SLO_STORE=sqlite:///slo.db
    store=os.environ.get("SLO_STORE", "memory://"),
    # The status page for people: every SLO, its charts and alerts. /metrics for Prometheus is there by default.
    status_path="/slo",
    # Both ask for it: as a bearer token; in a browser as the password, with any name.
    metrics_token=os.environ.get("API_METRICS_TOKEN") or None,
)


async def mail_receipt(order: int) -> None:
    """Mail a receipt after the response has gone out; the time it takes is not the request's."""
    with registry["receipts"].track(cause="mail_receipt"):
        await asyncio.sleep(0)
