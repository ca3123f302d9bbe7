"""
Twenty requests and what they are worth: the same numbers on ASGI, Django and Flask.

Each integration's tests build an application with these routes and these definitions, send the requests in their
order, and compare. Rules for the applications:

- `clock.advance(seconds=request.takes_seconds)` inside the view stands in for work; one `FakeClock` is both the clock
  and the timer. All durations are binary fractions, so that sums and differences of them are exact in floats.
- `/ok` is routed for GET and HEAD only; all other routes take the one method they are asked with.
- `/checkout/eu/items/7` is a parametrised route `/items/<number>` inside a router (blueprint, include) whose own
  prefix is `/checkout/<region>`.
- The views of `/reports` and `/reports/broken` carry `@slo_track("reports")`, that of `/private` carries `@slo_exempt`.
- The metrics view answers at `/metrics`. Redirects are not followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GOOD, BAD = True, False

SLO_DEFINITIONS: dict[str, dict[str, object]] = {
    "availability": {"target": 0.9},
    "checkout-latency": {"target": 0.9, "latency": "250ms", "routes": ["/checkout/*"]},
    "strict": {"target": 0.9, "bad_statuses": ["4xx", "5xx"]},
    "reports": {"target": 0.9, "kind": "custom"},
}
SLO_EXCLUDE = ["/internal/*"]


@dataclass(frozen=True, slots=True)
class Request:
    """
    One request.

    Attributes:
        method: HTTP method.
        path: Path.
        does: What the application does.
        status: What goes out on the wire; None where frameworks differ.
        takes_seconds: How far the view moves the clock.
        raises: The view (for a stream: its iterator, after the first chunk) raises RuntimeError. Some servers see it.
        outcomes: The SLOs that count it, and whether it is good for them; empty when it counts for none.
    """

    method: str
    path: str
    does: str
    status: int | None
    takes_seconds: float = 0.0
    raises: bool = False
    outcomes: dict[str, bool] = field(default_factory=dict)


REQUESTS: tuple[Request, ...] = (
    # 1. Answered.
    Request("GET", "/ok", "answers 200", 200, outcomes={"availability": GOOD, "strict": GOOD}),
    # 2. Answered, in another way.
    Request("POST", "/orders", "answers 201", 201, outcomes={"availability": GOOD, "strict": GOOD}),
    # 3. A route took it and said so: answered. Strict does not like it.
    Request("GET", "/missing", "a view answers 404", 404, outcomes={"availability": GOOD, "strict": BAD}),
    # 4. No route took it: counts for nobody.
    Request("GET", "/nowhere", "no such route", 404),
    # 5. A known path, asked in the wrong way: answered.
    Request("POST", "/ok", "method not allowed", 405, outcomes={"availability": GOOD, "strict": BAD}),
    # 6. A failure of the view, which is tracked as well.
    Request(
        "GET", "/reports/broken", "a tracked view answers 500", 500,
        outcomes={"availability": BAD, "strict": BAD, "reports": BAD},
    ),
    # 7. Nobody handles it: a 500 on the wire.
    Request("GET", "/boom", "raises", 500, raises=True, outcomes={"availability": BAD, "strict": BAD}),
    # 8. Slower than 250 ms.
    Request(
        "GET", "/checkout/slow", "answers 200 after 375 ms", 200, takes_seconds=0.375,
        outcomes={"availability": GOOD, "strict": GOOD, "checkout-latency": BAD},
    ),
    # 9. Exactly at the threshold is good.
    Request(
        "GET", "/checkout/edge", "answers 200 after 250 ms", 200, takes_seconds=0.25,
        outcomes={"availability": GOOD, "strict": GOOD, "checkout-latency": GOOD},
    ),
    # 10. Fast, and its route lies under the prefix of a nested router.
    Request(
        "GET", "/checkout/eu/items/7", "answers 200 after 125 ms", 200, takes_seconds=0.125,
        outcomes={"availability": GOOD, "strict": GOOD, "checkout-latency": GOOD},
    ),
    # 11. A redirect that a view gives is an answer.
    Request("GET", "/old", "a view redirects to /ok", 302, outcomes={"availability": GOOD, "strict": GOOD}),
    # 12. OPTIONS counts for nobody, whatever the framework answers.
    Request("OPTIONS", "/ok", "what the framework does", None),
    # 13. HEAD counts as GET.
    Request("HEAD", "/ok", "answers 200", 200, outcomes={"availability": GOOD, "strict": GOOD}),
    # 14. Too many requests: not a failure of the service by default.
    Request("GET", "/limited", "a view answers 429", 429, outcomes={"availability": GOOD, "strict": BAD}),
    # 15. Exempt by its mark.
    Request("GET", "/private", "an exempt view answers 200", 200),
    # 16. Tracked by its mark: counts for the custom SLO beside the others.
    Request(
        "GET", "/reports", "a tracked view answers 200", 200,
        outcomes={"availability": GOOD, "strict": GOOD, "reports": GOOD},
    ),
    # 17. Excluded by SLO_EXCLUDE.
    Request("GET", "/internal/health", "answers 200", 200),
    # 18. A stream that ends: chunks b"one", b"two".
    Request("GET", "/stream/whole", "streams two chunks", 200, outcomes={"availability": GOOD, "strict": GOOD}),
    # 19. A stream that breaks off is bad, though 200 went out.
    Request(
        "GET", "/stream/broken", "streams one chunk and raises", 200, raises=True,
        outcomes={"availability": BAD, "strict": BAD},
    ),
    # 20. Our own view.
    Request("GET", "/metrics", "the metrics view", 200),
)  # fmt: skip

# (good, bad) of each SLO, worked out by hand.
EXPECTED: dict[str, tuple[int, int]] = {
    # Fifteen count (all but 4, 12, 15, 17, 20). Bad: 6, 7, 19.
    "availability": (12, 3),
    # The same fifteen. Bad: 3, 5, 6, 7, 14, 19.
    "strict": (9, 6),
    # 8, 9, 10. Bad: 8.
    "checkout-latency": (2, 1),
    # 6, 16. Bad: 6.
    "reports": (1, 1),
}
