"""The definition of an SLO: its name, target, window, alerts and, for HTTP, the requests that count."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, field
from fractions import Fraction
from typing import Literal

from slo_core.conventions import RESERVED_LABELS, is_encodable, label_problems
from slo_core.errors import ConfigError, Problem, unquoted_hint
from slo_core.objectives.alert_rule import DEFAULT_MIN_FAILURES, AlertRule, exact
from slo_core.objectives.default_rules import RuleConcern, concern_about, default_rules
from slo_core.objectives.http_rule import HTTPRule
from slo_core.objectives.target import Target
from slo_core.objectives.task_rule import TaskRule
from slo_core.objectives.window import (
    CALENDAR_PERIODS,
    DAY,
    LONGEST_CLOCK_CHANGE_SECONDS,
    LONGEST_WINDOW_SECONDS,
    CalendarPeriod,
    PeriodWindow,
    Span,
    calendar_end,
    calendar_start,
    load_timezone,
    rolling_span,
)

__all__ = [
    "DEFAULT_BURN_RATE_THRESHOLD",
    "DEFAULT_BURN_RATE_WINDOWS",
    "DEFAULT_WINDOW_SECONDS",
    "SLODefinition",
    "is_encodable",
]

DEFAULT_WINDOW_SECONDS = 30 * DAY
DEFAULT_BURN_RATE_WINDOWS = (3600, 21_600)
DEFAULT_BURN_RATE_THRESHOLD = 14.4


@dataclass(frozen=True, slots=True)
class SLODefinition:
    """
    One service level objective.

    Attributes:
        name: Identifies it; also the value of the label `slo` on every series.
        target: The share of events that must be good, above 0 and below 1: 0.999.
        window_seconds: Length of the rolling window, at most 92 days. For a calendar window its nominal length.
        burn_rate_windows: Windows of the single-window alerts, in seconds, none longer than the SLO's.
        burn_rate_threshold: Burn rate at or over which they alert, above 1. 14.4 spends 2 % of a 30-day budget
            in an hour.
        description: For people.
        window: `"month"`, `"week"` or `"quarter"` for a calendar window; None for a rolling one.
        timezone: IANA name; where the calendar's midnights lie.
        kind: `"http"` counts requests, `"task"` counts background tasks, `"custom"` is fed by your own code; None counts
            requests if `http` is given, and tasks if `task` is.
        http: Which requests count and what makes them good.
        task: Which background tasks count and what makes them good.
        alert_rules: Multi-window rules; None takes the SRE Workbook's table for this window (`active_alert_rules`).
        labels: More labels for this SLO's series.
        alerts: Which alerts its rules in Prometheus have: by family (`"burn"`, `"budget"`, `"traffic"`, `"absent"`,
            `"store"`) or by name, `"off"` or a severity such as `"ticket"`.
        runbook: URL of the instructions for its alerts.
        dashboard: URL of the dashboard that its alerts link to.
        objective: The target with its exact allowance, for the maths.

    Raises:
        ConfigError: A `ValueError` that names every field that is wrong.
    """

    name: str
    target: float
    window_seconds: int = DEFAULT_WINDOW_SECONDS
    burn_rate_windows: tuple[int, ...] = DEFAULT_BURN_RATE_WINDOWS
    burn_rate_threshold: float = DEFAULT_BURN_RATE_THRESHOLD
    description: str = ""
    _: KW_ONLY
    window: Literal["month", "week", "quarter"] | None = None
    timezone: str = "UTC"
    kind: Literal["http", "task", "custom"] | None = None
    http: HTTPRule | None = None
    task: TaskRule | None = None
    alert_rules: tuple[AlertRule, ...] | None = None
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    runbook: str = ""
    alerts: Mapping[str, str | bool] = field(default_factory=dict, hash=False)
    dashboard: str = ""
    objective: Target = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        assign = object.__setattr__  # the way into a frozen dataclass
        for name in ("burn_rate_windows", "alert_rules"):
            value = getattr(self, name)
            if isinstance(value, list):
                assign(self, name, tuple(value))
        problems = tuple(_problems(self))
        if problems:
            raise ConfigError(problems)
        if self.period is not None:
            assign(self, "window_seconds", self.period.nominal_seconds)
        if self.kind == "http" and self.http is None:
            assign(self, "http", HTTPRule())
        if self.task is not None:
            assign(self, "kind", "task")
        elif self.kind == "task":
            assign(self, "task", TaskRule())
        assign(self, "objective", Target(self.target))
        assign(self, "target", self.objective.ratio)
        assign(self, "window_seconds", int(self.window_seconds))
        assign(self, "burn_rate_windows", tuple(int(seconds) for seconds in self.burn_rate_windows))
        assign(self, "labels", dict(self.labels))
        assign(self, "alerts", dict(self.alerts))

    @property
    def error_budget_ratio(self) -> float:
        """The share of events that may be bad: `1 - target`, from the target's decimal digits."""
        return float(self.objective.allowance)

    @property
    def latency_seconds(self) -> float | None:
        """Within how many seconds a request is answered, or a task succeeds; None where speed does not matter."""
        rule = self.task if self.http is None else self.http
        return None if rule is None else rule.latency_seconds

    @property
    def threshold(self) -> Fraction:
        """`burn_rate_threshold` as the exact fraction of its digits."""
        return exact(self.burn_rate_threshold)

    @property
    def period(self) -> CalendarPeriod | None:
        """The calendar period of a calendar window; None for a rolling one."""
        return None if self.window is None else CALENDAR_PERIODS[self.window]

    @property
    def active_alert_rules(self) -> tuple[AlertRule, ...]:
        """The multi-window rules in force: the user's, or the Workbook's that make sense for this SLO."""
        if self.alert_rules is not None:
            return self.alert_rules
        return default_rules(self.window_seconds, self.objective).rules

    @property
    def alert_concerns(self) -> tuple[RuleConcern, ...]:
        """Default rules that were left out, or rules of the user's that make little sense; for checks."""
        if self.alert_rules is None:
            return default_rules(self.window_seconds, self.objective).left_out
        concerns = (
            concern_about(rule, window_seconds=self.window_seconds, target=self.objective) for rule in self.alert_rules
        )
        return tuple(concern for concern in concerns if concern is not None)

    @property
    def timezone_concern(self) -> str | None:
        """Why `timezone` has no effect on the window; None where it has one, or is not given."""
        if self.window is not None or self.timezone == "UTC":
            return None
        return (
            f"timezone {self.timezone!r} has no effect on a rolling window, which has no midnights: it says only where the "
            "days begin that are kept"
        )

    @property
    def min_failures(self) -> int:
        """The bad events that its window must hold before its budget is judged: the fewest that a rule asks for."""
        return min((rule.min_failures for rule in self.active_alert_rules), default=DEFAULT_MIN_FAILURES)

    @property
    def windows(self) -> tuple[int, ...]:
        """
        Every window that is counted, in seconds, each once: the SLO's first, then burn and alert windows.

        Burn and alert windows are rolling. Where one is as long as a calendar window nominally is, both are counted, and
        the calendar window is a `PeriodWindow`.
        """
        rolling = self._rolling_windows
        return tuple(dict.fromkeys((self._own_window(rolling), *rolling)))

    @property
    def own_window(self) -> int:
        """The SLO's own window as a key among `windows`."""
        return self.window_seconds if self.window is None else self._own_window(self._rolling_windows)

    def _own_window(self, rolling: tuple[int, ...]) -> int:
        is_alike = self.window is not None and self.window_seconds in rolling
        return PeriodWindow(self.window_seconds) if is_alike else self.window_seconds

    @property
    def _rolling_windows(self) -> tuple[int, ...]:
        rules = self.active_alert_rules
        alert_windows = (seconds for rule in rules for seconds in (rule.long_window, rule.short_window))
        recent = (rule.recent_window for rule in rules)
        return (*self.burn_rate_windows, *alert_windows, *recent)

    @property
    def longest_seconds(self) -> int:
        """The longest length that any of its windows can have: how long counts must be kept."""
        own = self.window_seconds if self.period is None else self.period.longest_seconds
        return max(own, *self.windows)

    @property
    def kept_seconds(self) -> int:
        """
        How long counts are kept.

        A calendar period is kept for a week after its end: until then late events still change what is kept of it for good.
        A day of a short window is kept until it is over, also where clocks go back by a day in it.
        """
        if self.period is None:
            return max(self.longest_seconds, DAY + LONGEST_CLOCK_CHANGE_SECONDS + DAY)
        return self.longest_seconds + 7 * DAY

    def span(self, window_seconds: int, *, at: float, until: float) -> Span:
        """
        The span of time of one of `windows` at an instant.

        Args:
            window_seconds: One of `windows`.
            at: The instant, in seconds since the epoch.
            until: The near edge; later than `at` for a live read, which also sees slightly fast hosts.
        """
        if window_seconds == self.own_window:
            return self.own_span(at=at, until=until)
        return rolling_span(window_seconds, at=at, until=until)

    def own_span(self, *, at: float, until: float) -> Span:
        """The span of time of the SLO's own window at an instant; arguments as for `span`."""
        period = self.period
        if period is None:
            return rolling_span(self.window_seconds, at=at, until=until)
        start = calendar_start(period, at, load_timezone(self.timezone))
        return Span(start=start, at=at, until=until, reach_seconds=period.longest_seconds, includes_start=True)

    def window_end(self, at: float) -> float:
        """
        When the SLO's own window ends, in seconds since the epoch: a rolling one now, a calendar one with its last day.

        Args:
            at: The instant, in seconds since the epoch.
        """
        return at if self.period is None else calendar_end(self.period, at, load_timezone(self.timezone))

    def window_length(self, at: float) -> int:
        """
        How long the SLO's own window is, in seconds: a calendar one has whole days, also where clocks change in it.

        Args:
            at: The instant, in seconds since the epoch.
        """
        if self.period is None:
            return self.window_seconds
        start = self.own_span(at=at, until=at).start
        return round((self.window_end(at) - start) / DAY) * DAY


