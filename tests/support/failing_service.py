"""A shop in FastAPI that fails in two ways when it is asked to; `SERVICE_STORE` names its store."""

from __future__ import annotations

import os

from fastapi import FastAPI, Response

from slo_asgi import instrument

app = FastAPI()


@app.post("/checkout/{order}")
async def checkout(order: int) -> Response:
    """Good for even orders."""
    return Response(status_code=503 if order % 2 else 200)


@app.get("/cart")
async def cart(secret: str = "") -> dict[str, str]:
    """Raises when it is given something that must be seen nowhere."""
    if secret:
        raise TimeoutError(secret)
    return {}


instrument(
    app,
    {"shop": {"target": "99%"}, "quiet": {"target": "99%", "routes": ["/nothing"]}},
    store=os.environ["SERVICE_STORE"],
    service="shop",
    flush_interval=0.2,
    status_path="/slo",
)
