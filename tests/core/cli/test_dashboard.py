"""`slo dashboard`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slo_core.cli import main


@pytest.mark.parametrize("kind", ["overview", "detail"])
def test_a_dashboard_is_json(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same on standard output as in a file."""
    pytest.importorskip("grafana_foundation_sdk", reason="missing library: grafana-foundation-sdk")

    assert main(["dashboard", kind]) == 0
    printed = capsys.readouterr().out
    assert main(["dashboard", kind, "--out", "dashboard.json"]) == 0

    assert json.loads(printed)["panels"]
    assert Path("dashboard.json").read_text() == printed
