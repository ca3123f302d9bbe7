"""A service with 200 SLOs, each with one bad event more than the one before: `uvicorn long_list_service:app`."""

from __future__ import annotations

from starlette.applications import Starlette

from slo_asgi import instrument

COUNT = 200
TEAMS = ("amber", "birch", "cedar", "daisy")

app = Starlette()
registry = instrument(
    app,
    {
        f"slo-{number:03}": {"target": "50%", "kind": "custom", "description": f"Kept by {TEAMS[number % len(TEAMS)]}."}
        for number in range(COUNT)
    },
    status_path="/slo",
)
for number, tracker in enumerate(registry):
    for event in range(COUNT):
        tracker.record(event >= number)
