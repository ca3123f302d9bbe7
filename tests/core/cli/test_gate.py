"""`slo gate`: what it prints, and what it ends with. Tests of gate and gate_options."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slo_core.cli import main

URL = "sqlite:///slo.db"

Count = Callable[..., None]


@pytest.mark.parametrize(
    ("arguments", "code", "verdicts"),
    [
        ([], 1, ["FAIL", "PASS", "UNKNOWN"]),
        (["--slo", "calm"], 0, ["PASS"]),
        (["--slo", "calm", "--min-budget", "60%"], 0, ["PASS"]),
        (["--slo", "calm", "--min-budget", "60.1%"], 1, ["FAIL"]),
        (["--slo", "calm", "--max-burn", "1/1h"], 0, ["PASS"]),
        (["--slo", "calm", "--max-burn", "0.3/30d"], 1, ["FAIL"]),
        (["--slo", "calm", "--min-time", "2d"], 0, ["PASS"]),
        (["--slo", "calm", "--max-burn", "0.4/30d", "--max-burn", "1/7m"], 2, ["UNKNOWN"]),
        (["--slo", "quiet"], 2, ["UNKNOWN"]),
        (["--slo", "quiet", "--on-unknown", "pass"], 0, ["UNKNOWN"]),
        (["--slo", "missing"], 2, ["UNKNOWN"]),
        (["--slo", "broken", "--on-unknown", "pass"], 1, ["FAIL"]),
    ],
)
def test_the_gate_answers_by_its_exit_code(
    arguments: list[str], code: int, verdicts: list[str], count: Count, capsys: pytest.CaptureFixture[str]
) -> None:
    """4 bad of 100 at 90 % leave 60 % and burn at 0.4; 20 of 100 are twice what is allowed. One line for each SLO."""
    count("shop", broken=(80, 20), calm=(96, 4), quiet=(0, 0))

    assert main(["gate", URL, *arguments]) == code

    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == verdicts


@pytest.mark.parametrize(("asked", "code"), [("1d2h", 0), ("27h", 1)])
def test_the_gate_asks_how_long_the_budget_lasts(
    asked: str, code: int, count: Count, capsys: pytest.CaptureFixture[str]
) -> None:
    """7 of 200 failed where 20 may: 13 are left, at 3 in six hours."""
    count("shop", a=(96, 4))
    count("shop", a=(97, 3), days=0)

    assert main(["gate", URL, "--min-time", asked]) == code

    assert "the budget lasts 1d2h at the pace of the last 6h, at least" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--on-young", "fail"], 2), (["--on-unknown", "pass"], 0)])
def test_the_gate_does_not_judge_a_budget_before_a_tenth_of_the_window(
    options: list[str], code: int, count: Count, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two days of thirty are too few; a new service is let through while it burns nothing, unless that is forbidden."""
    count("shop", a=(96, 4), days=2)

    assert main(["gate", URL, *options]) == code

    line = "YOUNG    a: measured 2 of 30 days; a tenth is needed to judge the budget\n"
    assert capsys.readouterr().out == line


def test_a_gate_that_asks_nonsense_cannot_be_let_through(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """`--on-unknown pass` is about the SLOs, not about the command line; every mistake is told."""
    count("shop", a=(96, 4))

    assert main(["gate", URL, "--min-budget", "10", "--max-burn", "6", "--min-time", "2y", "--on-unknown", "pass"]) == 2

    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.splitlines() == [
        'slo: error: --min-budget: expected a share from "0%" to "100%", got \'10\'; did you mean "10%"?',
        "slo: error: --max-burn: expected a burn rate and a window such as \"6/1h\", got '6'",
        'slo: error: --min-time: expected seconds or a duration such as "30d", "1h30m" or "300ms", got \'2y\'',
    ]
