"""`flask slo status`, run the way Flask runs its commands."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.cli import ScriptInfo

from slo_flask import SLO
from wsgi_driver import serve


def configured(**config: Any) -> Flask:
    app = Flask("shop")
    app.add_url_rule("/", "home", lambda: "home")
    app.add_url_rule("/boom", "boom", lambda: 1 / 0)
    app.config.update({"SLO_DEFINITIONS": {"availability": {"target": 0.5}}, **config})
    SLO(app)
    return app


def run(app: Flask, *arguments: str) -> Any:
    runner = app.test_cli_runner()
    return runner.invoke(args=["slo", *arguments], obj=ScriptInfo(create_app=lambda: app), color=True)


def test_the_table_shows_each_slo() -> None:
    """Four events, one bad: at a target of 50 % two were allowed, half the budget is left."""
    app = configured()
    for path in ("/", "/", "/", "/boom"):
        serve(app, path=path)

    result = run(app, "status")

    assert result.exit_code == 0
    _, line = result.stdout.splitlines()
    assert line.split()[:4] == ["availability", "-", "met", "50.0%"]
    assert line.split()[-8:-3] == ["50.0%", "30d", "4", "1", "75.00%"]


def test_it_says_what_failed() -> None:
    """Below the table: of each SLO that burns, or of one by its name; a wrong name is an error."""
    app = configured()
    for path in ("/", "/", "/", "/boom"):
        serve(app, path=path)

    assert run(app, "status", "--why").stdout.splitlines()[-1] == "Nothing burns."
    assert run(app, "status", "--why", "availability").stdout.splitlines()[-4:-2] == [
        "availability, no alert fires: 1 bad of 4 events in the last hour",
        "  100.0%  1  GET /boom ZeroDivisionError",
    ]
    assert "did you mean" in run(app, "status", "--why", "availabilty").stderr
    assert run(app, "status", "--json", "--why").exit_code == 2


def test_a_store_in_memory_says_that_it_saw_only_this_process() -> None:
    """On stderr, so that the table can be piped."""
    result = run(configured(), "status")

    assert "counts in each process for itself" in result.stderr
    assert "counts in each process for itself" not in result.stdout


def test_a_terminal_shows_states_in_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    """The columns stay aligned; where there is no terminal there is no colour, unless it is forced."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    app = configured()
    app.extensions["slo"].registry["availability"].record(True, at=time.time() - 4 * 86_400)
    for _ in range(2):
        serve(app, path="/boom")

    plain = run(app, "status").stdout.splitlines()[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    line = run(app, "status").stdout.splitlines()[1]

    assert re.search(r"\x1b\[[0-9;]+m(\x1b\[1m)?breached\x1b\[0m", line)
    assert re.sub(r"\x1b\[[0-9;]*m", "", line) == plain


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json"), ("--format", "table", "--json")])
def test_json_is_for_machines(arguments: tuple[str, ...]) -> None:
    """The same numbers, unrounded: with --json as in `slo status`, or as it was spelt before."""
    app = configured()
    serve(app)

    result = run(app, "status", *arguments)

    document = json.loads(result.stdout)
    (entry,) = document["slos"]
    assert (entry["name"], entry["total"], entry["failures"]) == ("availability", 1, 0)
    assert (entry["error_budget_remaining"], entry["state"]) == (1.0, "met")
    assert document["store"]["backend"] == "memory"


def test_switched_off_the_command_says_so() -> None:
    """Zeros without a word would look like a quiet service."""
    result = run(configured(SLO_ENABLED=False), "status")

    assert result.exit_code == 0
    assert "SLO_ENABLED is False: nothing is counted." in result.stderr


def test_an_unknown_format_is_refused() -> None:
    """With the formats there are."""
    result = run(configured(), "status", "--format", "xml")

    assert result.exit_code == 2
    assert "'table', 'json'" in result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("status", "--help")])
def test_help_tells_what_it_is_for(arguments: tuple[str, ...]) -> None:
    """Both levels."""
    result = run(configured(), *arguments)

    assert result.exit_code == 0
    assert "error budget" in result.stdout.lower()


def test_a_change_is_marked_in_the_store_of_the_application(tmp_path: Any) -> None:
    """And a release when it counts; in memory a command refuses to."""
    app = configured(SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop", SLO_RELEASE="4.2")
    registry = app.extensions["slo"].registry
    serve(app, path="/")
    registry.flush()

    result = run(app, "annotate", "migration 0042")
    refused = run(configured(), "annotate", "migration 0042")

    assert (result.exit_code, refused.exit_code) == (0, 2)
    assert result.stdout.startswith('shop: "migration 0042" is marked at 20')
    assert "memory:// is this command's own" in refused.stderr
    assert {mark.text for mark in registry.internals.marks(0.0)} == {"migration 0042", "4.2"}
    registry.close()


def test_incidents_are_listed(tmp_path: Path) -> None:
    """As `slo incidents` does; JSON for programs."""
    app = configured(SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop")

    result, as_json = run(app, "incidents"), run(app, "incidents", "--json", "--since", "7d")
    refused = run(app, "incidents", "nobody")

    assert (result.exit_code, result.stdout) == (0, "No incident.\n")
    assert json.loads(as_json.stdout)["services"][0]["incidents"] == []
    assert refused.exit_code == 2
    assert "expected the name of an SLO" in refused.stderr
