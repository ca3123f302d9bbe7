"""Reads the status of a service from the JSON of `/slo.json`."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

from slo_core.budgets.alerts import Waiting
from slo_core.budgets.events import EventCounts
from slo_core.budgets.snapshot import Reading, SLOSnapshot, SLOSnapshots
from slo_core.errors import SLOError
from slo_core.objectives.alert_rule import exact
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.window import CALENDAR_PERIODS, PeriodWindow
from slo_core.status.json_view import JSON_VERSION
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.published_slo import (
    OLDER_PAGE,
    PublishedAlert,
    slo_from_counts,
    unreadable_slo,
    zone_problem,
)

__all__ = ["services_of_json"]


def services_of_json(page: Any, *, address: str) -> list[ServiceStatus]:
    """
    The service that the JSON is about.

    Args:
        page: The parsed JSON: of `slo_core.status.json_view.status_json`, or of the error answer while the store is away.
        address: Where it comes from, for messages.

    Raises:
        SLOError: Other JSON, or another version.
        ValueError, KeyError, TypeError, AttributeError: The JSON is damaged.
    """
    version = page.get("version") if isinstance(page, dict) else None
    if not isinstance(page, dict) or "store" not in page or version is None:
        error = page.get("error") if isinstance(page, dict) and version is not None else None
        raise SLOError(f"{address}: {error or 'expected the JSON of slo-suite, got some other'}")
    if version != JSON_VERSION:
        raise SLOError(
            f"{address}: its version is {version}, this slo-suite knows {JSON_VERSION}: upgrade the older one"
        )
    store, entries = page["store"], page.get("slos", ())
    problems = [zone_problem(entry.get("timezone") or "") for entry in entries]
    errors = [
        unreadable_slo(entry["name"], problem)
        for entry, problem in zip(entries, problems, strict=True)
        if problem is not None
    ]
    if page.get("error") is not None:
        errors.append(page["error"])
    return [
        ServiceStatus(
            str(page["service"]),
            str(store["backend"]),
            str(store["scope"]),
            bool(store["is_up"]),
            SLOSnapshots(_slo(entry) for entry, problem in zip(entries, problems, strict=True) if problem is None),
            note=page.get("note"),
            error="; ".join(errors) or None,
            undecided={entry["name"]: reason for entry in entries if (reason := _why_undecided(entry)) is not None},
        )
    ]


def _why_undecided(entry: Mapping[str, Any]) -> str | None:
    """What the page of an older version does not say of an SLO, where that decides whether its budget is spent."""
    if entry["window"] in CALENDAR_PERIODS and entry.get("timezone") is None:
        return f"{OLDER_PAGE} in which time zone its window begins; upgrade the service"
    if "is_warming_up" not in entry and entry["error_budget_remaining"] <= 0:
        return f"{OLDER_PAGE} whether enough has been measured to judge its budget; upgrade the service"
    return None


def _slo(entry: Mapping[str, Any]) -> tuple[SLODefinition, SLOSnapshot]:
    counts = {
        _key(entry, window): EventCounts(_count(window["total"]) - _count(window["failures"]), window["failures"])
        for window in entry["windows"]
    }
    if any(window.good < 0 for window in counts.values()):
        raise ValueError(f"SLO {entry['name']!r} has more failures than events")
    alerts = [
        PublishedAlert(
            alert["severity"],
            alert["long_window_seconds"],
            alert["short_window_seconds"],
            alert["is_firing"],
            factor=exact(alert["threshold"]),
            # Missing in older versions.
            waiting=_waiting(alert.get("waiting")),
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
        timezone=entry.get("timezone") or "UTC",  # missing in older versions, and None for a rolling window
        # Without alert rules the pace is that of the shortest burn window.
        burn_rate_windows=() if alerts or pace == entry["window_seconds"] else (pace,),
        description=entry["description"],
        labels=entry["labels"],
        runbook=entry["runbook"],
        dashboard=entry.get("dashboard", ""),  # missing in older versions
    )
    reading = Reading(
        counts=tuple(counts.values()),
        lifetime=EventCounts(),
        data_since=float(entry["data_since"]),
        # Missing in older versions.
        kept_since=max(
            (float(window["covered_since"]) for window in entry["windows"] if not window.get("is_complete", True)),
            default=-inf,
        ),
        definition_changed_at=entry["definition_changed_at"],
        last_event_at=entry["last_event_at"],
    )
    return slo_from_counts(
        definition,
        alerts,
        reading,
        windows=tuple(counts),
        at=float(entry["at"]),
        is_warming_up=entry.get("is_warming_up"),
    )


def _waiting(entry: Mapping[str, Any] | None) -> Waiting | None:
    return None if entry is None else Waiting(entry["reason"], float(entry["has"]), int(entry["needs"]))


def _key(entry: Mapping[str, Any], window: Mapping[str, Any]) -> int:
    """The window as a key among `SLODefinition.windows`."""
    seconds = int(window["window_seconds"])
    alike = [other for other in entry["windows"] if other["window_seconds"] == window["window_seconds"]]
    return PeriodWindow(seconds) if window.get("period") and len(alike) > 1 else seconds


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"expected a number of events, got {value!r}")
    return value
