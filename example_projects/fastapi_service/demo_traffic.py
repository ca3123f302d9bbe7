"""The clients of the demo, and the incident that they see."""

from __future__ import annotations

import http.client
import random
import secrets
import threading
import time
from collections import Counter

from demo_pager import HOST

__all__ = ["FIRST_SECONDS", "INCIDENT_SECONDS", "REQUESTS_PER_SECOND", "Traffic"]

REQUESTS_PER_SECOND = 50
CLIENTS = 4
# The payment provider has a bad time almost at once, and again every two minutes: that is when budgets burn.
FIRST_SECONDS, INCIDENT_SECONDS, EVERY_SECONDS = 2.0, 30.0, 120.0

# Method and path, and their weights among the requests: in quiet times and during an incident.
TRAFFIC = {
    "GET /v1/products": (50, 50),
    "GET /v1/products/2": (20, 20),
    "GET /v1/products/99": (3, 3),
    "POST /v1/checkout/1": (25, 19),
    "GET /v1/report": (2, 2),
    "POST /v1/checkout/1?delay=0.35": (0.1, 2),
    "POST /v1/checkout/1?fail=503": (0.01, 3),
    "POST /v1/checkout/1?fail=exception": (0.01, 1),
}


def trace_parent() -> str:
    """The header of W3C Trace Context that begins a trace, as a browser or a gateway sends it."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


class Traffic:
    """Clients that send requests until the `with` block ends, and remember what came back."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(index,), daemon=True) for index in range(CLIENTS)]
        self._seen: list[Counter[str]] = [Counter() for _ in range(CLIENTS)]
        self.started = time.monotonic()
        self.ended: float | None = None

    def __enter__(self) -> Traffic:
        self.started = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        self._stop.set()
        self.ended = time.monotonic()
        # At Ctrl-C tox kills what has not ended after half a second: slow answers are not waited for.
        if raised is None:
            for thread in self._threads:
                thread.join(10)

    @property
    def age(self) -> float:
        """Seconds since the first request; it stands still when the clients have stopped."""
        return (self.ended or time.monotonic()) - self.started

    @property
    def is_incident(self) -> bool:
        """Whether the payment provider has a bad time."""
        age = self.age - FIRST_SECONDS
        return age >= 0 and age % EVERY_SECONDS < INCIDENT_SECONDS

    @property
    def seen(self) -> Counter[str]:
        """What the clients saw: answers and failures."""
        return sum(self._seen, Counter())

    def _send(self, index: int) -> None:
        chooser = random.Random(index)
        seen = self._seen[index]
        connection = http.client.HTTPConnection(HOST, self._port, timeout=10)
        while not self._stop.wait(CLIENTS / REQUESTS_PER_SECOND):
            weights = [weight[self.is_incident] for weight in TRAFFIC.values()]
            method, path = chooser.choices(list(TRAFFIC), weights)[0].split(" ")
            try:
                connection.request(method, path, headers={"traceparent": trace_parent()})
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                seen["lost"] += 1
            else:
                seen["failed" if response.status >= 500 else "answered"] += 1
                if response.status == 500:
                    # After an exception uvicorn hangs up without announcing it: the next request would be lost.
                    connection.close()
        connection.close()
