"""The shop's settings with the SLOs that the README's pictures show."""

from __future__ import annotations

from shop.settings import *  # noqa: F403
from shop.settings import MIDDLEWARE

SLO_DEFINITIONS = {
    name: {"kind": "custom", **options}
    for name, options in {
        "api-availability": {"target": "99.9%", "description": "Every request is answered without an error."},
        "checkout": {
            "target": "99.9%",
            "description": "Customers can pay.",
            "runbook": "https://wiki.example/checkout",
            "labels": {"team": "payments"},
        },
        "search-latency": {"target": "99%", "window": "7d", "description": "Search answers within 300 ms."},
        "login": {"target": "99.95%", "description": "Whoever has the password gets in."},
        "receipts-mailed": {"target": "99%", "description": "Receipts leave within a minute."},
        "stock-import": {"target": "98%", "window": "7d", "description": "Rows that an import could read."},
    }.items()
}
# Only what `showcase_shop_seed` tells is counted.
MIDDLEWARE = [name for name in MIDDLEWARE if not name.startswith("slo_django")]
