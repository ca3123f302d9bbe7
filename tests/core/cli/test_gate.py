"""`slo gate`: what it prints, and what it ends with. Tests of gate and gate_options."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slo_core.cli import main
from slo_core.stores.sql.sqlite import SQLiteBucketStore

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
    count("shop", a=(176, 4))
    count("shop", a=(17, 3), days=0)

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
        'slo: error: --max-burn: expected a burn rate and a window such as "6/1h", got \'6\'; in which window? "6/1h"',
        (
            'slo: error: --min-time: expected seconds or a duration such as "30d", "1h30m" or "300ms", got \'2y\'; months and '
            'years differ in length: write days, such as "30d"; the window "month" is that of the calendar'
        ),
    ]


def test_the_gate_answers_programs_in_json(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """One object with the verdict of each SLO; the exit code is the same, and stands in it."""
    count("shop", broken=(80, 20), quiet=(0, 0))

    assert main(["gate", URL, "--json"]) == 1

    answer = json.loads(capsys.readouterr().out)
    assert (answer["version"], answer["verdict"], answer["exit_code"]) == (1, "fail", 1)
    assert [(slo["service"], slo["name"], slo["verdict"]) for slo in answer["slos"]] == [
        ("shop", "broken", "fail"),
        ("shop", "quiet", "unknown"),
    ]
    assert answer["slos"][1]["reason"] == "no events in 30d"
    assert (answer["retired"], answer["notes"]) == ([], [])


def test_a_service_that_does_not_answer_is_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown, which --on-young does not let through and --on-unknown does."""
    assert main(["gate", "sqlite:///no.db", "--json", "--on-young", "pass"]) == 2
    assert main(["gate", "http://127.0.0.1:9/slo.json", "--json"]) == 2

    (slo,) = json.loads(capsys.readouterr().out)["slos"]
    assert (slo["service"], slo["name"], slo["verdict"]) == (None, None, "unknown")
    assert "no answer" in slo["reason"]
    assert main(["gate", "http://127.0.0.1:9/slo.json", "--on-unknown", "pass"]) == 0


def retire(name: str) -> None:
    """As if no process had been heard of it for 31 days."""
    store = SQLiteBucketStore(Path("slo.db"), service="shop")
    with store._file.transaction(write=True) as connection:
        long_ago = time.time() - 31 * 86_400
        connection.execute("UPDATE slo SET seen_at = ?, newest = ? WHERE name = ?", (long_ago, long_ago, name))
    store.close()


def test_an_slo_that_no_process_declares_any_more_is_not_asked(
    count: Count, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named as retired, in words and in JSON; the gate that asks for it by name cannot answer."""
    count("shop", calm=(96, 4), old=(0, 0))
    retire("old")

    assert main(["gate", URL]) == 0

    printed = capsys.readouterr()
    assert [line.split()[:2] for line in printed.out.splitlines()] == [["PASS", "calm:"]]
    assert (
        "retired: of service 'shop' no process declares these SLOs any more, and they are left out: old" in printed.err
    )
    assert main(["gate", URL, "--json"]) == 0
    assert [slo["name"] for slo in json.loads(capsys.readouterr().out)["retired"]] == ["old"]
    assert main(["gate", URL, "--slo", "old"]) == 2
    assert "UNKNOWN  old: it is retired: no process declares it any more" in capsys.readouterr().out


def test_a_service_of_which_every_slo_is_retired_decides_nothing(
    count: Count, capsys: pytest.CaptureFixture[str]
) -> None:
    """A gate without anything to ask does not pass."""
    count("shop", old=(0, 0))
    retire("old")

    assert main(["gate", URL]) == 2

    assert capsys.readouterr().out == "UNKNOWN  -: every SLO is retired\n"


def test_a_young_slo_fails_while_an_alert_fires(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """The gate is of use on the first day: what burns is not released upon."""
    count("shop", a=(30, 70), days=0.3)
    count("shop", a=(30, 70), days=0)

    assert main(["gate", URL]) == 1

    printed = capsys.readouterr().out
    assert printed.startswith("FAIL     a: the alert page 6h/30m fires, 70 of 100 events failed; the alert ticket ")
    assert printed.endswith("; measured 7h12m of 30 days; a tenth is needed to judge the budget\n")
