"""`slo status`: what it prints, and what it ends with."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.cli import main
from slo_core.cli import status as command
from slo_core.cli.screen import Picture
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.open import open_status_source
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock, batch_of, declared

URL = "sqlite:///slo.db"

Count = Callable[..., None]


def test_the_worst_comes_first(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """With the numbers and words of every other view: 4 bad of 100 are two fifths of the budget at 90 %."""
    count("shop", calm=(96, 4), broken=(80, 20), quiet=(0, 0))

    assert main(["status", URL]) == 0

    printed = capsys.readouterr()
    heading, *lines = printed.out.splitlines()
    assert heading.split()[:4] == ["SLO", "NOW", "BUDGET", "BUDGET"]
    assert [line.split()[0] for line in lines] == ["broken", "quiet", "calm"]
    assert lines[2].split()[:4] == ["calm", "-", "met", "60.0%"]
    assert lines[2].split()[-8:-3] == ["90.0%", "30d", "100", "4", "96.00%"]
    assert "\x1b" not in printed.out
    assert printed.err == ""


def test_colours_can_be_forced_into_a_pipe(
    count: Count, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By FORCE_COLOR, for the logs of a build; the text is the same, in whole lines."""
    count("shop", broken=(80, 20))
    assert main(["status", URL]) == 0
    plain = capsys.readouterr().out
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert main(["status", URL]) == 0

    coloured = capsys.readouterr().out
    assert "\x1b[31m\x1b[1mbreached\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


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
            seen.append(line.split()[-5])
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


def test_retired_slos_are_named_and_not_shown(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """In a note below the table, and under a key of the JSON."""
    count("shop", calm=(96, 4), old=(0, 0))
    store = SQLiteBucketStore(Path("slo.db"), service="shop")
    with store._file.transaction(write=True) as connection:
        connection.execute("UPDATE slo SET seen_at = 86400 * 365 WHERE name = 'old'")
    store.close()

    assert main(["status", URL]) == 0

    printed = capsys.readouterr()
    assert "old" not in printed.out
    assert "they are left out: old (not since 1971-01-01); `slo store forget NAME` deletes their counts" in printed.err
    assert main(["status", URL, "--json"]) == 0
    view = json.loads(capsys.readouterr().out)
    assert view["retired"] == [{"service": "shop", "name": "old", "seen_at": 86_400 * 365}]
    assert [slo["name"] for slo in view["slos"]] == ["calm"]


@pytest.mark.parametrize("arguments", [("--why", URL), (URL, "--why"), ("--why=", URL)])
def test_what_burns_says_what_failed(
    count: Count, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    """Below the table, wherever `--why` stands; the URL after it is no name of an SLO."""
    count("shop", calm=(96, 4), days=0)
    with SLORegistry(URL, service="shop") as registry:
        tracker = registry.define(SLODefinition("broken", 0.9))
        tracker.record_success(at=time.time() - 4 * 86_400)
        for _ in range(100):
            tracker.record_failure(cause="charge_card")

    assert main(["status", *arguments]) == 0

    *_, blank, heading, row = capsys.readouterr().out.splitlines()
    assert (blank, row) == ("", "  100.0%  100  charge_card failed")
    assert heading == "broken, paging: 100 bad of 100 events in the last hour"


def test_one_slo_says_what_failed(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """In each service that has it; a wrong name is an error, and so is `--json`, which has another place for it."""
    count("shop", calm=(96, 4), days=0)
    count("warehouse", calm=(9, 0), days=0)

    assert main(["status", "--why", "calm", URL]) == 0
    out = capsys.readouterr().out
    assert "shop calm, no alert fires: 4 bad of 100 events in the last hour\n  100.0%  4  cause not known" in out
    assert "warehouse calm, no alert fires: no bad event in the last hour\n" in out
    assert main(["status", "--why", "clam", URL]) == 2
    assert "did you mean" in capsys.readouterr().err
    assert main(["status", "--why", "--json", URL]) == 2


def test_what_changed_before_a_burn_stands_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    """In one line; a release two minutes before half of everything failed."""
    clock = FakeClock(time.time() - 140 * 60)
    definitions = {"checkout": {"target": "99%"}}
    with SLORegistry.from_config(
        definitions, store="sqlite:///slo.db", service="shop", clock=clock, flush_interval=3600.0
    ) as registry:
        for minute in range(140):
            if minute == 119:
                registry.annotate("4.2", kind="release")
            for number in range(10):
                registry["checkout"].record(minute < 120 or number % 2 == 0)
            clock.advance(minutes=1)

    assert main(["status", "sqlite:///slo.db"]) == 0

    assert capsys.readouterr().out.splitlines()[2:] == ["checkout: paging, began 2 minutes after release 4.2"]


@pytest.mark.parametrize("is_repainted", [False, True])
def test_while_a_store_is_away_its_last_table_stays(
    is_repainted: bool, count: Count, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its time and the reason; before the first table there is only the reason, and "No SLO" is never claimed."""
    count("shop", a=(96, 4))
    with closing(open_status_source(URL)) as source:
        up = source.read()
    away = [ServiceStatus("shop", "redis", "fleet", is_up=False, error="the store cannot be read: TimeoutError")]
    answers = iter([away, up, away])
    shown: list[str] = []

    def read() -> list[ServiceStatus]:
        try:
            return next(answers)
        except StopIteration:
            raise KeyboardInterrupt from None

    class Screen(AbstractContextManager["Screen"]):
        def __exit__(self, *_: object) -> None: ...
        def wait(self, seconds: float) -> None: ...
        def paint(self, picture: Picture) -> None:
            above, below = picture(200)
            shown.append("\n".join([*above, *below]))

    monkeypatch.setattr(command, "opened_source", lambda *_: SimpleNamespace(read=read, close=lambda: None))
    monkeypatch.setattr(command, "can_be_repainted", lambda _: is_repainted)
    monkeypatch.setattr(command, "Screen", Screen)
    monkeypatch.setattr(
        command,
        "time",
        SimpleNamespace(strftime=lambda form: form.replace("%H:%M:%S", "15:42:00"), sleep=lambda _: None),
    )

    assert main(["status", "--watch", URL]) == 0

    out, err = capsys.readouterr()
    why = "service 'shop': the store cannot be read: TimeoutError"
    marked = f"{why}; its last numbers are from 15:42:00"
    assert "No SLO is defined." not in f"{out}{shown}"
    if is_repainted:
        assert shown[0] == f"{why}\nnot read yet, every 2 s until Ctrl-C"
        assert marked not in shown[1]
        assert shown[2].splitlines()[:-2] == shown[1].splitlines()[:-1]
        assert shown[2].splitlines()[-2:] == [marked, "read at 15:42:00, every 2 s until Ctrl-C"]
    else:
        assert out.count("BUDGET LEFT") == 1
        assert err.splitlines() == [f"slo: error: {why}", f"slo: error: {marked}"]
