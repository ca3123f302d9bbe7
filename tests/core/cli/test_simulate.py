"""`slo simulate`: its arguments and its JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from slo_core.cli import main

TYPED = ["simulate", "--target", "99.9%"]
SHORT = ["--errors", "15%", "--for", "10m", "--rate", "20/s"]
CALM = ["--errors", "0%", "--for", "1m", "--rate", "1/m", "--before", "0", "--after", "0"]


@pytest.fixture
def slos(tmp_path: Path) -> Path:
    """A file with two SLOs."""
    path = tmp_path / "slo.json"
    path.write_text(
        json.dumps(
            {
                "service": "shop",
                "slos": {
                    "availability": {"target": "99.9%"},
                    "latency": {"target": 0.99, "latency": "300ms", "window": "7d"},
                },
            }
        )
    )
    return path


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(arguments) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def document(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    slos: list[dict[str, Any]] = json.loads(printed([*arguments, "--json"], capsys))["slos"]
    return slos


def test_the_workbooks_example(capsys: pytest.CaptureFixture[str]) -> None:
    """15 % errors for ten minutes: the fast page after 345.6 s, cleared 271.2 s after the end; 3.47 % of the budget."""
    lines = printed([*TYPED, *SHORT], capsys).splitlines()

    assert lines[0] == "99.9% in 30d. Incident of 10m from 2023-11-15 00:00:00 UTC on, 1,800 of 12,000 events fail."
    assert lines[2].split() == "ALERT FACTOR FIRES CLEARS HIGHEST LONG HIGHEST SHORT".split()
    assert lines[3].split() == ["page", "1h/5m", "14.4x", "5m46s", "14m32s", "25.0x", "150.0x"]
    assert lines[4].split() == ["page", "6h/30m", "6.0x", "-", "-", "4.1x", "50.0x"]
    assert "Error budget: 100.00% before, 96.52% after. The incident spends 3.47% of it." in lines


def test_slos_of_a_file(slos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All of them, each under its name and with its own rules."""
    out = printed(["simulate", str(slos), *SHORT], capsys)

    assert "availability: 99.9% in 30d. Incident of 10m" in out
    assert "latency: 99.0% in 7d. Incident of 10m" in out


