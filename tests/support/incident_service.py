"""The page of a shop with 200 SLOs in the middle of an incident: `python incident_service.py PORT FOLDER`."""

from __future__ import annotations

import math
import random
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.budgets.marks import Mark
from slo_core.config.definitions import parse_definitions
from slo_core.stores.buckets import Batch, Declaration, Increment
from slo_core.stores.causes import FINEST_SECONDS
from slo_core.stores.layout import WIDTHS
from slo_core.stores.marks import MarkStore
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.stored_definition import fingerprint_of, stored_definition
from slo_wsgi import status_wsgi_app

__all__ = ["PAGING", "definitions"]

MINUTE, HOUR, DAY, QUARTER = 60, 3600, 86_400, 900
SERVICE, PAGING = "shop", "checkout-availability"
WIKI, GRAFANA = (
    "https://wiki.shop.example/run",
    "https://grafana.shop.example/d/slo-suite-detail?var-service=shop&var-slo=",
)

# What the shop is made of: the team that is woken, requests a second by day, and what customers do there.
PARTS = {
    "checkout": ("payments", 6.0, "Customers can pay."),
    "payments-api": ("payments", 7.5, "Cards and wallets are charged."),
    "invoices": ("payments", 0.6, "Invoices can be read."),
    "refunds": ("payments", 0.2, "Money comes back."),
    "cart": ("storefront", 9.0, "Carts keep what is put in."),
    "product-page": ("storefront", 30.0, "Products can be looked at."),
    "home": ("storefront", 18.0, "The first page opens."),
    "promotions": ("storefront", 3.0, "Vouchers are accepted."),
    "search": ("discovery", 14.0, "Search finds products."),
    "suggestions": ("discovery", 11.0, "Typing shows suggestions."),
    "recommendations": ("discovery", 8.0, "Customers see what goes with it."),
    "reviews": ("discovery", 2.5, "Reviews can be read and written."),
    "login": ("identity", 2.0, "Customers get in."),
    "accounts": ("identity", 1.5, "Addresses and passwords can be changed."),
    "sessions": ("identity", 20.0, "Customers stay signed in."),
    "orders": ("fulfilment", 1.2, "Orders are placed and found again."),
    "shipping": ("fulfilment", 0.8, "Parcels get a label."),
    "tracking": ("fulfilment", 2.2, "Parcels can be followed."),
    "inventory": ("fulfilment", 5.0, "Stock is known."),
    "returns": ("fulfilment", 0.3, "Parcels can be sent back."),
}
# What is promised of each part: the target, the window, the share of its requests, and the share that fails on a quiet day.
FACETS = {
    "availability": ("99.9%", "30d", 1.0, 0.00011),
    "latency": ("99%", "30d", 1.0, 0.0016),
    "mobile-availability": ("99.9%", "30d", 0.55, 0.00013),
    "mobile-latency": ("98%", "30d", 0.55, 0.0034),
    "write-availability": ("99.95%", "30d", 0.2, 0.00004),
    "write-latency": ("99%", "30d", 0.2, 0.0021),
    "partner-availability": ("99.5%", "30d", 0.1, 0.0007),
    "partner-latency": ("97%", "7d", 0.1, 0.004),
    "batch": ("99%", "7d", 0.03, 0.001),
    "webhooks": ("99.5%", "7d", 0.05, 0.0008),
}
LATENCIES = {"latency": "300ms", "mobile-latency": "500ms", "write-latency": "800ms", "partner-latency": "1s"}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A time in which requests failed: seconds ago when it began, how long it took, and the share that failed."""

    ago: float
    seconds: float
    share: float

    def holds(self, age: float) -> bool:
        """Whether it was going on so many seconds ago."""
        return self.ago - self.seconds < age <= self.ago


TROUBLES: dict[str, tuple[Trouble, ...]] = {
    # The incident.
    PAGING: (Trouble(9.4 * DAY, 40 * MINUTE, 0.05), Trouble(23 * MINUTE, 23 * MINUTE, 0.16)),
    "checkout-write-availability": (Trouble(22 * MINUTE, 22 * MINUTE, 0.19),),
    # A slow burn.
    "search-latency": (Trouble(21 * HOUR, 21 * HOUR, 0.042),),
    # Spent long ago.
    "returns-batch": (Trouble(3.2 * DAY, 9 * HOUR, 0.2),),
    "tracking-webhooks": (Trouble(2.1 * DAY, 5 * HOUR, 0.09),),
    "recommendations-mobile-latency": (Trouble(12 * DAY, 3 * DAY, 0.21),),
    # Nearly so, and some that had a bad hour.
    "login-availability": (Trouble(17.3 * DAY, 2 * HOUR, 0.26),),
    "inventory-write-latency": (Trouble(5.6 * DAY, 9 * HOUR, 0.3),),
    "home-availability": (Trouble(20 * HOUR, 15 * MINUTE, 0.04),),
    "reviews-availability": (Trouble(6 * HOUR, 20 * MINUTE, 0.06),),
}
# Nobody sends these anything.
SILENT = ("refunds-webhooks",)


def definitions() -> tuple[SLODefinition, ...]:
    """The 200 SLOs."""
    config: dict[str, dict[str, object]] = {}
    for part, (team, _, promise) in PARTS.items():
        for facet, (target, window, _, _) in FACETS.items():
            name = f"{part}-{facet}"
            config[name] = {
                "target": target,
                "window": window,
                "routes": [f"/{part}/*"],
                "labels": {"team": team},
                "runbook": f"{WIKI}/{part}",
            }
            if facet == "availability":
                config[name] |= {"description": promise, "dashboard": GRAFANA + name}
            if facet in LATENCIES:
                config[name]["latency"] = LATENCIES[facet]
    return parse_definitions(config)


def part_of(name: str) -> tuple[str, str]:
    """The part of the shop that an SLO is about, and what is promised of it."""
    return next((each, name.removeprefix(f"{each}-")) for each in PARTS if name.startswith(f"{each}-"))


def cells(name: str, now: int) -> Iterator[tuple[int, int, int, int]]:
    """Width, time, good and bad events: of seconds in the last hour, of minutes in the last day, of quarters before."""
    part, facet = part_of(name)
    _, _, share, quiet = FACETS[facet]
    rate = PARTS[part][1] * share
    begin, until_hour, until_day = now - 30 * DAY + 2 * QUARTER, now - HOUR, now - DAY
    owed, owed_bad = 0.5, 0.0
    at = begin - begin % QUARTER
    # Of those in no trouble nobody looks at single seconds.
    is_calm = name not in TROUBLES
    while at <= now:
        if at < until_day - QUARTER:
            width = step = QUARTER
        elif at < until_hour - 5 * MINUTE:
            width, step = MINUTE, 5 * MINUTE if is_calm else MINUTE
        else:
            width, step = 1, MINUTE if is_calm else 1
        age = now - at
        owed += rate * step * (0.62 + 0.38 * math.sin(2 * math.pi * (at % DAY) / DAY - 2.1))
        total = int(owed)
        owed -= total
        failing = max([quiet, *[each.share for each in TROUBLES.get(name, ()) if each.holds(age)]])
        owed_bad += total * failing
        bad = int(owed_bad)
        owed_bad -= bad
        if total:
            yield width, at, total - bad, bad
        at += step


def fill(url: str, *, now: int) -> None:
    """Write the past of every SLO into a store, as its writers would have."""
    buckets = bucket_store_from_url(url, service=SERVICE)
    for definition in definitions():
        sums: dict[tuple[int, int], list[int]] = {}
        good = bad = 0
        for width, at, of_good, of_bad in cells(definition.name, now) if definition.name not in SILENT else ():
            good, bad = good + of_good, bad + of_bad
            for wider in WIDTHS:
                if wider >= width:
                    cell = sums.setdefault((wider, at // wider), [0, 0])
                    cell[0] += of_good
                    cell[1] += of_bad
        increments = [Increment(*key, *sums[key]) for key in sorted(sums)]
        declared = Declaration(
            stored_definition(definition), fingerprint_of(definition), definition.longest_seconds, now - 30.0 * DAY
        )
        newest = now if increments else None
        batch = Batch(
            writer="f" * 32, slo=definition.name, number=1, increments=tuple(increments), good=good, bad=bad,
            earliest=newest, newest=newest, declaration=declared, causes=past_causes(definition.name, now),
        )  # fmt: skip
        buckets.apply([batch])
    assert isinstance(buckets, MarkStore)
    buckets.add_marks([Mark(now - 6.1 * DAY, "release", "4.1"), Mark(now - 25.0 * MINUTE, "release", "4.2")])


def causes_of(name: str) -> tuple[tuple[Cause, float], ...]:
    """What fails for an SLO, and the share of each."""
    part, facet = part_of(name)
    if facet in LATENCIES:
        return (Cause(f"GET /{part}", "slow"), 0.9), (Cause(f"GET /{part}/{{id}}", "slow"), 0.1)
    return (
        (Cause(f"POST /{part}/{{order}}/pay", "ProviderTimeout"), 0.84),
        (Cause(f"POST /{part}/{{order}}", "503"), 0.12),
        (Cause(f"GET /{part}/{{order}}", "500"), 0.04),
    )


def past_causes(name: str, now: int) -> tuple[CauseIncrement, ...]:
    """The causes of the past of an SLO that was in trouble."""
    bad_of: Counter[int] = Counter()
    for _, at, _, bad in cells(name, now) if name in TROUBLES else ():
        bad_of[at // FINEST_SECONDS] += bad
    increments = []
    owed: defaultdict[Cause, float] = defaultdict(float)
    for bucket, bad in sorted(bad_of.items()):
        left = bad
        for cause, share in causes_of(name)[1:]:
            owed[cause] += bad * share
            its = min(left, int(owed[cause]))
            owed[cause] -= its
            left -= its
            increments.append(CauseIncrement(bucket, cause, its))
        increments.append(CauseIncrement(bucket, causes_of(name)[0][0], left))
    return tuple(each for each in increments if each.bad)


def go_on(registry: SLORegistry) -> None:
    """Have the incident go on: requests of every second, in the shares of its beginning."""
    chance = random.Random(17)
    while True:
        for tracker in registry:
            part, facet = part_of(tracker.name)
            failing = max(
                [FACETS[facet][3], *[each.share for each in TROUBLES.get(tracker.name, ()) if each.ago == each.seconds]]
            )
            for _ in range(math.ceil(PARTS[part][1] * FACETS[facet][2] * 0.5) if tracker.name not in SILENT else 0):
                if chance.random() >= failing:
                    tracker.record_success()
                    continue
                causes, shares = zip(*causes_of(tracker.name), strict=True)
                (cause,) = chance.choices(causes, shares)
                tracker.internals.record_cause(tracker, cause)
        time.sleep(1)


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    store = f"sqlite:///{folder}/slo.db"
    fill(store, now=int(time.time()))
    registry = SLORegistry.from_config(definitions(), store=store, service=SERVICE)
    threading.Thread(target=go_on, args=(registry,), daemon=True).start()
    app = status_wsgi_app(registry)
    make_server("127.0.0.1", int(port), app, server_class=_Server, handler_class=_Quiet).serve_forever()
