"""What is noted of one bad request in the list of recent failures."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, MutableMapping
from itertools import islice
from typing import Any

from slo_core.budgets.causes import Cause
from slo_core.conventions import REQUEST_TRACE_KEY
from slo_core.http.request import ObservedRequest
from slo_core.process.internal_errors import InternalErrors
from slo_core.stores.failure_buffer import EventDetails
from slo_core.tracking.current_trace import current_trace
from slo_core.tracking.event_counter import ThreadCounts

__all__ = ["FailureNotes"]

# Of more headers the first are looked at.
_MOST_HEADERS = 256

# A `traceparent` has 55; later versions may have more.
_LONGEST_TRACEPARENT = 128
_LONGEST_REQUEST_ID = 128

_TRACEPARENT = b"traceparent"
_NOT_NOTED = "the details of a bad request could not be noted; it is counted"


class FailureNotes:
    """
    Notes bad requests for the SLOs that count them. It raises nothing.

    Args:
        request_id_header: The name of the header with the request id; None where none is kept.
        internal_errors: Reports its own errors.

    Attributes:
        slow_after: Requests that take longer, in seconds, may be bad for that; infinite where no SLO has a threshold.
    """

    __slots__ = ("_environ_key", "_header", "_internal_errors", "slow_after")

    def __init__(self, request_id_header: str | None, internal_errors: InternalErrors) -> None:
        self._header = None if request_id_header is None else request_id_header.lower().encode()
        self._environ_key = None if request_id_header is None else f"HTTP_{request_id_header.upper().replace('-', '_')}"
        self._internal_errors = internal_errors
        self.slow_after = math.inf

    def note_trace(self, observed: ObservedRequest, status: int, timer: Callable[[], float]) -> None:
        """
        Note the trace of a request that will probably be bad, while its span is still the current one; it raises nothing.

        Under WSGI spans end before the body is sent. The request may be counted after that.

        Args:
            observed: The request.
            status: It answers with this status now. For one below 400 call it only where `slow_after` is finite.
            timer: The recorder's.
        """
        try:
            if status >= 400 or timer() - observed.started > self.slow_after:
                trace = current_trace()
                if trace is not None:
                    observed.request_scope[REQUEST_TRACE_KEY] = trace
        except Exception as exc:  # a dict of a kind that refuses changes, a user's own timer
            self._internal_errors.report(_NOT_NOTED, exc)

    def note(
        self,
        observed: ObservedRequest,
        counted: Iterable[ThreadCounts],
        cause: Cause,
        *,
        at: float,
        timer: Callable[[], float],
    ) -> None:
        """
        Note a bad request.

        Args:
            observed: The request.
            counted: Where it was counted.
            cause: As what.
            at: When.
            timer: The recorder's.
        """
        details: EventDetails | None = None
        try:
            for counts in counted:
                failures = counts.failures
                if failures is not None and failures.wants(at):
                    if details is None:
                        ended = timer() if observed.ended is None else observed.ended
                        details = self.details(observed, ended - observed.started)
                    failures.note(at, cause, details)
        except Exception as exc:  # from a mapping of an application
            self._internal_errors.report(_NOT_NOTED, exc)

    def details(self, observed: ObservedRequest, duration_seconds: float) -> EventDetails:
        """What is noted of a request; without its ids where they cannot be read."""
        try:
            return self._details(observed.request_scope, duration_seconds)
        except Exception as exc:  # as above
            self._internal_errors.report(_NOT_NOTED, exc)
            return EventDetails(duration_seconds)

    def _details(self, scope: MutableMapping[str, Any], duration_seconds: float) -> EventDetails:
        trace: Any = scope.get(REQUEST_TRACE_KEY) or current_trace()
        if not isinstance(trace, int):
            trace = None
        if trace is not None and self._header is None:
            return EventDetails(duration_seconds, trace)
        header: Any = None
        request_id: Any = None
        headers = scope.get("headers")
        if headers is None:  # a WSGI environ
            header = scope.get("HTTP_TRACEPARENT")
            if self._environ_key is not None:
                request_id = scope.get(self._environ_key)
        else:
            wanted = self._header
            for name, value in islice(headers, _MOST_HEADERS):
                if header is None and name == _TRACEPARENT:
                    header = value
                if request_id is None and name == wanted:
                    request_id = value
        if trace is None and _is_short(header, _LONGEST_TRACEPARENT):
            trace = header
        return EventDetails(duration_seconds, trace, request_id if _is_short(request_id, _LONGEST_REQUEST_ID) else None)


def _is_short(header: object, longest: int) -> bool:
    return isinstance(header, (str, bytes)) and len(header) <= longest
