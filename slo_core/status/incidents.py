"""The incidents of SLOs for programs, and in lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.episodes import Episode
from slo_core.budgets.events import EventCounts
from slo_core.budgets.incidents import Incident, incidents_of
from slo_core.budgets.marks import mark_text
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.budgets.wording import percent, printable, roughly
from slo_core.errors import SLOError, nearest
from slo_core.objectives.duration import format_duration
from slo_core.status.causes import cause_text, share_text, top_cause
from slo_core.tracking.incidents import incidents_of_all
from slo_core.tracking.registry import SLORegistry

__all__ = [
    "DEFAULT_SINCE",
    "ServiceIncidents",
    "check_slo",
    "duration_of",
    "incident_lines",
    "incidents_json",
    "main_cause_of",
    "registry_incidents",
    "rules_text",
    "service_incidents_json",
]

# How far back commands look.
DEFAULT_SINCE = "30d"

_HEADINGS = ("Start (UTC)", "Lasted", "SLO", "Severity", "Bad events", "Budget", "Top cause", "Just before")


class ServiceIncidents(NamedTuple):
    """
    The incidents of one service.

    Attributes:
        service: Its name.
        episodes: The newest first.
        error: Why some are missing; None else.
    """

    service: str
    episodes: Sequence[Episode]
    error: str | None = None


def registry_incidents(registry: SLORegistry, *, since: float, slo: str | None = None) -> ServiceIncidents:
    """
    The incidents of a registry.

    Args:
        registry: The SLOs.
        since: Those that began at or after this instant, and those that last.
        slo: The only SLO to look at; None looks at all.

    Raises:
        SLOError: There is no such SLO, or the store cannot be read.
    """
    check_slo(slo, registry.names())
    snapshots = registry.internals.read_all()
    chosen = SLOSnapshots(each for each in snapshots if slo is None or each[0].name == slo)
    error = "; ".join(snapshots.unreadable) or None
    return ServiceIncidents(registry.service, incidents_of_all(registry, chosen, since=since), error)


def check_slo(slo: str | None, names: Sequence[str]) -> None:
    """
    See whether there is an SLO.

    Raises:
        SLOError: There is none of that name.
    """
    if slo is not None and slo not in names:
        raise SLOError(f"expected the name of an SLO, got {slo!r}; {nearest(slo, names)}")


def incidents_json(episodes: Sequence[Episode] | str) -> dict[str, Any]:
    """
    The incidents of one SLO, ready for `json.dumps`.

    Args:
        episodes: Those of its rules, the newest first; or why they cannot be shown.

    Returns:
        `incidents`: one entry for each rule that fired, in their order. `severity`, `long_window_seconds` and
        `short_window_seconds` are the rule's; `start` and `end` are in seconds since the epoch, `end` null while it lasts;
        `good` and `bad` events; `budget_share`; `causes` with the five largest, `marks` with those of the hour before.
        `incidents_note`: None, or why there are none to show.
    """
    is_known = not isinstance(episodes, str)
    return {
        "incidents": [_episode_json(each) for each in episodes if isinstance(each, Episode)],
        "incidents_note": None if is_known else episodes,
    }


def _episode_json(episode: Episode) -> dict[str, Any]:
    return {
        "severity": episode.severity,
        "long_window_seconds": episode.long_window_seconds,
        "short_window_seconds": episode.short_window_seconds,
        "start": episode.start,
        "end": episode.end,
        "good": episode.good,
        "bad": episode.bad,
        "budget_share": episode.budget_share,
        "causes": [
            {
                "where": cause.where,
                "outcome": cause.outcome,
                "bad": cause.bad,
                "share": cause.share,
                "is_lower_bound": cause.is_lower_bound,
            }
            for cause in episode.causes
        ],
        "marks": [{"at": mark.at, "kind": mark.kind, "text": mark.text} for mark in episode.marks],
    }


def service_incidents_json(services: Iterable[ServiceIncidents]) -> dict[str, Any]:
    """Of each service its incidents with the names of their SLOs, ready for `json.dumps`."""
    return {
        "services": [
            {
                "service": each.service,
                "error": each.error,
                "incidents": [{"slo": episode.slo, **_episode_json(episode)} for episode in each.episodes],
            }
            for each in services
        ]
    }


def incident_lines(services: Sequence[ServiceIncidents], *, now: float) -> list[str]:
    """
    A table for a terminal, the newest incident first; the rules of one severity that fired together are one.

    Args:
        services: The services; each has a table of its own.
        now: Until then lasts what has not ended.
    """
    lines: list[str] = []
    for service in services:
        if len(services) > 1:
            lines += ([""] if lines else []) + [f"{printable(service.service)}:"]
        incidents = incidents_of(service.episodes)
        lines += _table([_HEADINGS, *(_row(each, now) for each in incidents)]) if incidents else ["No incident."]
    return lines


def main_cause_of(incident: Incident) -> CauseShare | None:
    """The cause that says most of an incident; None where none is known."""
    main = incident.main
    return top_cause(CauseBreakdown(main.start, EventCounts(main.good, main.bad), main.causes))


def duration_of(incident: Incident, now: float) -> str:
    """How long an incident has lasted: "23m", "23m so far"."""
    if incident.end is None:
        return f"{roughly(max(60, int(now - incident.start) // 60 * 60))} so far"
    return roughly(incident.end - incident.start)


def rules_text(incident: Incident) -> str:
    """The windows of its rules, the shortest first: "1h/5m, 6h/30m"."""
    rules = {(each.long_window_seconds, each.short_window_seconds) for each in incident.episodes}
    return ", ".join(f"{format_duration(long)}/{format_duration(short)}" for long, short in sorted(rules))


def _row(incident: Incident, now: float) -> tuple[str, ...]:
    main, cause = incident.main, main_cause_of(incident)
    marks = incident.episodes[0].marks
    return (
        datetime.fromtimestamp(incident.start, UTC).strftime("%Y-%m-%d %H:%M"),
        duration_of(incident, now),
        printable(incident.slo),
        f"{printable(incident.severity)} {rules_text(incident)}",
        number(main.bad),
        percent(main.budget_share, 1),
        "" if cause is None else f"{share_text(cause)} {printable(cause_text(cause))}",
        printable(mark_text(marks[-1])) if marks else "",
    )


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
