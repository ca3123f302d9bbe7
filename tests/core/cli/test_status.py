"""`slo status` and `slo gate` on a store: what is printed, and what they end with."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from slo_core import SLODefinition, SLORegistry
from slo_core.cli import main
from slo_core.cli.status_table import rich_status_table
from slo_core.status.service_status import ServiceStatus, service_status_or_error
from slo_core.status.sources.open import open_status_source
from slo_core.status.table import status_table
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import batch_of, declared

DAY = 86_400
URL = "sqlite:///slo.db"

Count = Callable[..., None]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stores are named as they are typed."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLO_TOKEN", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def count() -> Count:
    """`count("shop", availability=(good, bad), days=4)`: SLOs of a target of 90 %, measured for so many days."""

    def add(service: str, *, days: float = 4, **events: tuple[int, int]) -> None:
        with SLORegistry(URL, service=service) as registry:
            for name, (good, bad) in events.items():
                tracker = registry.define(SLODefinition(name, 0.9))
                at = time.time() - days * DAY
                for success, times in ((True, good), (False, bad)):
                    for _ in range(times):
                        tracker.record(success, at=at)

    return add


def test_the_worst_comes_first(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """With the numbers and words of every other view: 4 bad of 100 are two fifths of the budget at 90 %."""
    count("shop", calm=(96, 4), broken=(80, 20), quiet=(0, 0))

    assert main(["status", URL]) == 0

    printed = capsys.readouterr()
    heading, *lines = printed.out.splitlines()
    assert heading.split()[:4] == ["SLO", "TARGET", "WINDOW", "STATE"]
    assert [line.split()[0] for line in lines] == ["broken", "quiet", "calm"]
    assert lines[2].split()[:8] == ["calm", "90.0%", "30d", "met", "100", "4", "96.00%", "60.0%"]
    assert "\x1b" not in printed.out
    assert printed.err == ""


def test_the_table_is_that_of_the_other_commands(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """`manage.py slo_status` prints the same, to the letter."""
    count("shop", calm=(96, 4), broken=(80, 20))

    assert main(["status", URL]) == 0

    with SLORegistry(URL, service="shop") as registry:
        for name in ("broken", "calm"):
            registry.define(SLODefinition(name, 0.9))
        expected = status_table(registry)
    assert [line.rstrip() for line in capsys.readouterr().out.splitlines()] == expected.splitlines()


def test_services_are_told_apart(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """In a column of their own; one of them can be picked."""
    count("shop", a=(9, 1))
    count("till", a=(5, 5))

    assert main(["status", URL]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["SERVICE", "SLO"],
        ["till", "a"],
        ["shop", "a"],
    ]
    assert main(["status", URL, "--service", "shop"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["SLO", "a"]


def test_json_is_for_programs(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """The document of /slo.json, and whose each SLO is."""
    count("shop", a=(96, 4))
    count("till", a=(5, 5))

    assert main(["status", URL, "--service", "shop", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["version"], document["service"], document["store"]["backend"]) == (1, "shop", "sqlite")
    (slo,) = document["slos"]
    assert (slo["name"], slo["total"], slo["failures"], slo["error_budget_remaining"]) == ("a", 100, 4, 0.6)

    assert main(["status", URL, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["service"] is None
    assert [(slo["service"], slo["failures"]) for slo in document["slos"]] == [("shop", 4), ("till", 5)]


def test_reading_writes_nothing(count: Count) -> None:
    """Neither events nor a service."""
    count("shop", a=(96, 4))
    before = Path("slo.db").read_bytes()

    assert main(["status", URL]) == 0

    assert Path("slo.db").read_bytes() == before


def test_an_slo_that_cannot_be_read_is_told(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """The others are shown; a gate over all of them cannot tell."""
    count("shop", a=(96, 4))
    store = SQLiteBucketStore(Path("slo.db"), service="shop")
    # Its declaration's definition is an empty document.
    store.apply([batch_of([(int(time.time()), 1, 0)], number=1, slo="b", declaration=declared(0))])
    store.close()

    assert main(["status", URL]) == 2
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()] == ["SLO", "a"]
    assert printed.err.startswith("slo: error: service 'shop': SLO 'b' cannot be shown: ")
    assert printed.err.count("\n") == 1

    assert main(["gate", URL]) == 2
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["PASS", "a:"],
        ["UNKNOWN", "shop/*:"],
    ]
    assert main(["gate", URL, "--slo", "a"]) == 0


def shown(services: list[ServiceStatus], **options: object) -> list[str]:
    """The table as a terminal of that width shows it."""
    console = Console(file=io.StringIO(), force_terminal=True, **options)  # type: ignore[arg-type]
    console.print(rich_status_table(services, console))
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def test_a_narrow_terminal_is_told_what_is_left_out() -> None:
    """Name, state and budget stay; no cell is cut."""
    registry = SLORegistry.from_config({"availability": {"target": 0.9}})
    registry["availability"].record(False)
    services = [service_status_or_error(registry)]

    wide, narrow = shown(services, width=200, no_color=True), shown(services, width=60, no_color=True)

    assert "not shown" not in "".join(wide)
    text = " ".join(re.sub(r"\x1b\[[0-9;]*m", "", line).strip() for line in narrow)
    text = re.sub(" +", " ", text)
    assert "availability" in text
    assert "breached" in text
    assert "not shown, the terminal is too narrow: measured, exhausted in, window" in text
    assert "…" not in text


def test_colour_says_what_the_words_say() -> None:
    """And a name that looks like colour is a name."""
    registry = SLORegistry.from_config({"[red]a": {"target": 0.9}})
    registry["[red]a"].record(False)
    services = [service_status_or_error(registry)]

    text = "\n".join(shown(services, width=200, color_system="standard", _environ={}))

    assert "\x1b[1;31mbreached" in text
    assert "[red]a" in text
    assert "\x1b[1;31m" not in "\n".join(shown(services, width=200, _environ={"NO_COLOR": "1"}))


def test_no_slo_is_told_in_words() -> None:
    """Not by an empty table."""
    assert shown([service_status_or_error(SLORegistry())], width=80, no_color=True) == ["No SLO is defined."]


def test_a_store_without_slos_is_more_likely_a_mistake(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """And says so."""
    count("shop", a=(1, 0))

    assert main(["status", URL, "--service", "shpo"]) == 2

    assert capsys.readouterr() == (
        "",
        f"slo: error: store {URL}: it holds no SLO of service 'shpo'; is it the right store?\n",
    )


@pytest.mark.parametrize(("command", "out"), [("status", ""), ("gate", "UNKNOWN  -: ")])
def test_a_store_out_of_reach_is_one_line(command: str, out: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the password in its URL; nothing that the library would log comes beside it."""
    pytest.importorskip("redis")

    assert main([command, "redis://:hunter2@127.0.0.1:1/0"]) == 2

    printed = capsys.readouterr()
    told = printed.out + printed.err
    assert told.count("\n") == 1
    assert told.startswith(f"{out or 'slo: error: '}store redis://:***@127.0.0.1:1/0: ")