def _problems(definition: SLODefinition) -> Iterator[Problem]:
    yield from _identity_problems(definition)
    yield from _window_problems(definition)
    yield from _alert_problems(definition)
    if definition.kind not in (None, "http", "task", "custom"):
        yield _problem("kind", f'expected "http", "task" or "custom", got {definition.kind!r}')
    if definition.http is not None and not isinstance(definition.http, HTTPRule):
        yield _problem("http", f"expected an HTTPRule, got {definition.http!r}")
    if definition.kind == "custom" and definition.http is not None:
        yield _problem("http", "a custom SLO is fed by your own code and counts no requests", 'drop kind="custom"')
    yield from _task_problems(definition)


def _task_problems(definition: SLODefinition) -> Iterator[Problem]:
    if definition.task is not None and not isinstance(definition.task, TaskRule):
        yield _problem("task", f"expected a TaskRule, got {definition.task!r}")
    elif definition.task is not None and definition.kind not in (None, "task"):
        yield _problem("task", f"an SLO of kind {definition.kind!r} counts no tasks", "drop kind or task")
    if definition.http is not None and (definition.kind == "task" or definition.task is not None):
        yield _problem("http", "a task SLO counts no requests", "define two SLOs")


def _identity_problems(definition: SLODefinition) -> Iterator[Problem]:
    name = definition.name
    if not isinstance(name, str) or not name:
        yield _problem("name", f"must be non-empty text, got {name!r}")
    elif not is_encodable(name):
        yield _problem("name", f"expected text that UTF-8 can encode, got {name!r}")
    elif "\0" in name:
        yield _problem("name", f"expected text without NUL, which databases do not take, got {name!r}")
    try:
        Target(definition.target)
    except ValueError as exc:
        yield _problem("target", str(exc))
    for field_name in ("description", "runbook", "dashboard"):
        value = getattr(definition, field_name)
        if not isinstance(value, str):
            yield _problem(field_name, f"expected text, got {value!r}")
    yield from label_problems(
        "SLODefinition.labels", definition.labels, reserved=RESERVED_LABELS, owner="slo-suite itself"
    )


