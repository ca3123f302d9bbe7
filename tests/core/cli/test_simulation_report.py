"""The report of a simulation."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from slo_core import SLODefinition
from slo_core.cli.simulation_report import simulation_report
from slo_core.simulation.incident import Incident
from slo_core.simulation.outcome import Outcome
from slo_core.simulation.run import simulate
from slo_core.simulation.traffic import parse_rate, parse_share


def outcome_of(error_ratio: str, seconds: int, **options: Any) -> Outcome:
    sketch = Incident.steady(error_ratio=parse_share(error_ratio), seconds=seconds, rate=parse_rate("10/s"), **options)
    (outcome,) = simulate([SLODefinition("a", 0.999)], sketch)
    return outcome


def report(outcome: Outcome, *, width: int = 100, encoding: str = "utf-8") -> list[str]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, force_terminal=True, color_system=None, highlight=False)
    for part in simulation_report(outcome, console):
        console.print(part)
    file.flush()
    file.seek(0)
    return file.read().splitlines()


def test_a_plot_shows_budget_and_burn_rates() -> None:
    """The budget falls from the left to the right; the page's line is full while it fires."""
    outcome = outcome_of("15%", 600)
    lines = report(outcome)
    top, bottom = (next(line for line in lines if share in line and "█" in line) for share in ("100.00%", "96.52%"))
    page = next(line for line in lines if line.lstrip().startswith("page 1h/5m") and "▁" in line)

    assert top.count("█") < bottom.count("█")
    on = page.count("█") / 72
    (firing,) = outcome.rules[0].firings
    assert firing.cleared_at is not None
    assert on == pytest.approx((firing.cleared_at - firing.fired_at) / outcome.instants[-1].at, abs=2 / 72)
    assert "^ end" in lines[-2]
    assert lines[-2].strip().startswith("0s")
    assert lines[-2].endswith("20m")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    """The plot shrinks, and the table leaves columns out."""
    lines = report(outcome_of("15%", 600), width=width)

    assert max(len(line) for line in lines) <= width
    assert any("FIRES" in line for line in lines)
    assert any("▁" in line for line in lines)


def test_a_terminal_without_blocks_gets_ascii() -> None:
    """Also for the lines of the table."""
    lines = report(outcome_of("15%", 600), encoding="ascii")

    assert all(line.isascii() for line in lines)
    assert any("####" in line for line in lines)


def test_what_happened_before_and_what_goes_on_is_said() -> None:
    """A budget that was spent before, a rule that fired before and fires still."""
    text = " ".join(report(outcome_of("100%", 60, background=parse_share("2%"), after_seconds=60), width=120))

    assert "It is exhausted before it begins." in text
    assert "before" in text
    assert "not within 2m" in text


def test_a_budget_over_the_end_of_a_week_says_of_which_week() -> None:
    """Of both; of many weeks the worst one alone."""
    slo = SLODefinition("a", 0.9, window="week", alert_rules=(), burn_rate_windows=())
    short, long = (
        Incident.steady(error_ratio=parse_share("50%"), seconds=hours * 3600, rate=parse_rate("1/m"), after_seconds=1)
        for hours in (48, 24 * 23)
    )
    text, worst = (" ".join(report(simulate([slo], each, start=1_772_323_200)[0], width=400)) for each in (short, long))

    assert (
        "before, -400.00% after, of the week from 2026-03-02 on. The incident spends 71.42% of the budget of the"
        in text
    )
    assert (
        "71.42% of the budget of the week from 2026-02-23 on and 500.00% of the budget of the week from 2026-03-02"
        in text
    )
    assert "spends at most 500.00% of the budget of the week from 2026-03-02 on" in worst


def test_an_slo_without_rules_has_a_budget() -> None:
    """And a plot of it."""
    (outcome,) = simulate(
        [SLODefinition("a", 0.999, alert_rules=())],
        Incident.steady(error_ratio=parse_share("50%"), seconds=60, rate=parse_rate("1/s"), after_seconds=60),
    )
    text = "\n".join(report(outcome))

    assert "It has no alert rules." in text
    assert "Error budget left" in text
