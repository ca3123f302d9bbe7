"""The orders: a blueprint whose answers are slow or fail on request."""

from __future__ import annotations

import time
from collections.abc import Iterator

from flask import Blueprint, Response, abort, request

from flask_api.extensions import slo

LONGEST_DELAY_SECONDS = 5.0

orders = Blueprint("orders", __name__, url_prefix="/api/orders")

ORDERS = {1: "three apples", 2: "a loaf of bread", 3: "coffee"}


def misbehave() -> None:
    """Do what the client asks for: `?delay=0.4` takes that many seconds, `?fail=503` or `?fail=error` fails."""
    delay = request.args.get("delay", 0.0, type=float)
    time.sleep(max(0.0, min(delay, LONGEST_DELAY_SECONDS)))
    if request.args.get("fail") == "503":
        abort(503)
    if request.args.get("fail") == "error":
        raise RuntimeError("the client asked for an unhandled exception")


def order_or_404(number: int) -> dict[str, object]:
    """One order, ready for JSON."""
    if number not in ORDERS:
        abort(404)
    return {"number": number, "what": ORDERS[number]}


@orders.get("")
def index() -> list[dict[str, object]]:
    """All orders."""
    misbehave()
    return [order_or_404(number) for number in ORDERS]


@orders.post("")
def create() -> tuple[dict[str, object], int]:
    """Take an order; nothing is kept, so that every run of the example starts the same."""
    misbehave()
    return {"number": len(ORDERS) + 1, "what": request.args.get("what", "a surprise")}, 201


@orders.get("/<int:number>")
def show(number: int) -> dict[str, object]:
    """One order."""
    misbehave()
    return order_or_404(number)


@orders.post("/<int:number>/payment")
@slo.track("payments")  # counts for this SLO, whatever its routes say
def pay(number: int) -> dict[str, object]:
    """Pay for an order."""
    misbehave()
    return {**order_or_404(number), "paid": True}


@orders.get("/export")
def export() -> Response:
    """All orders as CSV, line by line; `?fail=midway` breaks off after the first."""
    fails = request.args.get("fail") == "midway"

    def lines() -> Iterator[str]:
        yield "number,what\n"
        for number, what in ORDERS.items():
            if fails:
                raise RuntimeError("the client asked for a stream that breaks off")
            yield f"{number},{what}\n"

    return Response(lines(), mimetype="text/csv")
