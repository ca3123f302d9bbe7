"""`manage.py slo_incidents`: when alerts fired in a Django project; and the same in the admin."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from slo_django import get_registry


def test_incidents_are_listed(tmp_path: Path) -> None:
    """As a table and as JSON, of an SLO that fails now."""
    with override_settings(SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop"):
        tracker = get_registry()["availability"]
        now = time.time()
        for minute in range(300):
            for number in range(10):
                tracker.record(minute >= 30 or number < 5, at=now - 60 * minute)
        out = io.StringIO()
        call_command("slo_incidents", stdout=out)
        call_command("slo_incidents", "availability", "--json", "--since", "1d", stdout=out)
        get_registry().close()

    table, _, document = out.getvalue().partition("{")
    assert table.startswith("Start (UTC)")
    assert "so far" in table
    incidents = json.loads("{" + document)["services"][0]["incidents"]
    assert {each["slo"] for each in incidents} == {"availability"}
    assert "page" in {each["severity"] for each in incidents}


@pytest.mark.parametrize(
    ("arguments", "message"), [(["nobody"], "expected the name of an SLO"), (["--since", "soon"], "--since")]
)
def test_what_cannot_be_answered_is_an_error(arguments: list[str], message: str) -> None:
    """Not a traceback."""
    with override_settings(SLO_STORE="memory://"), pytest.raises(CommandError, match=message):
        call_command("slo_incidents", *arguments)
