"""The JSON of `/slo.json`, which commands print too."""

from __future__ import annotations

import json

from availability import record, registry_of
from slo_core.status.json_view import status_json
from slo_core.testing import FakeClock


def test_the_document_tells_where_a_calendar_window_begins(clock: FakeClock) -> None:
    """By its time zone; a rolling window has none."""
    calendar = registry_of(clock, window="month", timezone="Asia/Tokyo")

    assert status_json(calendar)["slos"][0]["timezone"] == "Asia/Tokyo"
    assert status_json(registry_of(clock))["slos"][0]["timezone"] is None


def test_the_document_is_json_with_a_version(clock: FakeClock) -> None:
    """Programs can tell the shape of the document, and read unrounded numbers from it."""
    registry = registry_of(clock, runbook="https://example.com/runbook", labels={"team": "shop"})
    clock.advance(days=3)
    record(registry, good=9856, bad=144)

    document = json.loads(json.dumps(status_json(registry)))

    assert document["version"] == 1
    assert document["service"] == "default"
    assert document["store"] == {"backend": "memory", "scope": "process", "is_up": True}
    (slo,) = document["slos"]
    assert slo["state"] == "breached"
    assert (slo["total"], slo["failures"], slo["success_ratio"]) == (10_000, 144, 0.9856)
    assert (slo["burn_rate"], slo["burn_rate_window_seconds"]) == (14.4, 3600)
    assert slo["time_to_exhaustion_seconds"] == 0.0
    assert slo["measured_seconds"] == 3 * 86_400
    assert [alert["is_firing"] for alert in slo["alerts"]] == [True, True, True, True]
    assert slo["labels"] == {"team": "shop"}


def test_without_alert_rules_the_shortest_burn_window_is_shown(clock: FakeClock) -> None:
    """The pace of an SLO with its own burn windows only comes from the shortest of them."""
    registry = registry_of(clock, alert_rules=[], burn_rate_windows=["2h", "30m"])
    record(registry, good=999, bad=1)

    assert status_json(registry)["slos"][0]["burn_rate_window_seconds"] == 1800


def test_without_any_alert_the_window_itself_is_the_pace(clock: FakeClock) -> None:
    """An SLO without rules and burn windows burns over its own window."""
    registry = registry_of(clock, alert_rules=[], burn_rate_windows=[], window="month")
    record(registry, good=999, bad=1)

    entry = status_json(registry)["slos"][0]
    assert (entry["window"], entry["burn_rate_window_seconds"]) == ("month", 2_592_000)
