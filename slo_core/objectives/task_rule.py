"""Task rules: which background tasks count for an SLO, and which of them are good."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from slo_core.errors import ConfigError, Problem
from slo_core.objectives.http_rule import LatencyFailures

__all__ = ["LatencyFrom", "TaskRule"]

LatencyFrom = Literal["start", "due"]


@dataclass(frozen=True, slots=True)
class TaskRule:
    """
    Which tasks count for an SLO and what makes them good.

    A task is good when it succeeds, and bad when it fails for good: a retry is no event. Tasks that end without an outcome
    (ignored, rejected, revoked) are left out. Patterns are shell-style globs of task names, case-sensitive.

    Attributes:
        tasks: Globs of task names: `"shop.invoices.*"`; empty takes every task that is not excluded.
        exclude: Globs of task names that never count.
        latency_seconds: Good means that it succeeded within so many seconds; None means that speed does not matter.
        latency_from: Where the time begins: when the task starts to run (`"start"`: its last run, after retries), or when it
            was due (`"due"`: its eta, or else the time it was sent; retries do not change that).
        latency_failures: How a latency rule counts a failed task: as `"bad"` at any speed, or not at all (`"ignore"`).

    Raises:
        ConfigError: Every field that is wrong, by name.
    """

    tasks: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    latency_seconds: float | None = None
    latency_from: LatencyFrom = "start"
    latency_failures: LatencyFailures = "bad"

    def __post_init__(self) -> None:
        for name in ("tasks", "exclude"):
            value = getattr(self, name)
            if isinstance(value, (list, set, frozenset)):
                object.__setattr__(self, name, tuple(value))
        problems = tuple(self._problems())
        if problems:
            raise ConfigError(problems)

    def _problems(self) -> Iterator[Problem]:
        for name in ("tasks", "exclude"):
            value = getattr(self, name)
            if not isinstance(value, tuple) or not all(isinstance(item, str) and item for item in value):
                hint = f"did you mean [{value!r}]?" if isinstance(value, str) else ""
                yield Problem(f"TaskRule.{name}", f"expected a list of texts, got {value!r}", hint)
        latency = self.latency_seconds
        if latency is not None and (
            isinstance(latency, bool)
            or not isinstance(latency, (int, float))
            or not math.isfinite(latency)
            or latency <= 0
        ):
            yield Problem("TaskRule.latency_seconds", f"expected seconds above 0, got {latency!r}")
        for name, choices in (("latency_from", ("start", "due")), ("latency_failures", ("bad", "ignore"))):
            value = getattr(self, name)
            if value not in choices:
                expected = ", ".join(f'"{choice}"' for choice in choices)
                yield Problem(f"TaskRule.{name}", f"expected one of {expected}, got {value!r}")