def _window_problems(definition: SLODefinition) -> Iterator[Problem]:
    window = definition.window_seconds
    if not _is_whole_seconds(window):
        yield _problem("window_seconds", f"must be positive whole seconds, got {window!r}")
    elif window > LONGEST_WINDOW_SECONDS:
        yield _problem("window_seconds", f"expected at most 92 days ({LONGEST_WINDOW_SECONDS} s), got {window!r} s")
    if definition.window is not None:
        period = CALENDAR_PERIODS.get(definition.window) if isinstance(definition.window, str) else None
        if period is None:
            yield _problem(
                "window",
                f'expected "month", "week" or "quarter", got {definition.window!r}',
                "a rolling window is given as window_seconds",
            )
        elif window not in (DEFAULT_WINDOW_SECONDS, period.nominal_seconds):
            yield _problem("window", "expected either a calendar window or window_seconds, got both")
    try:
        load_timezone(definition.timezone)
    except ValueError as exc:
        yield _problem("timezone", str(exc))


def _alert_problems(definition: SLODefinition) -> Iterator[Problem]:
    period = CALENDAR_PERIODS.get(str(definition.window))
    longest: object = definition.window_seconds if period is None else period.nominal_seconds
    windows = definition.burn_rate_windows
    if not isinstance(windows, tuple):
        yield _problem("burn_rate_windows", f"expected a list of seconds, got {windows!r}")
    else:
        for seconds in windows:
            if not _is_whole_seconds(seconds):
                yield _problem("burn_rate_windows", f"must be positive whole seconds, got {seconds!r}")
            elif _is_whole_seconds(longest) and seconds > longest:  # type: ignore[operator]  # an int: just asked
                yield _problem("burn_rate_windows", f"expected at most the SLO's window ({longest} s), got {seconds} s")
        whole = [seconds for seconds in windows if _is_whole_seconds(seconds)]
        if len(set(whole)) < len(whole):
            yield _problem("burn_rate_windows", f"expected each window once, got {windows!r}")
    threshold = definition.burn_rate_threshold
    if isinstance(threshold, bool) or not isinstance(threshold, (int, float)) or not 1 < threshold < math.inf:
        yield _problem("burn_rate_threshold", f"must be a number above 1, got {threshold!r}", unquoted_hint(threshold))
    yield from _rule_problems(definition.alert_rules)
    if definition.alerts != {}:
        from slo_core.objectives.alert_switches import switch_problems  # few SLOs have any

        yield from switch_problems("SLODefinition.alerts", definition.alerts, of_service=False)


def _rule_problems(rules: object) -> Iterator[Problem]:
    if rules is None:
        return
    if not isinstance(rules, tuple) or not all(isinstance(rule, AlertRule) for rule in rules):
        yield _problem("alert_rules", f"expected a list of AlertRule, got {rules!r}")
        return
    seen = set()
    for rule in rules:
        if rule.long_window > LONGEST_WINDOW_SECONDS:
            yield _problem("alert_rules", f"expected windows of at most 92 days, got {rule.long_window} s")
        if rule.key in seen:
            yield _problem("alert_rules", f"severity and windows must be unique within an SLO, got {rule} twice")
        seen.add(rule.key)


def _is_whole_seconds(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        return False
    return value == int(value)


def _problem(name: str, message: str, hint: str = "") -> Problem:
    return Problem(f"SLODefinition.{name}", message, hint)
