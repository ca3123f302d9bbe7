"""Whether one finished request is good, bad or left out for one SLO."""

from __future__ import annotations

import math
from enum import Enum

from slo_core.http.causes import DISCONNECTED, FAILED, SLOW
from slo_core.http.request import ObservedRequest
from slo_core.objectives.http_rule import Classifier, HTTPRule
from slo_core.process.internal_errors import InternalErrors, user_code_errors
from slo_core.tracking.cause_names import exception_name

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
    The status that the client saw; None when the client had gone before there was one.

    Servers answer 500 for an application that raises before its response, and for one that returns without a response.
    """
    if observed.status is None and (observed.exception is not None or not observed.disconnected):
        return 500
    return observed.status


class StatusOutcome(Enum):
    """What the status alone decides about an undisturbed request: nothing was raised, and the client stayed to the end."""

    GOOD = "good"
    BAD = "bad"
    LEFT_OUT = "left out"
    BY_TIME = "good when it was fast enough"
    BY_CLASSIFIER = "decided by the classifier"


class RequestClassifier:
    """
    Applies one rule to finished requests.

    Args:
        rule: The rule.
        name: The SLO's name, for messages.
        internal_errors: Where errors of a user's classifier are reported.
        classify: Overrides the rule's own classifier.

    Attributes:
        threshold: Seconds within which a request must be answered; infinite where speed does not matter.
        timed_to_end: The last byte is timed, not the first.
    """

    __slots__ = (
        "_bad_statuses",
        "_classify",
        "_ignored_statuses",
        "_internal_errors",
        "_name",
        "_rule",
        "threshold",
        "timed_to_end",
    )

    def __init__(
        self, rule: HTTPRule, *, name: str, internal_errors: InternalErrors, classify: Classifier | None = None
    ) -> None:
        self._rule = rule
        self._name = name
        self._internal_errors = internal_errors
        self._classify = classify or rule.classify
        self._bad_statuses = frozenset(_expand(rule.bad_statuses))
        self._ignored_statuses = frozenset(_expand(rule.ignored_statuses))
        self.threshold = math.inf if rule.latency_seconds is None else rule.latency_seconds
        self.timed_to_end = rule.latency_of == "total"

    def outcome_of_status(self, status: int, *, has_failed: bool = False) -> StatusOutcome:
        """
        The outcome of requests of that status; called once for each status, not for each request.

        Args:
            status: The status.
            has_failed: An exception decides; see `deciding_exception`.
        """
        if status in self._ignored_statuses:
            return StatusOutcome.LEFT_OUT
        if self._classify is not None:
            return StatusOutcome.BY_CLASSIFIER
        is_timed = self.threshold != math.inf
        if has_failed or status in self._bad_statuses:
            return StatusOutcome.LEFT_OUT if is_timed and self._rule.latency_failures == "ignore" else StatusOutcome.BAD
        return StatusOutcome.BY_TIME if is_timed else StatusOutcome.GOOD

    def classify(self, observed: ObservedRequest, status: int | None, timing: Timing) -> tuple[bool | None, str]:
        """
        True good, False bad, None left out, by the first rule that applies; and what a bad one is counted as in the causes.

        1. What the application said (`slo_outcome`). For a latency SLO a good request must still be in time.
        2. An ignored status is left out.
        3. An exception that only the framework's last resort handled is bad, unless that answered with 4xx; one that broke
           the response off is always bad.
        4. The user's classifier, or the bad statuses.
        5. A client that went away counts by `client_disconnect`; the time decides for a latency SLO.

        Args:
            observed: The finished request.
            status: Its `wire_status`.
            timing: How long it took.
        """
        notes = observed.notes
        succeeded = None if notes is None else notes.outcome
        failure = None
        if succeeded is None:
            if status is None:
                return self._after_disconnect(timing), DISCONNECTED
            if status in self._ignored_statuses:
                return None, ""
            failure = deciding_exception(observed, status)
            succeeded = failure is None and status not in self._bad_statuses
            if self._classify is not None:
                succeeded = self._call_classifier(self._classify, observed, status, default=succeeded)
        elif succeeded:
            return self._in_time(timing), SLOW
        if not succeeded:
            if self._rule.latency_failures == "ignore" and self.threshold != math.inf:
                return None, ""
            if failure is not None:
                return False, exception_name(type(failure))
            reason = None if notes is None or notes.outcome is None else notes.reason or FAILED
            return False, reason or str(status)
        if observed.disconnected:
            return self._after_disconnect(timing), DISCONNECTED
        return self._in_time(timing), SLOW

    def seconds_of(self, timing: Timing) -> float:
        """The time that the threshold applies to, in seconds."""
        return timing.total if self.timed_to_end else timing.first_byte

    def _in_time(self, timing: Timing) -> bool:
        return self.seconds_of(timing) <= self.threshold

    def _after_disconnect(self, timing: Timing) -> bool | None:
        """The outcome when the client went away and nothing else was wrong."""
        policy = self._rule.client_disconnect
        if policy == "good":
            return True
        if policy == "bad":
            return False
        # Leaving all of them out would hide an outage in which impatient clients hang up.
        if policy == "auto" and not self._in_time(timing):
            return False
        return None

    def _call_classifier(self, classify: Classifier, observed: ObservedRequest, status: int, *, default: bool) -> bool:
        try:
            is_good: object = classify(status, observed.exception)
        except user_code_errors() as exc:  # from the user's code; the response is already sent: the rule decides
            self._internal_errors.report(f"classify of the SLO {self._name!r} raised; the default rule decided", exc)
        else:
            if is_good is True or is_good is False:
                return is_good
            self._internal_errors.report(
                f"classify of the SLO {self._name!r}: expected True or False, got {type(is_good).__name__}; "
                "the default rule decided"
            )
        return default


def deciding_exception(observed: ObservedRequest, status: int) -> BaseException | None:
    """The exception that decides; None where the status does, also one that a last resort answered with."""
    exception = observed.exception
    if exception is None or (observed.is_answered and 400 <= status < 500):
        return None
    return exception


def _expand(statuses: tuple[str | int, ...]) -> set[int]:
    codes: set[int] = set()
    for status in statuses:
        if isinstance(status, int):
            codes.add(status)
        else:
            first = int(status[0]) * 100
            codes.update(range(first, first + 100))
            if first == 500:  # RFC 9110 has clients treat an invalid status as a server error
                codes.update(range(100), range(600, 1000))
    return codes
