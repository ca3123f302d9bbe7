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


def test_environments_are_told_apart_by_their_label(capsys: pytest.CaptureFixture[str]) -> None:
    """`--by`, as `slo rules` has it; a label of the rules themselves is refused."""
    pytest.importorskip("grafana_foundation_sdk", reason="missing library: grafana-foundation-sdk")

    assert main(["dashboard", "detail", "--by", "env"]) == 0
    assert "by_env" in [variable["name"] for variable in json.loads(capsys.readouterr().out)["templating"]["list"]]

    assert main(["dashboard", "detail", "--by", "slo"]) == 2
    assert capsys.readouterr().err.startswith("slo: error: by: ")
