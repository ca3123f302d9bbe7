"""
SLO definitions as people configure them, in Django settings, Flask config, YAML or `instrument()`.

One parser serves all of them. It goes on after a mistake, and reports every problem together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from importlib import import_module
from typing import Any, Literal

from slo_core.config.task_options import TASK_KEYS, is_task, read_task_rule
from slo_core.errors import ConfigError, Problem, nearest, plain_number
from slo_core.objectives.alert_rule import AlertRule, whole_seconds
from slo_core.objectives.definition import DEFAULT_BURN_RATE_WINDOWS, SLODefinition
from slo_core.objectives.duration import parse_duration
from slo_core.objectives.http_rule import HTTPRule
from slo_core.objectives.window import CALENDAR_PERIODS

__all__ = ["DefinitionsConfig", "parse_definitions"]

# Definitions are nested five deep. Deeper values could exceed Python's recursion limit.
_DEEPEST = 32

# More digits than any percentage has; 1e-999999999 would be a fraction that does not fit into memory.
_MOST_DIGITS = 400

DefinitionsConfig = (
    # A sequence, not any iterable: a mapping is an iterable too, and type checkers could not tell the two apart in a literal.
    Mapping[str, "Mapping[str, object] | SLODefinition"] | Sequence["Mapping[str, object] | SLODefinition"]
)

_DEFAULTS = "defaults"

# The configured name of a field, where it differs from the attribute's.
_KEY_OF_FIELD = {"latency_seconds": "latency", "window_seconds": "window"}
_HTTP_KEYS = {_KEY_OF_FIELD.get(f.name, f.name) for f in fields(HTTPRule)}
_OWN_KEYS = {
    "target", "window", "timezone", "description", "kind", "burn_rate_windows", "burn_rate_threshold", "alert_rules",
    "labels", "runbook", "dashboard", "alerts",
}  # fmt: skip
_KNOWN_KEYS = sorted(_HTTP_KEYS | TASK_KEYS | _OWN_KEYS)
_RULE_KEYS = [f.name for f in fields(AlertRule)]


def parse_definitions(
    config: DefinitionsConfig,
    *,
    where: str = "SLO_DEFINITIONS",
    defaults: object = None,
    default_kind: Literal["http", "task"] = "http",
) -> tuple[SLODefinition, ...]:
    """
    The definitions of a configuration.

    Args:
        config: A mapping of name to options, a list of mappings with `name`, or `SLODefinition` objects.
        where: The name of the configuration in messages: `"settings.SLO_DEFINITIONS"`.
        defaults: Options of every SLO that does not give them itself; those of labels and alerts are put together.
        default_kind: The kind of those that do not say it, and have no key of tasks.

    Returns:
        The definitions in their order. All count HTTP requests, except those that count tasks and those with
        `kind="custom"`.

    Raises:
        ConfigError: Every problem, with its path, what was expected, what came and the nearest known key.
    """
    parser = _Parser(where, default_kind)
    parser.take_defaults({} if defaults is None else defaults)
    definitions = parser.parse(config)
    if parser.problems:
        raise ConfigError(parser.problems)
    return tuple(definitions)


@dataclass(slots=True)
class _Parser:
    where: str
    default_kind: Literal["http", "task"]
    problems: list[Problem] = field(default_factory=list)
    defaults: dict[str, object] = field(default_factory=dict)

    def take_defaults(self, defaults: object) -> None:
        if not isinstance(defaults, Mapping):
            self.report(_DEFAULTS, f"expected a mapping of options, got {defaults!r}")
            return
        for key in (key for key in defaults if key not in _KNOWN_KEYS):
            self.report(_DEFAULTS, f"unknown key {key!r}", nearest(key, _KNOWN_KEYS))
        self.defaults = {str(key): value for key, value in defaults.items() if key in _KNOWN_KEYS}

    def report(self, path: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(path, message, hint))

    def parse(self, config: object) -> list[SLODefinition]:
        entries: list[tuple[str, object, object]] = []
        reason = _why_not_shown(config)
        if reason is not None:
            self.report(self.where, f"expected plain values, got one that cannot be shown ({reason})")
        elif isinstance(config, Mapping):
            entries = [(f"{self.where}[{name!r}]", name, options) for name, options in config.items()]
        elif isinstance(config, Iterable) and not isinstance(config, (str, bytes)):
            for index, options in enumerate(config):
                name = options.get("name") if isinstance(options, Mapping) else None
                entries.append((f"{self.where}[{index}]", name, options))
        else:
            self.report(self.where, f"expected a mapping of SLO names to options, or a list, got {config!r}")
        definitions: dict[str, SLODefinition] = {}
        for path, name, options in entries:
            definition = self._definition(path, name, options, listed=not isinstance(config, Mapping))
            if definition is None:
                continue
            if definition.name in definitions:
                self.report(path, f"the name {definition.name!r} is already registered", "choose another name")
            definitions[definition.name] = definition
        return list(definitions.values())

    def _definition(self, path: str, name: object, options: object, *, listed: bool) -> SLODefinition | None:
        if isinstance(options, SLODefinition):
            if not listed and name != options.name:
                self.report(path, f"expected a definition named {name!r}, got one named {options.name!r}")
            if options.http is None and options.kind is None:
                return replace(options, kind=self.default_kind)
            return options
        if not isinstance(options, Mapping):
            self.report(path, f"expected a mapping of options or an SLODefinition, got {options!r}")
            return None
        given = {str(key): value for key, value in options.items() if not (listed and key == "name")}
        for key in (key for key in given if key not in _KNOWN_KEYS):
            self.report(path, f"unknown key {key!r}", nearest(key, _KNOWN_KEYS))
        if listed and not isinstance(name, str):
            self.report(f"{path}.name", f"expected the SLO's name, got {name!r}")
            name = f"unnamed {path}"  # not the same for two of them
        before = len(self.problems)
        inherited = self._inherit(given)
        definition = self._built(path, name, given)
        problems = self.problems[before:]
        del self.problems[before:]
        for problem in problems:
            self._report_once(path, inherited, problem)
        return definition

    def _inherit(self, given: dict[str, object]) -> set[str]:
        """Add the defaults of the file to the options of an SLO; returns the keys that are theirs alone."""
        inherited = set()
        is_custom = given.get("kind", self.defaults.get("kind")) == "custom"
        counts_tasks = is_task({"kind": self.defaults.get("kind"), **given}, default_kind=self.default_kind)
        # A task SLO counts no requests, one of requests no tasks, and a custom one neither.
        its_own = set() if is_custom else set(TASK_KEYS) if counts_tasks else _HTTP_KEYS
        not_its_own = (_HTTP_KEYS | TASK_KEYS) - its_own
        for key, value in self.defaults.items():
            if key in not_its_own:
                continue
            if key not in given:
                given[key] = value
                inherited.add(key)
            elif isinstance(value, Mapping) and isinstance(given[key], Mapping):
                given[key] = {**value, **given[key]}  # type: ignore[dict-item]  # a Mapping: just asked
        return inherited

    def _report_once(self, path: str, inherited: set[str], problem: Problem) -> None:
        """Report a problem of an SLO's options; one of a default for the first SLO only, and with its own place."""
        key, *rest = re.split(r"(?=[.\[])", problem.path.removeprefix(f"{path}."), maxsplit=1)
        if key in inherited:
            problem = replace(problem, path="".join((_DEFAULTS, ".", key, *rest)))
        if problem not in self.problems:
            self.problems.append(problem)

    def _built(self, path: str, name: object, given: Mapping[str, object]) -> SLODefinition | None:
        before = len(self.problems)
        own = self._own_options(path, given)
        http = task = None
        if is_task(given, default_kind=self.default_kind):
            task, problems = read_task_rule(path, given, _HTTP_KEYS)
            self.problems += problems
            own["kind"] = "task"
        else:
            http = self._http_rule(path, given)
        if "target" not in given:
            self.report(f"{path}.target", "missing", 'expected a ratio such as 0.999, or "99.9%"')
        known_bad = {problem.path for problem in self.problems[before:]}
        definition = None
        try:
            # A field that was already reported keeps its default here, so that the others are still checked.
            definition = SLODefinition(**{"name": name, "target": 0.5, "http": http, "task": task, **own})
        except ConfigError as exc:
            for problem in exc.problems:
                where = self._configured_path(path, problem.path)
                if where not in known_bad:
                    self.report(where, problem.message, problem.hint)
        known_bad = {problem.path for problem in self.problems[before:]}
        for key in (key for key, value in given.items() if value is None and f"{path}.{key}" not in known_bad):
            self._report_null(f"{path}.{key}")
        return definition

    def _report_null(self, path: str) -> None:
        # YAML reads a key without a value as None: it may be what was to be typed.
        self.report(path, "expected a value, got None", "without the key its default applies")

    def _configured_path(self, path: str, field_path: str) -> str:
        name = field_path.partition(".")[2]
        return f"{path}.{_KEY_OF_FIELD.get(name, name)}"

    def _own_options(self, path: str, given: Mapping[str, object]) -> dict[str, Any]:
        own: dict[str, Any] = {key: given[key] for key in _OWN_KEYS & given.keys()}
        own.setdefault("kind", self.default_kind)
        self._convert(path, own, "target", _target)
        self._convert(path, own, "burn_rate_windows", _whole_seconds_list)
        if "alert_rules" in own:
            own["alert_rules"] = self._alert_rules(f"{path}.alert_rules", own["alert_rules"])
        window = own.pop("window", None)
        if isinstance(window, str) and window in CALENDAR_PERIODS:
            own["window"] = window
            longest: float = CALENDAR_PERIODS[window].nominal_seconds
        else:
            longest = math.inf
            period = _meant_period(window)
            if period:
                self.report(f"{path}.window", f"expected a duration or month, week or quarter, got {window!r}", period)
                window = None
            if window is not None:
                own["window_seconds"] = window
                self._convert(path, own, "window_seconds", lambda value: whole_seconds("window", value))
                longest = own.get("window_seconds", math.inf)
        if "burn_rate_windows" not in own:
            own["burn_rate_windows"] = tuple(seconds for seconds in DEFAULT_BURN_RATE_WINDOWS if seconds <= longest)
        return own

    def _http_rule(self, path: str, given: Mapping[str, object]) -> HTTPRule | None:
        options: dict[str, Any] = {key: given[key] for key in _HTTP_KEYS & given.keys()}
        is_custom = given.get("kind") == "custom"
        for key in sorted((TASK_KEYS - _HTTP_KEYS) & given.keys()):
            kind = "a custom SLO" if is_custom else "an SLO of requests"
            self.report(f"{path}.{key}", f"{kind} counts no tasks", 'drop this key, or say kind: "task"')
        if is_custom:
            for key in sorted(options):
                self.report(f"{path}.{key}", "a custom SLO counts no requests", 'drop this key or kind: "custom"')
            return None
        if "latency" in options:
            options["latency_seconds"] = options.pop("latency")
            self._convert(path, options, "latency_seconds", parse_duration)
        if isinstance(options.get("classify"), str):
            self._convert(path, options, "classify", _import)
        try:
            return HTTPRule(**options)
        except ConfigError as exc:
            for problem in exc.problems:
                self.report(self._configured_path(path, problem.path), problem.message, problem.hint)
            return None

    def _convert(self, path: str, options: dict[str, Any], name: str, convert: Callable[[Any], object]) -> None:
        """Convert one option in place; a bad one is reported and dropped."""
        if name not in options:
            return
        try:
            options[name] = convert(options[name])
        except ValueError as exc:
            del options[name]
            message, _, hint = str(exc).removeprefix("window: ").partition("; ")
            self.report(f"{path}.{_KEY_OF_FIELD.get(name, name)}", message, hint)

    def _alert_rules(self, path: str, rules: object) -> tuple[AlertRule, ...] | None:
        if not isinstance(rules, Sequence) or isinstance(rules, str):
            self.report(path, f"expected a list of alert rules, got {rules!r}")
            return None
        parsed = (self._alert_rule(f"{path}[{index}]", rule) for index, rule in enumerate(rules))
        return tuple(rule for rule in parsed if rule is not None)

    def _alert_rule(self, path: str, rule: object) -> AlertRule | None:
        if isinstance(rule, AlertRule):
            return rule
        if not isinstance(rule, Mapping):
            self.report(path, f"expected a mapping with the fields of AlertRule, got {rule!r}")
            return None
        unknown = [key for key in rule if key not in _RULE_KEYS]
        for key in unknown:
            self.report(path, f"unknown key {key!r}", nearest(key, _RULE_KEYS))
        missing = [key for key in ("long_window", "short_window", "severity") if key not in rule]
        for key in missing:
            self.report(f"{path}.{key}", "missing")
        nulls = [key for key in ("burn_rate", "budget_share") if key in rule and rule[key] is None]
        for key in nulls:
            self._report_null(f"{path}.{key}")
        if unknown or missing or nulls:
            return None
        options: dict[str, Any] = dict(rule)
        before = len(self.problems)
        if isinstance(options.get("budget_share"), str):
            self._convert(path, options, "budget_share", _percent)
            # A bad share was reported: another stands in for it, so that the other fields are still checked.
            options.setdefault("budget_share", 1)
        try:
            parsed = AlertRule(options.pop("long_window"), options.pop("short_window"), **options)
        except ConfigError as exc:
            for problem in exc.problems:
                self.report(path + problem.path.removeprefix("AlertRule"), problem.message, problem.hint)
        return parsed if len(self.problems) == before else None


