"""Good, bad or left out: what one finished request is to one SLO."""

from __future__ import annotations

import math
from enum import Enum

from slo_core.http.request import ObservedRequest
from slo_core.objectives.http_rule import Classifier, HTTPRule
from slo_core.process.internal_errors import InternalErrors

__all__ = ["RequestClassifier", "StatusOutcome", "Timing", "wire_status"]


class Timing:
    """
    How long a finished request took.

    Attributes:
        total: Seconds until the last byte of the body.
        first_byte: Seconds until its first; the same as `total` when there was none.
    """

    __slots__ = ("first_byte", "total")

    def __init__(self, observed: ObservedRequest, ended: float) -> None:
        started = observed.started
        self.total = ended - started
        self.first_byte = self.total if observed.first_byte is None else observed.first_byte - started


def wire_status(observed: ObservedRequest) -> int | None:
    """
    The status the client saw.

    Servers answer 500 for an application that fails before its response, and for one that returns without any;
    None when the client had gone before there was a status.
    """
    if observed.status is None and (observed.exception is not None or not observed.disconnected):
        return 500
    return observed.status


class StatusOutcome(Enum):
    """What a status alone tells of an undisturbed request: nothing was raised, and the client stayed to the end."""

    GOOD = "good"
    BAD = "bad"
    LEFT_OUT = "left out"
    BY_TIME = "good when it was fast enough"
    BY_CLASSIFIER = "whatever the classifier says"


class RequestClassifier:
    """
    Applies one rule to finished requests.

    Args:
        rule: The rule.
        name: The SLO's name, for messages.
        internal_errors: Where a classifier's mistakes are reported.
        classify: Overrides the rule's own classifier.

    Attributes:
        threshold: Seconds within which a request must be answered; infinite where speed does not matter.
        timed_to_end: What is timed is the last byte, not the first.
    """

    __slots__ = ("_bad_statuses", "_classify", "_internal_errors", "_name", "_rule", "threshold", "timed_to_end")

    def __init__(
        self, rule: HTTPRule, *, name: str, internal_errors: InternalErrors, classify: Classifier | None = None
    ) -> None:
        self._rule = rule
        self._name = name
        self._internal_errors = internal_errors
        self._classify = classify or rule.classify
        self._bad_statuses = frozenset(_expand(rule.bad_statuses))
        self.threshold = math.inf if rule.latency_seconds is None else rule.latency_seconds
        self.timed_to_end = rule.latency_of == "total"

    def outcome_of_status(self, status: int) -> StatusOutcome:
        """What an undisturbed request of that status is; asked once for each status, not for each request."""
        if self._classify is not None:
            return StatusOutcome.BY_CLASSIFIER
        is_timed = self.threshold != math.inf
        if status in self._bad_statuses:
            return StatusOutcome.LEFT_OUT if is_timed and self._rule.latency_failures == "ignore" else StatusOutcome.BAD
        return StatusOutcome.BY_TIME if is_timed else StatusOutcome.GOOD

    def __call__(self, observed: ObservedRequest, status: int | None, timing: Timing) -> bool | None:
        """
        True good, False bad, None left out.

        Args:
            observed: The finished request.
            status: Its `wire_status`.
            timing: How long it took.
        """
        if status is None:
            return self._left(timing)
        exception = observed.exception
        if self._classify is None:
            succeeded = exception is None and status not in self._bad_statuses
        else:
            succeeded = self._classified(status, exception)
        if not succeeded:
            return None if self._rule.latency_failures == "ignore" and self.threshold != math.inf else False
        if observed.disconnected:
            return self._left(timing)
        return self._in_time(timing)

    def _in_time(self, timing: Timing) -> bool:
        return (timing.total if self.timed_to_end else timing.first_byte) <= self.threshold

    def _left(self, timing: Timing) -> bool | None:
        """The client went away; nothing else was wrong."""
        policy = self._rule.client_disconnect
        if policy == "good":
            return True
        if policy == "bad":
            return False
        # Leaving all of them out would hide an outage in which impatient clients hang up.
        if policy == "auto" and not self._in_time(timing):
            return False
        return None

    def _classified(self, status: int, exception: BaseException | None) -> bool:
        assert self._classify is not None  # the caller looked
        try:
            verdict: object = self._classify(status, exception)
        except Exception as exc:  # a user's code, and the response is already out: fall back to the rule
            self._internal_errors.report(f"classify of the SLO {self._name!r} raised; the default rule decided", exc)
        else:
            if verdict is True or verdict is False:
                return verdict
            self._internal_errors.report(
                f"classify of the SLO {self._name!r}: expected True or False, got {type(verdict).__name__}; "
                "the default rule decided"
            )
        return exception is None and status not in self._bad_statuses


def _expand(statuses: tuple[str | int, ...]) -> set[int]:
    codes: set[int] = set()
    for status in statuses:
        if isinstance(status, int):
            codes.add(status)
        else:
            first = int(status[0]) * 100
            # RFC 9110 has clients treat an invalid status above 599 as a server error.
            codes.update(range(first, 1000 if first == 500 else first + 100))
    return codes
