"""Single bad events of late: when, where, how long, and under which ids the rest of the story is found."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from reprlib import repr as shortened

from slo_core.budgets.causes import Cause
from slo_core.objectives.window import LATEST_TIME

__all__ = [
    "DEFAULT_RECENT_FAILURES",
    "MOST_RECENT_FAILURES",
    "RecentFailure",
    "failure_in",
    "failures_problem",
    "request_id_of",
    "stored_failure",
    "trace_id_of_number",
    "trace_id_of_traceparent",
]

# Of each SLO the newest.
DEFAULT_RECENT_FAILURES = 50
MOST_RECENT_FAILURES = 500

# Of the text of one failure.
_LONGEST_TEXT = 2000

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}")


@dataclass(frozen=True, slots=True)
class RecentFailure:
    """
    One bad event.

    Attributes:
        at: When it was counted, in seconds since the epoch; the time that it was given, where it was given one.
        cause: Where it happened, and what its outcome was; None for an event that was recorded without a cause.
        duration_seconds: How long the request took, until its last byte; None for other events.
        trace_id: 32 hexadecimal digits: that of the OpenTelemetry span in which it was counted, else of the request's
            `traceparent` header; None without either.
        request_id: The request id from the header that `SLO_REQUEST_ID_HEADER` names; None without one, and for one that is
            longer than 128 characters or has others than letters, digits and `._:/+=@-`.
    """

    at: float
    cause: Cause | None = None
    duration_seconds: float | None = None
    trace_id: str | None = None
    request_id: str | None = None


def failures_problem(most: object) -> str | None:
    """What is wrong with the number of failures to be kept of each SLO; None where nothing is."""
    if isinstance(most, int) and not isinstance(most, bool) and 0 <= most <= MOST_RECENT_FAILURES:
        return None
    return f"expected a whole number from 0 to {MOST_RECENT_FAILURES}, got {shortened(most)}"


def trace_id_of_number(number: object) -> str | None:
    """A trace id as OpenTelemetry has it; None for 0, which is none, and for what is no such number."""
    if isinstance(number, int) and 0 < number < 2**128:
        return f"{number:032x}"
    return None


def trace_id_of_traceparent(header: str) -> str | None:
    """
    The trace id in a `traceparent` header; None for one that is not valid.

    Source: W3C Trace Context, section 3.2, "Traceparent Header".
    """
    match = _TRACEPARENT.fullmatch(header)
    if match is None:
        return None
    version, trace_id, parent_id, more = match.groups()
    if version == "ff" or (version == "00" and more is not None) or not int(trace_id, 16) or not int(parent_id, 16):
        return None
    return trace_id


def request_id_of(header: str) -> str | None:
    """A request id as a header gives it; None for one that is not kept."""
    return header if _REQUEST_ID.fullmatch(header) else None


def stored_failure(failure: RecentFailure) -> str:
    """A failure as stores keep it, in ASCII."""
    where, outcome = (None, None) if failure.cause is None else failure.cause.cut()
    duration = failure.duration_seconds
    seconds = None if duration is None else round(duration, 6)
    return json.dumps([failure.at, where, outcome, seconds, failure.trace_id, failure.request_id], allow_nan=False)


def failure_in(text: object) -> RecentFailure | None:
    """A failure from the text in a store; None for one that no version of this package has written."""
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        return None
    try:
        row = json.loads(text)
        if not isinstance(row, list):  # a dict has no slices: which error says so is up to Python's version
            return None
        at, where, outcome, duration, trace_id, request_id = row[:6]
    except (ValueError, TypeError, RecursionError):
        return None
    if not _is_seconds(at) or not (duration is None or _is_seconds(duration)):
        return None
    if not (where is None and outcome is None) and not (_is_text(where) and _is_text(outcome)):
        return None
    if not (trace_id is None or (isinstance(trace_id, str) and _TRACE_ID.fullmatch(trace_id))):
        return None
    if not (request_id is None or (isinstance(request_id, str) and request_id_of(request_id))):
        return None
    cause = None if where is None else Cause(where, outcome).cut()
    return RecentFailure(float(at), cause, duration, trace_id, request_id)


def _is_seconds(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and 0 <= value <= LATEST_TIME  # type: ignore[arg-type,operator]  # a number


def _is_text(value: object) -> bool:
    # A lone surrogate can be written to no page.
    return isinstance(value, str) and value.isprintable()