def _why_not_shown(config: object) -> str | None:
    """Why a message cannot show a value: a number of 5,000 digits, a cycle, an object without a repr; None if it can."""
    waiting: list[tuple[object, int]] = [(config, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > _DEEPEST:
            return "it is nested too deeply"
        if isinstance(value, Mapping):
            waiting += [(inner, depth + 1) for pair in value.items() for inner in pair]
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting += [(inner, depth + 1) for inner in value]
        else:
            try:
                repr(value)
            except Exception as exc:  # a foreign object may raise anything
                return f"{type(value).__name__}: {exc}"
    return None


def _meant_period(window: object) -> str:
    """A hint for a window that is nearly a calendar window, such as "monthly" or "Week"; empty for any other."""
    if not isinstance(window, str) or len(window) > _DEEPEST or not window[:1].isalpha():
        return ""
    word = window.strip().casefold()
    period = next((period for period in CALENDAR_PERIODS if word.startswith(period)), None)
    return "" if period is None else f'did you mean "{period}"?'


def _target(value: object) -> object:
    if isinstance(value, str):
        ratio = _percent(value)
        if not 0 < ratio < 1:
            raise ValueError(f'expected a share between "0%" and "100%", got {value!r}')
        return float(ratio)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 1 < value < 100:
        raise ValueError(f'expected a ratio between 0 and 1, got {value!r}; did you mean "{value}%"?')
    return value


def _percent(text: str) -> Fraction:
    """A percent text divided as a fraction, so that `"99.9%"` is exactly the ratio 0.999."""
    number, sign, rest = text.partition("%")
    try:
        value = Decimal(number.strip())
    except InvalidOperation:
        value = Decimal("NaN")
    exponent = value.as_tuple().exponent
    is_short = len(number) <= _MOST_DIGITS and isinstance(exponent, int) and abs(exponent) <= _MOST_DIGITS
    if not sign or rest.strip() or not value.is_finite() or not is_short:
        raise ValueError(
            f'expected a ratio between 0 and 1 or a percentage such as "99.9%", got {text!r}{_percent_hint(text)}'
        )
    return Fraction(value) / 100


def _percent_hint(text: str) -> str:
    """What to write in place of text that is nearly a share."""
    digits = plain_number(text.replace("%", ""))
    if not digits:
        return ""
    if "%" in text or float(digits) > 1:
        return f'; did you mean "{digits}%"?'
    if float(digits) in (0, 1):
        return ""  # no target
    return f'; it is text, not a number: write {digits} without quotes, or "{float(Fraction(digits) * 100):g}%"'


def _whole_seconds_list(value: object) -> tuple[int, ...]:
    if not isinstance(value, (list, tuple)):
        raise ValueError(f'expected a list of durations such as ["1h", "6h"], got {value!r}')
    return tuple(whole_seconds("window", item) for item in value)


def _import(dotted_path: str) -> object:
    module_name, _, attribute = dotted_path.rpartition(".")
    try:
        return getattr(import_module(module_name), attribute)
    except Exception as exc:  # a foreign module may raise anything
        raise ValueError(f"expected a callable or its dotted path, got {dotted_path!r} ({exc})") from exc