def test_one_slo_of_a_file(slos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named with --slo; what is misspelt is told."""
    (slo,) = document(["simulate", str(slos), "--slo", "latency", *SHORT], capsys)
    assert (slo["slo"], slo["target"], slo["window_seconds"]) == ("latency", 0.99, 604_800)

    assert main(["simulate", str(slos), "--slo", "latenzy", *SHORT]) == 2
    assert "there is no SLO 'latenzy'; did you mean \"latency\"?" in capsys.readouterr().err


def test_json_has_every_number(capsys: pytest.CaptureFixture[str]) -> None:
    """In seconds and ratios; None for what did not happen."""
    (slo,) = document([*TYPED, *SHORT], capsys)

    assert slo["incident_seconds"] == 600
    assert slo["resolution_seconds"] == 1
    assert slo["budget"]["failures"] == 1800
    assert slo["budget"]["events"] == 12_000
    assert slo["budget"]["spent"] == pytest.approx(0.0347, abs=1e-4)
    assert slo["budget"]["exhausted_at_seconds"] is None
    first, second = slo["alerts"][:2]
    assert (first["severity"], first["long_window_seconds"], first["short_window_seconds"]) == ("page", 3600, 300)
    assert (first["factor"], first["min_failures"], first["was_firing"]) == (14.4, 2, False)
    assert (first["fired_at_seconds"], first["cleared_at_seconds"]) == (346, 872)
    assert first["firings"] == [{"fired_at_seconds": 346, "cleared_at_seconds": 872}]
    assert (second["fired_at_seconds"], second["cleared_at_seconds"], second["firings"]) == (None, None, [])


@pytest.mark.parametrize(
    ("of_file", "of_slo"),
    [
        ({"alerts": {"burn": "off"}}, {"SLOErrorBudgetBurn": "on"}),
        ({"alerts": {"SLOErrorBudgetBurn": "page"}}, {"burn": "off"}),
        ({"severities": {"page": "critical", "ticket": "warning"}}, {}),
        ({"alerts": {"burn": "page"}, "severities": {"page": "critical"}}, {"burn": "ticket"}),
    ],
)
def test_alerts_are_those_that_slo_rules_writes(
    of_file: dict[str, Any], of_slo: dict[str, Any], slos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the severities and switches of the file and of the SLO; an alert that is off fires in no simulation."""
    slos.write_text(
        json.dumps(
            {"service": "s", "store": "redis://h/0", **of_file, "slos": {"a": {"target": 0.999, "alerts": of_slo}}}
        )
    )
    (slo,) = document(["simulate", str(slos), *CALM], capsys)
    groups = yaml.safe_load(printed(["rules", str(slos)], capsys))["groups"]
    burning = [
        rule["labels"] for group in groups for rule in group["rules"] if rule.get("alert") == "SLOErrorBudgetBurn"
    ]

    assert [(alert["severity"], str(alert["long_window_seconds"])) for alert in slo["alerts"]] == [
        (labels["severity"], labels["long_window_seconds"]) for labels in burning
    ]
    assert ("Its burn alerts are switched off." in printed(["simulate", str(slos), *CALM], capsys)) == (not burning)
    assert ("its burn alerts are switched off" in printed(["validate", str(slos)], capsys)) == (not burning)


def test_default_rules_that_were_left_out_are_named(slos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As by `slo rules`: at 90 % no total outage reaches 14.4. Not where the alert is off."""
    left_out = "left out the default alert rule page 1h/5m: its factor 14.4 can never be reached"
    for options in ([], ["--min-failures", "3"], ["--json"]):
        assert main(["simulate", "--target", "90%", *CALM, *options]) == 0
        assert f"slo: note: 90.0% in 30d: {left_out}" in capsys.readouterr().err

    slos.write_text(
        json.dumps({"service": "s", "store": "redis://h/0", "slos": {"a": {"target": 0.9, "alerts": {"burn": "off"}}}})
    )
    printed(["simulate", str(slos), *CALM], capsys)


@pytest.mark.parametrize(("target", "window"), [("90%", "30d"), ("0.9", "30d"), ("90.00%", "month")])
def test_a_typed_slo_is_named_once(target: str, window: str, capsys: pytest.CaptureFixture[str]) -> None:
    """However its target is written."""
    assert main(["simulate", "--target", target, "--window", window, *CALM]) == 0
    heading = capsys.readouterr().out.splitlines()[0]

    assert heading.startswith(f"90.0% in {'a month' if window == 'month' else window}. Incident of 1m")


def test_counts_by_the_minute(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same incident from a file is the same incident."""
    path = tmp_path / "counts.csv"
    path.write_text("minute,total,bad\n" + "".join(f"{minute},1200,180\n" for minute in range(10)))

    from_file, sketched = document([*TYPED, "--csv", str(path)], capsys), document([*TYPED, *SHORT], capsys)

    assert from_file == sketched


def test_options_reach_the_simulation(capsys: pytest.CaptureFixture[str]) -> None:
    """What came before, how long to look on, and how many failures an alert asks for."""
    options = ["--before", "0", "--after", "1m", "--background", "1%", "--min-failures", "5000"]
    (slo,) = document([*TYPED, *SHORT, *options], capsys)
    (young,) = document([*TYPED, *SHORT, "--before", "0"], capsys)

    assert slo["looked_until_seconds"] == 660
    assert slo["budget"]["before"] == 1.0
    assert slo["budget"]["exhausted_at_seconds"] == 1  # of nothing but 15 % errors
    assert all(not alert["firings"] and alert["min_failures"] == 5000 for alert in slo["alerts"])
    assert young["alerts"][0]["fired_at_seconds"] == 300  # the short window must have been measured


def test_a_window_that_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    """Rolling or of the calendar."""
    (week,) = document([*TYPED, "--window", "7d", *SHORT], capsys)
    (month,) = document([*TYPED, "--window", "month", *SHORT], capsys)

    assert week["alerts"][0]["factor"] == 16.8
    assert (month["window"], month["window_seconds"]) == ("month", 2_592_000)


def test_a_calendar_window_says_which_day_it_assumes(slos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the report and, because it decides how much budget there is, in a note; in the SLO's zone. With --at no note."""
    slos.write_text(
        json.dumps({"service": "s", "slos": {"a": {"target": 0.99, "window": "month", "timezone": "America/New_York"}}})
    )
    assert main(["simulate", str(slos), *SHORT]) == 0
    captured = capsys.readouterr()
    assert "Incident of 10m from 2023-11-14 19:00:00 EST on," in captured.out
    assert captured.err == (
        "slo: note: a calendar window depends on the day: the incident is assumed to begin on 2023-11-15, the middle of a "
        "week, a month and a quarter; --at sets it\n"
    )

    assert "from 2026-03-01 00:00:00 EST on" in printed(["simulate", str(slos), *SHORT, "--at", "1772341200"], capsys)
    (slo,) = document(["simulate", str(slos), *SHORT, "--at", "2026-03-01T06:00+01:00"], capsys)
    assert slo["starts_at"] == "2026-03-01T00:00:00-05:00"


def test_a_file_with_times_begins_at_its_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten minutes into March all events of the month are known: half of them bad spends 500 budgets. --at moves it."""
    path = tmp_path / "counts.csv"
    path.write_text("time,total,bad\n" + "".join(f"2026-03-01T00:0{minute}Z,60,30\n" for minute in range(10)))
    arguments = [*TYPED, "--window", "month", "--csv", str(path)]

    (march,) = document(arguments, capsys)
    (later,) = document([*arguments, "--at", "2026-03-15"], capsys)

    assert (march["starts_at"], march["budget"]["after"]) == ("2026-03-01T00:00:00+00:00", pytest.approx(-499))
    assert later["starts_at"] == "2026-03-15T00:00:00+00:00"
    assert later["budget"]["after"] == pytest.approx(1 - 300 / ((14 * 1440 + 10) * 60 / 1000))
    assert "from 2026-03-01 00:00:00 UTC on" in printed(arguments, capsys)


def test_a_file_out_of_order_decides_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither a report nor JSON, but the line that is out of order."""
    path = tmp_path / "counts.csv"
    path.write_text("time,total,bad\n2026-03-01T00:05Z,60,0\n2026-03-01T00:04Z,60,30\n2026-03-01T00:06Z,60,0\n")

    for arguments in ([], ["--json"]):
        assert main([*TYPED, "--csv", str(path), *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err == (
            f"slo: error: {path}:3: time: expected a later minute than in the line before, got '2026-03-01T00:04Z'\n"
        )


def test_a_zone_that_is_gone_is_named(slos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Time zone data loses zones now and then."""
    slos.write_text(
        json.dumps({"service": "s", "slos": {"a": {"target": 0.99, "window": "month", "timezone": "US/Pacific-New"}}})
    )

    assert main(["simulate", str(slos), *SHORT]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert "slos['a'].timezone: expected an IANA time zone" in captured.err
    assert "'US/Pacific-New'" in captured.err


def test_times_that_are_not_exact_are_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors within an event of the factor of a rule, for hours."""
    monkeypatch.setattr("slo_core.simulation.run._PRECISIONS", ((1, 10),))
    arguments = ["--errors", "0.1%", "--for", "1h", "--rate", "50/s", "--background", "0.1%", "--after", "0"]

    assert main([*TYPED, *arguments]) == 0

    assert "times are exact to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Expected SOURCE"),
        (SHORT, "Expected SOURCE"),
        (["--target", "99.9%"], "Expected an incident: --errors and --for, or --csv."),
        (["--target", "99.9%", "--errors", "15%"], "Expected an incident"),
        (["--target", "99.9", *SHORT], 'did you mean "99.9%"?'),
        (["--target", "100%", *SHORT], 'expected a share between "0%" and "100%"'),
        (["--target", "99.9%", "--window", "soon", *SHORT], "Invalid value for --window"),
        (["--target", "99.9%", "--window", "93d", *SHORT], "expected at most 92 days"),
        (["--target", "99.9%", "--errors", "15", "--for", "10m"], 'did you mean "15%"?'),
        (["--target", "99.9%", "--errors", "15%", "--for", "ten"], "expected seconds or a duration"),
        (["--target", "99.9%", "--errors", "15%", "--for", "1.5s"], "expected whole seconds"),
        (["--target", "99.9%", "--errors", "15%", "--for", "99d"], "an incident of at most 93 days"),
        (["--target", "99.9%", "--errors", "15%", "--for", "10m", "--rate", "fast"], 'expected a rate such as "50/s"'),
        (["--target", "99.9%", *SHORT, "--at", "noon"], "Invalid value for '--at': expected a time such as"),
        (["--target", "99.9%", *SHORT, "--at", "9999-12-31"], "from 1970 to 9998"),
        (["--target", "99.9%", *SHORT, "--min-failures", "0"], "0 is not in the range x>=1"),
        (["--target", "99.9%", *SHORT, "--csv", "x.csv"], "Expected either --csv or --errors and --for, got both."),
        (["slo.json", "--target", "99.9%", *SHORT], "Expected either SOURCE or --target, got both."),
        (["slo.json", "--window", "30d", *SHORT], "--window belongs to --target"),
        (["there-is-no.json", *SHORT], "there-is-no.json: there is no such file"),
        (["--target", "99.9%", "--csv", "there-is-no.csv"], "there-is-no.csv: cannot be read: No such file"),
    ],
)
def test_bad_input(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, nothing on stdout, and what was expected on stderr."""
    assert main(["simulate", *arguments]) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_a_bad_file_is_told_by_line_and_column(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every mistake in a line of its own."""
    path = tmp_path / "counts.csv"
    path.write_text("minute,total,bad\n1,10,11\n2,x,0\n")

    assert main([*TYPED, "--csv", str(path)]) == 2

    assert capsys.readouterr().err.splitlines() == [
        f"slo: error: {path}:2: bad: expected at most the total (10), got 11",
        f"slo: error: {path}:3: total: expected a whole number from 0 to 60,000,000,000, got 'x'",
    ]


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """And every option."""
    out = printed(["simulate", "--help"], capsys)

    assert "slo simulate --target 99.9% --errors 15% --for 10m" in out
    for option in (
        "--errors",
        "--for",
        "--rate",
        "--csv",
        "--at",
        "--before",
        "--after",
        "--background",
        "--min-failures",
    ):
        assert option in out
