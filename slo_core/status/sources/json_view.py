"""How SLOs stand, by the JSON of `/slo.json` or `slo status --json`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import Reading, SLOSnapshot
from slo_core.errors import SLOError
from slo_core.objectives.alert_rule import exact
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import CALENDAR_PERIODS
from slo_core.status.json_view import JSON_VERSION
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.counted import SeenAlert, slo_from_counts

__all__ = ["services_of_json"]


def services_of_json(document: Any, *, address: str) -> list[ServiceStatus]:
    """
    The service that a document is about.

    Args:
        document: As `slo_core.status.json_view.status_json` makes it, or what answers while the store is away.
        address: What messages call it.

    Raises:
        SLOError: It is another document, or of another version.
        ValueError, KeyError, TypeError, AttributeError: It is damaged.
    """
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(document, dict) or "store" not in document or version is None:
        said = document.get("error") if isinstance(document, dict) and version is not None else None
        raise SLOError(f"{address}: {said or 'expected the JSON of slo-suite, got some other'}")
    if version != JSON_VERSION:
        raise SLOError(
            f"{address}: its version is {version}, this slo-suite knows {JSON_VERSION}: upgrade the older one"
        )
    store = document["store"]
    return [
        ServiceStatus(
            str(document["service"]),
            str(store["backend"]),
            str(store["scope"]),
            bool(store["is_up"]),
            [_slo(entry) for entry in document.get("slos", ())],
            note=document.get("note"),
            trouble=document.get("error"),
        )
    ]


def _slo(entry: Mapping[str, Any]) -> tuple[SLODefinition, SLOSnapshot]:
    counts = {
        int(window["window_seconds"]): EventCounts(
            _count(window["total"]) - _count(window["failures"]), window["failures"]
        )
        for window in entry["windows"]
    }
    if any(found.good < 0 for found in counts.values()):
        raise ValueError(f"SLO {entry['name']!r} has more failures than events")
    alerts = [
        SeenAlert(
            alert["severity"],
            alert["long_window_seconds"],
            alert["short_window_seconds"],
            alert["is_firing"],
            factor=exact(alert["threshold"]),
        )
        for alert in entry["alerts"]
    ]
    period = entry["window"] if entry["window"] in CALENDAR_PERIODS else None
    pace = entry["burn_rate_window_seconds"]
    definition = SLODefinition(
        entry["name"],
        entry["target"],
        window_seconds=entry["window_seconds"],
        window=period,
        timezone=entry.get("timezone") or "UTC",  # an older slo-suite does not say it, a rolling window has none
        # Without alert rules the pace is that of the shortest burn window.
        burn_rate_windows=() if alerts or pace == entry["window_seconds"] else (pace,),
        description=entry["description"],
        labels=entry["labels"],
        runbook=entry["runbook"],
    )
    reading = Reading(
        counts=tuple(counts.values()),
        lifetime=EventCounts(),
        data_since=float(entry["data_since"]),
        definition_changed_at=entry["definition_changed_at"],
        last_event_at=entry["last_event_at"],
    )
    return slo_from_counts(definition, alerts, reading, windows=tuple(counts), at=float(entry["at"]))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"expected a number of events, got {value!r}")
    return value
