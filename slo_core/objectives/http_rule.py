"""HTTP rules: which requests count for an SLO, and which of them are good."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from slo_core.errors import ConfigError, Problem, plain_number, truth_hint, unquoted_hint

__all__ = ["Classifier", "ClientDisconnect", "HTTPRule", "LatencyFailures", "LatencyOf", "classifier_name"]

Classifier = Callable[[int, BaseException | None], bool]
ClientDisconnect = Literal["auto", "ignore", "good", "bad"]
LatencyOf = Literal["first-byte", "total"]
LatencyFailures = Literal["bad", "ignore"]

_STATUS_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")

# Methods of RFC 9110, and PATCH of RFC 5789; any other counts as `OTHER_METHOD`.
KNOWN_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"))
OTHER_METHOD = "_OTHER"


@dataclass(frozen=True, slots=True)
class HTTPRule:
    """
    Which requests count for an SLO and what makes them good.

    Patterns are shell-style globs in which `*` crosses slashes, case-sensitive. A rule without routes and views
    takes every request that is not excluded.

    Attributes:
        routes: Globs matched against the route template, then the path: `"/checkout/*"`.
        views: Globs matched against the view name (Django), endpoint (Flask) or route name (Starlette, FastAPI).
        methods: HTTP methods; empty takes all. HEAD counts as GET, unknown methods are `"_OTHER"`.
        exclude: Globs of routes and paths that never count.
        latency_seconds: Good means answered in at most this long; None means that speed does not matter.
        latency_of: Where the time ends: at the first byte of the body, or the last (`"total"`).
        latency_failures: How a latency rule counts a failed response (by status or exception): as `"bad"` at any
            speed, or not at all (`"ignore"`).
        bad_statuses: Status codes (429) and classes (`"5xx"`) that are bad. An unhandled exception always is, unless it
            was answered with a status below 500 that says so (4xx).
        ignored_statuses: Status codes and classes that are left out, whatever raised them: `(401, "3xx")`.
        classify: `classify(status, exception_or_None) -> bool` in place of `bad_statuses`. Called in the request's
            own thread or task after the last byte was handed over; it must not block.
        client_disconnect: How a request counts whose client went away: `"auto"` leaves it out, but for a latency rule it is
            bad when the threshold had already passed; or `"ignore"`, `"good"`, `"bad"`.
        unmatched: Also count requests that no route took and that were answered with 404 or a redirect.

    Raises:
        ConfigError: Every field that is wrong, by name.
    """

    routes: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    latency_seconds: float | None = None
    latency_of: LatencyOf = "first-byte"
    bad_statuses: tuple[str | int, ...] = ("5xx",)
    classify: Classifier | None = None
    client_disconnect: ClientDisconnect = "auto"
    unmatched: bool = False
    latency_failures: LatencyFailures = "bad"
    ignored_statuses: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        for name in ("routes", "views", "methods", "exclude", "bad_statuses", "ignored_statuses"):
            value = getattr(self, name)
            if isinstance(value, (list, set, frozenset)):
                object.__setattr__(self, name, tuple(value))
        problems = tuple(self._problems())
        if problems:
            raise ConfigError(problems)
        object.__setattr__(self, "methods", tuple(method.upper() for method in self.methods))

    def _problems(self) -> Iterator[Problem]:
        for name in ("routes", "views", "methods", "exclude"):
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(item, str) and item for item in value):
                yield _problem(name, f"expected a list of texts, got {value!r}", _list_hint(value))
        if isinstance(self.methods, tuple):
            for method in self.methods:
                if isinstance(method, str) and method and method.upper() not in KNOWN_METHODS | {OTHER_METHOD}:
                    known = ", ".join(sorted(KNOWN_METHODS))
                    yield _problem("methods", f"expected HTTP methods ({known} or {OTHER_METHOD}), got {method!r}")
        yield from self._latency_problems()
        yield from self._outcome_problems()

    def _latency_problems(self) -> Iterator[Problem]:
        latency = self.latency_seconds
        if latency is not None and (
            isinstance(latency, bool)
            or not isinstance(latency, (int, float))
            or not math.isfinite(latency)
            or latency <= 0
        ):
            yield _problem("latency_seconds", f"expected seconds above 0, got {latency!r}")
        yield from _choice_problem("latency_of", self.latency_of, ("first-byte", "total"))
        yield from _choice_problem("latency_failures", self.latency_failures, ("bad", "ignore"))

    def _outcome_problems(self) -> Iterator[Problem]:
        yield from _status_problems("bad_statuses", self.bad_statuses)
        yield from _status_problems("ignored_statuses", self.ignored_statuses)
        if self.classify is not None and not callable(self.classify):
            yield _problem("classify", f"expected a callable (status, exception) -> bool, got {self.classify!r}")
        yield from _choice_problem("client_disconnect", self.client_disconnect, ("auto", "ignore", "good", "bad"))
        if not isinstance(self.unmatched, bool):
            yield _problem("unmatched", f"expected True or False, got {self.unmatched!r}", truth_hint(self.unmatched))


def classifier_name(classify: Classifier) -> str:
    """The module and name of a classifier: "shop.slo.is_good"; less telling for a lambda or a partial."""
    qualified = getattr(classify, "__qualname__", type(classify).__qualname__)
    return f"{getattr(classify, '__module__', '')}.{qualified}"


def _is_status(status: object) -> bool:
    if isinstance(status, str):
        return status in _STATUS_CLASSES
    return isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599


def _status_problems(name: str, statuses: object) -> Iterator[Problem]:
    if not isinstance(statuses, tuple):
        yield _problem(name, f"expected a list, got {statuses!r}", _list_hint(_number(statuses)))
        return
    for status in statuses:
        if not _is_status(status):
            yield _problem(
                name, f'expected status codes (429) or classes ("5xx"), got {status!r}', unquoted_hint(status)
            )


def _choice_problem(name: str, value: object, choices: tuple[str, ...]) -> Iterator[Problem]:
    if value not in choices:
        expected = ", ".join(f'"{choice}"' for choice in choices)
        yield _problem(name, f"expected one of {expected}, got {value!r}")


def _problem(name: str, message: str, hint: str = "") -> Problem:
    return Problem(f"HTTPRule.{name}", message, hint)


def _number(status: object) -> object:
    """A status code, also of text that is one."""
    return int(status) if isinstance(status, str) and plain_number(status).isdecimal() else status


def _list_hint(value: object) -> str:
    return f"did you mean [{value!r}]?" if isinstance(value, (str, int)) and not isinstance(value, bool) else ""
