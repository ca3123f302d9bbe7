"""Thirty days that the demo's service never lived: quiet traffic, two bad hours, and a share of the budget spent."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping

from slo_core import SLORegistry

__all__ = ["write_past"]

# A little less than the window: nothing leaves it while the demo runs.
DAYS = 29.98
QUARTER_HOUR = 900

# SLO: events in a quarter of an hour, and how many of 100,000 fail on an ordinary day.
TRAFFIC = {"availability": (52, 8), "checkout": (16, 60), "checkout-latency": (16, 200), "receipts": (14, 100)}

# What failed then.
CAUSES = {
    "availability": "payment provider",
    "checkout": "payment provider",
    "checkout-latency": "payment provider",
    "receipts": "mail provider",
}

# Hours ago, how long in hours, and the share of events that failed.
INCIDENTS = ((9 * 24.0, 0.75, 0.12), (26.0, 0.5, 0.06))


def write_past(store: str, service: str, definitions: Mapping[str, Mapping[str, object]]) -> None:
    """
    Write the past into a store, as the service itself would have.

    Args:
        store: Its URL.
        service: The name of the service.
        definitions: Its SLOs.
    """
    chance = random.Random(30)
    with SLORegistry.from_config(definitions, store=store, service=service) as registry:
        now = time.time()
        for quarter in range(int(DAYS * 86_400 / QUARTER_HOUR), 0, -1):
            at = now - quarter * QUARTER_HOUR
            hours = quarter / 4
            bad = sum(share for ago, length, share in INCIDENTS if ago - length < hours <= ago)
            # By day twice the traffic of the night.
            level = 1.0 + 0.33 * ((at // 3600) % 24 >= 8) - 0.33 * ((at // 3600) % 24 < 8)
            for name, (events, of_100_000) in TRAFFIC.items():
                tracker, failing = registry[name], bad if name != "receipts" else 0.0
                for _ in range(round(events * level)):
                    if chance.random() >= failing + of_100_000 / 100_000:
                        tracker.record_success(at=at)
                    else:
                        tracker.record_failure(at=at, cause=CAUSES[name])
        registry.flush()
