"""A Celery application with a task for each way in which one can end. Broker, store and so on come from the environment."""

from __future__ import annotations

import os
import time

from celery import Celery
from celery.exceptions import Ignore, Reject

from slo_celery import instrument_celery

DEFINITIONS = {
    "tasks": {"target": 0.9, "exclude": ["shop.report"]},
    "quick": {"target": 0.9, "tasks": ["shop.pack"], "latency": "60s", "latency_from": "due"},
}

app = Celery("celery_shop", broker=os.environ["SHOP_BROKER"], backend=os.environ["SHOP_BROKER"])
# A new connection would wait for its turn in the pool of the broker's.
app.conf.update(worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True, task_default_queue="other")

instrument_celery(
    app, DEFINITIONS, store=os.environ["SHOP_STORE"], service="shop", flush_interval=float(os.environ["SHOP_FLUSH"])
)


@app.task(name="shop.pay")
def pay() -> str:
    return "paid"


@app.task(name="shop.report")
def report() -> str:
    return "reported"


@app.task(name="shop.pack")
def pack() -> str:
    return "packed"


@app.task(name="shop.refuse")
def refuse() -> None:
    raise ValueError("refused")


@app.task(name="shop.recover", bind=True)
def recover(self) -> str:
    """Succeeds with its third run."""
    if self.request.retries < 2:
        raise self.retry(countdown=0)
    return "recovered"


@app.task(name="shop.despair", autoretry_for=(KeyError,), retry_backoff=False, default_retry_delay=0, max_retries=1)
def despair() -> None:
    raise KeyError("gone")


@app.task(name="shop.ignore")
def ignore() -> None:
    raise Ignore


@app.task(name="shop.reject", acks_late=True)
def reject() -> None:
    raise Reject("no use", requeue=False)


@app.task(name="shop.hand_on", bind=True)
def hand_on(self) -> None:
    """Another task takes its place."""
    raise self.replace(pay.s().set(queue=self.request.delivery_info["routing_key"]))


@app.task(name="shop.vanish")
def vanish() -> None:
    """Its process ends as one that is killed."""
    os._exit(1)


@app.task(name="shop.hang", time_limit=1)
def hang() -> None:
    time.sleep(60)
