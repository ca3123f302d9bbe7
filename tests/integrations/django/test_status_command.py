"""`manage.py slo_status`."""

from __future__ import annotations

import io
import json
import re
import time

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from slo_test_project.project import manage

from slo_core.stores.memory.store import MemoryStore
from slo_django import get_registry


def run(*arguments: str) -> tuple[str, str]:
    """Its output and its notes."""
    out, notes = io.StringIO(), io.StringIO()
    call_command("slo_status", *arguments, stdout=out, stderr=notes, no_color=True)
    return out.getvalue(), notes.getvalue()


def breach(name: str) -> None:
    """Failures of an SLO that has been measured for days."""
    get_registry()[name].record(True, at=time.time() - 4 * 86_400)
    for _ in range(2):
        get_registry()[name].record(False)


def test_the_table_has_a_line_for_each_slo() -> None:
    """Name, state and numbers, as text."""
    breach("availability")

    out, _ = run()

    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["SLO", "availability", "latency", "shop", "orders"]
    assert "breached" in lines[1]
    assert "no data" in lines[2]


def test_it_says_what_failed() -> None:
    """Below the table: of each SLO that burns, or of one by its name; a wrong name is an error."""
    breach("availability")
    get_registry()["availability"].record_failure(cause="charge_card")

    assert run("--why")[0].splitlines()[-3].startswith("availability, ")
    first, second = run("--why", "availability")[0].splitlines()[-6:-4]
    assert first.startswith("  66.6%  2  cause not known")
    assert second == "  33.3%  1  charge_card failed"
    with pytest.raises(CommandError, match="did you mean"):
        run("--why", "availabilty")
    with pytest.raises(CommandError, match="for people"):
        run("--why", "--json")


def test_a_terminal_shows_states_in_colour() -> None:
    """The word only: the columns stay aligned."""
    breach("availability")
    out = io.StringIO()

    call_command("slo_status", stdout=out, stderr=io.StringIO(), force_color=True)

    line = out.getvalue().splitlines()[1]
    assert re.search(r"\x1b\[[0-9;]+mbreached\x1b\[0m", line)
    assert re.sub(r"\x1b\[[0-9;]*m", "", line) == run()[0].splitlines()[1]


@pytest.mark.parametrize("arguments", [("--json",), ("--format", "json"), ("--format", "table", "--json")])
def test_the_json_is_for_programs(arguments: tuple[str, ...]) -> None:
    """A document with a version, and nothing else on stdout: with --json as in `slo status`, or as it was spelt before."""
    get_registry()["availability"].record(True)

    document = json.loads(run(*arguments)[0])

    assert document["version"] == 1
    assert document["slos"][0]["total"] == 1


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_it_says_that_it_cannot_see_the_servers_numbers(arguments: tuple[str, ...]) -> None:
    """With memory:// this process has counted nothing, and says so rather than show a perfect service."""
    assert "does not see what the running service has counted" in run(*arguments)[1]


def test_a_shared_store_needs_no_note() -> None:
    """What everybody sees is the truth here too."""

    class Shared(MemoryStore):
        scope = "fleet"

    with override_settings(SLO_STORE=Shared()):
        assert run()[1] == ""


def test_it_says_that_counting_is_switched_off() -> None:
    """Zeros have a reason."""
    with override_settings(SLO_ENABLED=False):
        assert "SLO_ENABLED is False" in run()[1]


def test_wrong_settings_are_told_in_full() -> None:
    """Every problem, and no traceback."""
    broken = {"one": {"target": 99.9}, "two": {"window": "30d"}}
    with override_settings(SLO_DEFINITIONS=broken), pytest.raises(CommandError) as caught:
        run()

    assert "['one'].target" in str(caught.value)
    assert "['two'].target" in str(caught.value)


def test_it_runs_from_a_shell() -> None:
    """As people start it."""
    done = manage("slo_status")

    assert done.returncode == 0, done.stderr
    assert "availability" in done.stdout
    assert "memory://" in done.stderr
