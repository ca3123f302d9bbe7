"""Bad events of one SLO, noted one by one while they are counted: the newest few, until the store has them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from slo_core.budgets.causes import Cause
from slo_core.budgets.recent_failures import (
    DEFAULT_RECENT_FAILURES,
    RecentFailure,
    request_id_of,
    trace_id_of_number,
    trace_id_of_traceparent,
)
from slo_core.objectives.window import LATEST_TIME

__all__ = ["EventDetails", "FailureBuffer"]

# Another thread may add one at any moment of a copy.
_ATTEMPTS = 8


class EventDetails(NamedTuple):
    """
    What is noted of one bad event, as it came: it is looked at when the store is given it, because most are never shown.

    Attributes:
        duration_seconds: How long the request took; None for other events.
        trace: The trace id as OpenTelemetry has it, or the `traceparent` header; None without either.
        request_id: The request id as the header has it; None without one.
    """

    duration_seconds: float | None = None
    trace: int | str | bytes | None = None
    request_id: str | bytes | None = None


# So many of a second are noted; of more, one in so many.
_MOST_IN_SECOND = 500
_ONE_IN = 16

# Plain tuples, as `ThreadRow.timed`.
_Noted = tuple[float, Cause | None, EventDetails]


class FailureBuffer:
    """
    The newest bad events, of any number that come between two flushes.

    To note one takes no lock: any thread, signal handler or finalizer may. It is best effort: one that is noted while another
    thread takes them all may be missing.

    Args:
        most: So many are kept; 0 keeps none.

    Attributes:
        most: So many are kept.
    """

    __slots__ = ("_in_second", "_noted", "_second", "most")

    def __init__(self, most: int = DEFAULT_RECENT_FAILURES) -> None:
        self.limit(most)
        self._second = self._in_second = 0

    def limit(self, most: int) -> None:
        """Keep so many from now on, and forget those that are there."""
        self.most = most
        self._noted: deque[_Noted] = deque(maxlen=most)

    def clear(self) -> None:
        """Forget those that are there."""
        self._noted = deque(maxlen=self.most)

    def __bool__(self) -> bool:
        return bool(self._noted)

    def wants(self, at: float) -> bool:
        """
        Whether an event that happens now is to be noted; asked before its details are looked for.

        In an outage of thousands a second that takes more time than to count it: then most of them are left out.
        """
        if not self.most:
            return False
        second = int(at)
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second = number = self._in_second + 1  # other threads may do so, too: it need not be exact
        return number <= _MOST_IN_SECOND or number % _ONE_IN == 0

    def note(self, at: float, cause: Cause | None, details: EventDetails) -> None:
        """Note one; the oldest one gives way."""
        self._noted.append((at, cause, details))

    def take(self) -> list[RecentFailure]:
        """Those that are there, which are forgotten, in the order in which they came."""
        noted = self._noted
        taken: list[_Noted] = []
        for _ in range(len(noted)):
            try:
                taken.append(noted.popleft())
            except IndexError:  # another thread has taken some
                break
        return _failures(taken)

    def newest(self) -> tuple[RecentFailure, ...]:
        """Those that are there, the newest first; they stay."""
        noted: list[_Noted] = []
        for _ in range(_ATTEMPTS):
            try:
                noted = list(self._noted)
            except RuntimeError:  # one was added meanwhile
                continue
            break
        return tuple(sorted(_failures(noted), key=lambda failure: failure.at)[::-1])


def _failures(noted: Iterable[_Noted]) -> list[RecentFailure]:
    """Those with a time that can be kept: a user's own clock may answer anything."""
    return [_failure(*each) for each in noted if 0 <= each[0] <= LATEST_TIME]


def _failure(at: float, cause: Cause | None, details: EventDetails) -> RecentFailure:
    duration, trace, request_id = details
    is_header = isinstance(trace, (str, bytes))
    return RecentFailure(
        at=at,
        cause=None if cause is None else cause.cut(),
        duration_seconds=duration if duration is not None and 0 <= duration <= LATEST_TIME else None,
        trace_id=trace_id_of_traceparent(_text(trace)) if is_header else trace_id_of_number(trace),
        request_id=None if request_id is None else request_id_of(_text(request_id)),
    )


def _text(header: object) -> str:
    return header.decode("latin-1") if isinstance(header, bytes) else str(header)
