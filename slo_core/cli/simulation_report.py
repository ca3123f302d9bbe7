"""The report of `slo simulate` on one SLO: a table of its alerts, its budget in words, and a plot of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from slo_core.budgets.wording import NOTHING, burn_text, percent, printable, target_digits, window_text
from slo_core.cli.block_plot import bars, spark
from slo_core.objectives.duration import format_duration
from slo_core.simulation.outcome import Outcome, RuleOutcome, SpentShare

__all__ = ["simulation_report"]

_HEADINGS = ("ALERT", "FACTOR", "FIRES", "CLEARS", "HIGHEST LONG", "HIGHEST SHORT")
_NUMBERS = frozenset(_HEADINGS[1:])
# Left out first where a terminal is too narrow.
_LEAVE_OUT = ("HIGHEST SHORT", "HIGHEST LONG", "FACTOR")
_PADDING = 2

_MOST_PERIODS = 3

_PLOT_ROWS = 5
_WIDEST_PLOT, _NARROWEST_PLOT = 72, 10


def simulation_report(outcome: Outcome, console: Console) -> Iterator[RenderableType]:
    """
    The parts of the report on one SLO, in their order.

    Args:
        outcome: From `slo_core.simulation.run.simulate`.
        console: The terminal: its width, and whether it shows more than ASCII.
    """
    definition = outcome.definition
    target = percent(definition.target, target_digits(definition.target))
    # An SLO that was typed as target and window is named by them.
    name = printable(definition.name)
    promise = f"{target} in {window_text(definition)}"
    title = promise if name.startswith(target) else f"{name}: {promise}"
    lasted = format_duration(outcome.incident_seconds)
    events = f"{outcome.budget.failures:,} of {outcome.budget.events:,} events fail"
    begins = outcome.local_start.strftime("%Y-%m-%d %H:%M:%S %Z")
    yield Text(f"{title}. Incident of {lasted} from {begins} on, {events}.", style="bold")
    yield Text()
    yield _alerts(outcome, console) if outcome.rules else Text("It has no alert rules.")
    yield Text()
    yield Text(_budget(outcome))
    yield Text()
    yield from _plot(outcome, console)
    yield Text()


def _alerts(outcome: Outcome, console: Console) -> Table:
    rows = [dict(zip(_HEADINGS, _row(alert, outcome), strict=True)) for alert in outcome.rules]
    shown = list(_HEADINGS)
    for heading in _LEAVE_OUT:
        widths = (max(len(heading), *(len(row[heading]) for row in rows)) + _PADDING for heading in shown)
        if sum(widths) + len(shown) + 1 <= console.width:  # and a border at each side of a column
            break
        shown.remove(heading)
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, padding=(0, _PADDING, 0, 0), pad_edge=False)
    for heading in shown:
        table.add_column(heading, justify="right" if heading in _NUMBERS else "left", no_wrap=True)
    for alert, row in zip(outcome.rules, rows, strict=True):
        table.add_row(*(row[heading] for heading in shown), style="bold red" if alert.firings else "")
    return table


def _row(alert: RuleOutcome, outcome: Outcome) -> tuple[str, ...]:
    fires = NOTHING if alert.fired_at is None else format_duration(alert.fired_at)
    clears = NOTHING if alert.cleared_at is None else format_duration(alert.cleared_at)
    if alert.was_firing:
        fires = "before"
    if alert.is_firing_still:
        clears = f"not within {format_duration(outcome.looked_until)}"
    if len(alert.firings) > 1:
        clears = f"{clears} ({len(alert.firings)} times)"
    return (
        printable(str(alert.rule)),
        burn_text(alert.factor),
        fires,
        clears,
        burn_text(alert.highest_long),
        burn_text(alert.highest_short),
    )


def _budget(outcome: Outcome) -> str:
    budget = outcome.budget
    text = f"Error budget: {_share(budget.before)} before, {_share(budget.after)} after"
    if budget.after_begins_at is None:
        (share,) = budget.windows
        text += f". The incident spends {_spent(share, 'it')}."
    else:
        text += f", of {_period(outcome, budget.after_begins_at)}. The incident spends "
        # Of many weeks the worst one.
        shares = budget.windows
        if len(shares) > _MOST_PERIODS:
            shares = (max(shares, key=lambda share: share.worst),)
            text += "at most "
        text += (
            " and ".join(_spent(share, f"the budget of {_period(outcome, share.begins_at)}") for share in shares) + "."
        )
    if budget.exhausted_at is not None:
        when = f"after {format_duration(budget.exhausted_at)}" if budget.exhausted_at else "before it begins"
        text += f" It is exhausted {when}."
    return text


def _spent(share: SpentShare, whole: str) -> str:
    # Good events that follow make a ratio better again.
    return f"{_share(share.worst)} of {whole}" + ("" if share.worst == share.at_its_end else " at its worst")


def _period(outcome: Outcome, begins_at: int | None) -> str:
    assert begins_at is not None  # only calendar windows are named
    return f"the {outcome.definition.window} from {outcome.local(begins_at):%Y-%m-%d} on"


def _share(ratio: float) -> str:
    # Two digits: a page at 2 % spends tenths, and a small incident less.
    return percent(ratio, 2)


def _plot(outcome: Outcome, console: Console) -> Iterator[Text]:
    """The budget that is left, and how close each alert comes to firing, over the same time."""
    ascii_only = console.options.ascii_only
    labels = [printable(str(alert.rule)) for alert in outcome.rules]
    remaining = [instant.error_budget_remaining for instant in outcome.instants]
    high, low = max(remaining), min(remaining)
    ends = (_share(high), _share(low))
    margin = max(len(label) for label in (*labels, *ends)) + 1
    width = max(_NARROWEST_PLOT, min(_WIDEST_PLOT, console.width - margin - 1))
    yield Text("Error budget left")
    for index, line in enumerate(bars(_fitted(remaining, width), rows=_PLOT_ROWS, ascii_only=ascii_only)):
        label = ends[0] if index == 0 else ends[1] if index == _PLOT_ROWS - 1 else ""
        yield Text(f"{label:>{margin - 1}} ").append(line, style="green")
    if outcome.rules:
        full = spark([1.0], ascii_only=ascii_only)
        yield Text(f"Burn rate of the slower window as a share of the factor; {full} fires")
    for label, alert in zip(labels, outcome.rules, strict=True):
        long, short = alert.rule.long_window, alert.rule.short_window
        nearness = [min(at.burn_rates[long], at.burn_rates[short]) / alert.factor for at in outcome.instants]
        yield Text(f"{label:>{margin - 1}} ").append(
            spark(_fitted(nearness, width), ascii_only=ascii_only), style="red" if alert.firings else "yellow"
        )
    yield Text(" " * margin + _axis(outcome, width))


def _axis(outcome: Outcome, width: int) -> str:
    """The ends of the plot, and where the incident ended."""
    last = outcome.instants[-1].at
    start, end = "0s", format_duration(last)
    middle = "^ end" if 0 < outcome.incident_seconds < last else ""
    at = round(outcome.incident_seconds / last * (width - 1)) if last else 0
    if not len(start) < at <= width - len(end) - len(middle) - 1:
        middle, at = "", len(start)
    line = start.ljust(at) + middle
    return line + end.rjust(width - len(line)) if len(line) + len(end) < width else line


def _fitted(values: Sequence[float], width: int) -> list[float]:
    """One value for each column of the plot, the nearest in time."""
    last = len(values) - 1
    return [values[round(column * last / max(1, width - 1))] for column in range(min(width, len(values)))]
