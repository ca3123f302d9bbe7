"""Clients or applications make up causes without end: what is kept, shown and logged stays small, and tells no secret."""

from __future__ import annotations

import json
import logging
import random
import re
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from asgi_driver import serve
from slo_asgi import instrument, slo_failed
from slo_core import SLODefinition
from slo_core.stores.causes import FINEST_SECONDS
from slo_core.testing import FakeClock

SECRET = "hunter2"
REQUESTS = 1_200
NAMES = 100_000
# A bucket of causes begins.
EDGE = 1_800_000_000 // FINEST_SECONDS * FINEST_SECONDS


async def view(request: Request) -> Response:
    """Fails as its path says: by a status, an exception of a class of its own, a reason; or answers."""
    kind, number = request.path_params["kind"], request.path_params["number"]
    body = (await request.body()).decode()
    if kind == "raise":
        raise type(f"Error{number}", (Exception,), {})(f"{SECRET} {body}")
    if kind == "reason":
        slo_failed(request, reason=f"reason-{number}")
    return PlainTextResponse(body, status_code=500 + number % 100 if kind == "status" else 200)


def test_causes_without_end_stay_small_and_tell_no_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Paths, methods, statuses, exception classes, reasons; secrets in path, query, headers, body and exception text."""
    clock = FakeClock(EDGE)
    app = Starlette(routes=[Route("/{kind}/{number:int}", view, methods=["GET", "POST"])])
    registry = instrument(
        app,
        {"shop": {"target": "99%", "unmatched": True, "bad_statuses": ["4xx", "5xx"]}},
        store=f"sqlite:///{tmp_path / 'slo.db'}",
        status_path="/slo",
        metrics_causes=True,
        clock=clock,
    )
    caplog.set_level(logging.DEBUG, logger="slo_core")
    jobs = registry.define(SLODefinition("jobs", 0.99))
    rng = random.Random(5)
    for number in range(REQUESTS):
        kind = ("status", "raise", "reason", f"{SECRET}-{rng.random()}")[number % 4]
        method = "GET" if number % 8 < 4 else rng.choice(["POST", f"M{number}"])
        clock.advance(seconds=0.1)
        serve(
            app,
            method,
            f"/{kind}/{number}",
            query=f"token={SECRET}",
            headers={"x-token": SECRET},
            body=SECRET.encode(),
        )
    for number in range(NAMES):
        jobs.record_failure(cause=f"job {number}")
    for cause in ("x" * 10_000_000, "a\nb\x00\x1b[31m", "\ud800", 7):
        jobs.record_failure(cause=cause)
    with pytest.raises(LookupError), jobs.track(cause="tidy"):
        raise type("E" * 500, (LookupError,), {})(SECRET)
    registry.flush()

    def body(path: str, query: str = "") -> str:
        return serve(app, path=path, query=query).body.decode()

    shown = [body("/metrics"), body("/slo"), body("/slo", "slo=shop"), body("/slo", "slo=jobs")]
    views = {slo: body("/slo.json", f"slo={slo}") for slo in ("shop", "jobs")}
    registry.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())

    everything = [*shown, *views.values(), caplog.text, stored.decode("latin-1")]
    assert [text for text in everything if SECRET in text] == []
    for slo, least in (("shop", REQUESTS // 2), ("jobs", NAMES + 5)):
        (bad,) = re.findall(f'slo_events_total{{outcome="bad",slo="{slo}".*}} (.*)', shown[0])
        failures = float(bad)
        assert failures >= least
        series = [
            line for line in shown[0].splitlines() if line.startswith("slo_cause_fail") and f'slo="{slo}"' in line
        ]
        assert len(series) == 32
        assert sum(float(line.rpartition(" ")[2]) for line in series) == failures
        rows = json.loads(views[slo])["causes"]["1h"]
        assert sum(row["bad"] for row in rows) == failures
        assert len(rows) <= 32 + 16 + len(["other", "unknown"])
        assert {len(f"{row['where']}{row['outcome']}") > 170 for row in rows} == {False}
    assert max(map(len, shown)) < 200_000
    assert len(stored) < 2_000_000
    assert caplog.text.count("more than 256 different ones") == 1
    assert max(len(record.getMessage()) for record in caplog.records) < 1000


def test_a_reason_that_is_refused_is_not_repeated_at_length() -> None:
    """The message ends in the application's log."""
    with pytest.raises(ValueError, match="of 10,000,000 characters") as caught:
        slo_failed({}, reason="Ä" * 10_000_000)

    assert len(str(caught.value)) < 250
