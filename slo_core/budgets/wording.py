"""The numbers of an SLO as text for people, the same in tables, pages and commands."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

from slo_core.budgets.alerts import AlertState
from slo_core.budgets.notation import localized, number
from slo_core.budgets.snapshot import SLOSnapshot, measured_in_window, seconds_left
from slo_core.objectives.definition import SLODefinition
from slo_core.objectives.duration import format_duration
from slo_core.objectives.window import DAY

__all__ = [
    "NOTHING",
    "allowed_text",
    "any_window_text",
    "burn_text",
    "day_text",
    "measured_briefly",
    "measured_text",
    "percent",
    "printable",
    "promise_text",
    "roughly",
    "rule_text",
    "target_digits",
    "target_text",
    "this_window_text",
    "time_left_text",
    "waiting_text",
    "window_text",
    "windows_text",
]

# Where there is no number to write.
NOTHING = "-"


def target_digits(target: float) -> int:
    """How many decimals a target has as a percentage, one at least."""
    exponent = Decimal(repr(target)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)  # a target is neither NaN nor infinite
    return max(1, -exponent - 2)


def percent(ratio: float, digits: int) -> str:
    """A percentage, rounded down, so that a ratio below the target never shows the target."""
    return localized(_percent(ratio, digits))


def _percent(ratio: float, digits: int) -> str:
    return f"{(Decimal(repr(ratio)) * 100).quantize(Decimal(1).scaleb(-digits), rounding=ROUND_FLOOR)}%"


def target_text(definition: SLODefinition) -> str:
    """The target as a definition may write it, the same in every language: "99.9%"."""
    return _percent(definition.target, target_digits(definition.target))


def burn_text(burn_rate: float) -> str:
    """A burn rate, rounded down: "14.4x" is 14.4 or more."""
    return localized(f"{Decimal(repr(burn_rate)).quantize(Decimal('0.1'), rounding=ROUND_FLOOR)}x")


def allowed_text(events: float) -> str:
    """How many bad events a budget allows, with one decimal; of less than one event two digits that count: "0.0022"."""
    small = Decimal(f"{events:.2g}")
    return localized(f"{small:f}" if 0 < small < 1 else f"{events:,.1f}")


def day_text(at: float) -> str:
    """The day of an instant, in UTC: "2026-03-01"."""
    from datetime import UTC, datetime  # rarely needed

    try:
        return datetime.fromtimestamp(at, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):  # no year of the calendar
        return "a day that no calendar has"


def roughly(seconds: float) -> str:
    """A duration cut to hours, minutes or seconds: "2d3h", "5h20m", "40s"."""
    unit = 3600 if seconds >= 86_400 else 60 if seconds >= 3600 else 1
    return format_duration(seconds // unit * unit)


def measured_text(definition: SLODefinition, snapshot: SLOSnapshot) -> str:
    """How much of the window has been measured, rounded down: "2 of 30 days", "5h20m of 31 days", "40s of 1h"."""
    seconds = measured_in_window(definition, snapshot)
    days, rest = divmod(definition.window_length(snapshot.at), DAY)
    if rest:
        return measured_briefly(definition, snapshot)
    measured = roughly(seconds) if seconds < DAY else int(seconds // DAY)
    return f"{measured} of {days} day{'' if days == 1 else 's'}"


def measured_briefly(definition: SLODefinition, snapshot: SLOSnapshot) -> str:
    """How much of the window has been measured, in short, for tables: "2d1h of 30d"."""
    measured = roughly(measured_in_window(definition, snapshot))
    return f"{measured} of {format_duration(definition.window_length(snapshot.at))}"


def printable(text: str) -> str:
    """Text without control characters, which could break a table or a terminal."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def window_text(definition: SLODefinition) -> str:
    """The window as people call it: "30d", "month"."""
    return definition.window or format_duration(definition.window_seconds)


def this_window_text(definition: SLODefinition) -> str:
    """The window that is measured now, in a sentence: "30d", "the month"."""
    return window_text(definition) if definition.window is None else f"the {definition.window}"


def any_window_text(definition: SLODefinition) -> str:
    """The window of a promise, in a sentence: "30d", "a month"."""
    return window_text(definition) if definition.window is None else f"a {definition.window}"


def promise_text(definition: SLODefinition, *, adjective: str = "") -> str:
    """
    The objective: "99.9% in 30d", "99.9% in a month".

    Args:
        definition: The SLO.
        adjective: What that share of events is, as part of the text: "99.9% good in 30d".
    """
    return " ".join(word for word in (target_text(definition), adjective, "in", any_window_text(definition)) if word)


def time_left_text(snapshot: SLOSnapshot) -> str:
    """The time until the budget is spent at the present burn rate: "2d3h", "gone"; "-" where that rate never spends it."""
    left = seconds_left(snapshot)
    if left is None:
        return NOTHING
    return "gone" if left == 0 and snapshot.has_data else roughly(left)


def waiting_text(alert: AlertState) -> str:
    """Why a rule does not fire although both of its windows burn at its factor: "measured 1m of 5m"; empty otherwise."""
    waiting = alert.waiting
    if waiting is None:
        return ""
    if waiting.reason == "measured":
        return f"measured {roughly(int(waiting.has))} of {format_duration(waiting.needs)}"
    if waiting.reason == "failures":
        return f"needs {number(waiting.needs)} bad events, has {number(int(waiting.has))}"
    return f"the last {format_duration(waiting.needs)} burn slower"


def rule_text(alert: AlertState) -> str:
    """The name of a rule: its severity and its windows, "page 1h/5m"."""
    return f"{printable(alert.severity)} {windows_text(alert)}"


def windows_text(alert: AlertState) -> str:
    """The two windows of a rule: "1h/5m"."""
    return f"{format_duration(alert.long.window_seconds)}/{format_duration(alert.short.window_seconds)}"
