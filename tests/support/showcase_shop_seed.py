"""Somebody who may look, and a month in which things went wrong: for `showcase_shop`. The same month every time."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import django

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402

from slo_django import get_registry  # noqa: E402

DAY, HOUR, QUARTER = 86_400, 3600, 900

# Of each SLO: events in a busy quarter of an hour, the share that is bad on a quiet day, and its incidents as days ago,
# hours they took, and the share that was bad.
MONTH: dict[str, tuple[int, float, tuple[tuple[float, float, float], ...]]] = {
    "api-availability": (60, 0.0003, ((17.3, 2.0, 0.05),)),
    "checkout": (40, 0.0001, ((9.4, 0.7, 0.3), (0.6 / 24, 0.6, 0.14))),
    "search-latency": (40, 0.004, ((5.6, 9.0, 0.06), (2.9, 5.0, 0.08))),
    "login": (30, 0.0001, ((25.1, 0.5, 0.04),)),
    "receipts-mailed": (20, 0.0008, ((14.0, 5.0, 0.05),)),
    "stock-import": (20, 0.004, ((2.2, 4.0, 0.12),)),
}


def events(name: str) -> Iterator[tuple[float, bool]]:
    """Every event of a month by its age in seconds, the oldest first: days and nights, and bad ones evenly spread."""
    busy, quiet_share, internal_errors = MONTH[name]
    owed = 0.0
    for quarter in range(30 * 96 - 1, -1, -1):
        age = quarter * QUARTER
        count = round(busy * (0.6 + 0.4 * math.cos(2 * math.pi * age / DAY)))
        for place in range(count):
            at = age + QUARTER * (1 - (place + 0.5) / count)
            share = quiet_share
            for days_ago, hours, bad_share in internal_errors:
                if days_ago * DAY - hours * HOUR <= at < days_ago * DAY:
                    share = bad_share
            owed += share
            yield at, owed < 1
            owed -= owed >= 1


def exactly_spent(found: list[tuple[float, bool]], share: float) -> list[tuple[float, bool]]:
    """The same, but to the event this share of them is bad."""
    found = found[len(found) % round(1 / share) :]
    over = sum(not is_good for _, is_good in found) - round(len(found) * share)
    for index, (age, is_good) in enumerate(found):
        if over and is_good == (over < 0):
            found[index] = (age, not is_good)
            over -= 1 if over > 0 else -1
    return found


sre = User.objects.create_user("sre", password="correct horse", is_staff=True)
sre.user_permissions.add(Permission.objects.get(codename="view_slostatus"))

registry, now = get_registry(), time.time()
for tracker in registry:
    window = tracker.definition.window_seconds
    # None may leave the window while pictures are taken.
    found = [event for event in events(tracker.name) if event[0] < window - 2 * QUARTER]
    if tracker.name == "search-latency":
        found = exactly_spent(found, 0.01)
    # Measuring began just before the window: what is older is kept by nobody.
    tracker.record_success(at=now - window - QUARTER - 60)
    for age, is_good in found:
        tracker.record(is_good, at=now - age)
registry.flush()
registry.close()
