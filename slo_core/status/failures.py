"""The last bad events of an SLO, in JSON, in lines for a terminal, and with the addresses of their traces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from slo_core.budgets.notation import number
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.budgets.wording import printable
from slo_core.config.failure_settings import TRACE_PLACEHOLDER
from slo_core.tracking.registry import SLORegistry

__all__ = ["FailureReader", "failure_duration_text", "failure_lines", "failures_in", "failures_json", "trace_link"]

# For a service and the name of its SLO: its recent failures, the newest first.
FailureReader = Callable[[str, str], Sequence[RecentFailure]]

_UNKNOWN = "unknown"
_MOST_LINES = 5


def failures_json(failures: Sequence[RecentFailure]) -> dict[str, Any]:
    """
    Recent failures, ready for `json.dumps`.

    Returns:
        `recent_failures`: a list, the newest first, of `at` (seconds since the epoch), `where` and `outcome` as in `causes`,
        `duration_seconds`, `trace_id` and `request_id`, each of these three None where it is not known.
    """
    return {
        "recent_failures": [
            {
                "at": failure.at,
                "where": None if failure.cause is None else failure.cause.where,
                "outcome": _UNKNOWN if failure.cause is None else failure.cause.outcome,
                "duration_seconds": failure.duration_seconds,
                "trace_id": failure.trace_id,
                "request_id": failure.request_id,
            }
            for failure in failures
        ]
    }


def failures_in(registry: SLORegistry) -> FailureReader:
    """A reader of the recent failures of a registry's SLOs."""

    def read(_: str, slo: str) -> Sequence[RecentFailure]:
        return registry.internals.recent_failures([registry[slo]])[0]

    return read


def failure_lines(failures: Sequence[RecentFailure]) -> list[str]:
    """The last few, a line each, below a line that says so; none without any."""
    if not failures:
        return []
    shown = failures[:_MOST_LINES]
    return ["  the last of them:" if len(shown) > 1 else "  the last one:", *(f"    {_line(each)}" for each in shown)]


def _line(failure: RecentFailure) -> str:
    where, outcome = ("cause not known", "") if failure.cause is None else failure.cause
    parts = [
        _moment(failure.at),
        f"{where} {outcome}".strip(),
        "" if failure.duration_seconds is None else failure_duration_text(failure.duration_seconds),
        "" if failure.trace_id is None else f"trace {failure.trace_id}",
        "" if failure.request_id is None else f"request {failure.request_id}",
    ]
    return printable("  ".join(part for part in parts if part))


def _moment(at: float) -> str:
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # beyond the year 9999
        return f"{at:.0f} s since 1970"


def failure_duration_text(seconds: float) -> str:
    """How long something took: `123 ms`, `2.35 s`."""
    return f"{number(1000 * seconds, '.0f')} ms" if seconds < 1 else f"{number(seconds, ',.2f')} s"


def trace_link(url: str | None, trace_id: str | None) -> str | None:
    """The address of a trace; None without a template of addresses, or without a trace."""
    return None if url is None or trace_id is None else url.replace(TRACE_PLACEHOLDER, trace_id)