@pytest.mark.parametrize(
    "arguments", [["--watch", URL], ["--watch", "0.2", URL], ["--watch=0.2", URL], [URL, "--watch"]]
)
def test_watching_goes_on_until_it_is_interrupted(arguments: list[str], count: Count) -> None:
    """With a number of seconds or without; events that come meanwhile are seen. Interrupted, it ends with success."""
    count("shop", a=(96, 4))
    process = subprocess.Popen(
        [sys.executable, "-m", "slo_core.cli", "status", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that a shell runs in the background are started with it ignored, and would hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    watchdog = threading.Timer(180, process.kill)
    watchdog.start()

    seen = []
    for line in process.stdout:
        if line.startswith("a "):
            seen.append(line.split()[5])
            if len(seen) == 1:
                count("shop", a=(0, 5))
            if seen[-1] == "9":
                process.send_signal(signal.SIGINT)
                break

    process.stdout.read()
    assert process.wait(60) == 0
    watchdog.cancel()
    assert (seen[0], seen[-1]) == ("4", "9")
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "1e9"])
def test_an_interval_that_is_none_is_refused(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A loop without a pause would burn the store."""
    assert main(["status", f"--watch={seconds}", URL]) == 2

    assert "--watch" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "verdicts"),
    [
        ([], 1, ["FAIL", "PASS", "UNKNOWN"]),
        (["--slo", "calm"], 0, ["PASS"]),
        (["--slo", "calm", "--min-budget", "60%"], 0, ["PASS"]),
        (["--slo", "calm", "--min-budget", "60.1%"], 1, ["FAIL"]),
        (["--slo", "calm", "--max-burn", "1/1h"], 0, ["PASS"]),
        (["--slo", "calm", "--max-burn", "0.3/30d"], 1, ["FAIL"]),
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


def test_the_gate_waits_for_a_tenth_of_the_window(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """Two days of thirty are too few."""
    count("shop", a=(96, 4), days=2)

    assert main(["gate", URL]) == 2

    assert capsys.readouterr().out == "UNKNOWN  a: measured 2 of 30 days; a tenth is needed\n"


def test_a_gate_that_asks_nonsense_cannot_be_let_through(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """`--on-unknown pass` is about the SLOs, not about the command line; every mistake is told."""
    count("shop", a=(96, 4))

    assert main(["gate", URL, "--min-budget", "10", "--max-burn", "6", "--on-unknown", "pass"]) == 2

    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.splitlines() == [
        'slo: error: --min-budget: expected a share from "0%" to "100%", got \'10\'; did you mean "10%"?',
        "slo: error: --max-burn: expected a burn rate and a window such as \"6/1h\", got '6'",
    ]


@pytest.mark.parametrize(
    ("token", "said"), [("", "is empty"), ("a\nb", "expected printable ASCII"), ("é", "expected printable ASCII")]
)
def test_a_token_that_cannot_be_sent_is_refused(token: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody is asked."""
    Path("token").write_text(token)

    assert main(["gate", "http://127.0.0.1:1/slo.json", "--token-file", "token"]) == 2

    assert said in capsys.readouterr().err


def test_a_store_takes_no_token(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """One in the environment is meant for pages, and left alone."""
    Path("token").write_text("s3cret")
    count("shop", a=(1, 0))

    assert main(["status", URL, "--token-file", "token"]) == 2
    assert "--token-file is for a page" in capsys.readouterr().err


def test_a_source_can_be_read_again(count: Count) -> None:
    """As watching does."""
    count("shop", a=(1, 0))
    source = open_status_source(URL)

    first = source.read()
    source.close()

    assert source.read()[0].snapshots[0][1].total == first[0].snapshots[0][1].total == 1
    source.close()
