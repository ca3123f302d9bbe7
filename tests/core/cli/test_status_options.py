"""How `slo status` and `slo gate` are given a source and a token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slo_core.cli import main

URL = "sqlite:///slo.db"

Count = Callable[..., None]


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
    text = printed.out + printed.err
    assert text.count("\n") == 1
    assert text.startswith(f"{out or 'slo: error: '}store redis://:***@127.0.0.1:1/0: ")


@pytest.mark.parametrize(
    ("token", "message"), [("", "is empty"), ("a\nb", "expected printable ASCII"), ("é", "expected printable ASCII")]
)
def test_a_token_that_cannot_be_sent_is_refused(token: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anybody is asked."""
    Path("token").write_text(token)

    assert main(["gate", "http://127.0.0.1:1/slo.json", "--token-file", "token"]) == 2

    assert message in capsys.readouterr().err


def test_a_store_takes_no_token(count: Count, capsys: pytest.CaptureFixture[str]) -> None:
    """One in the environment is meant for pages, and left alone."""
    Path("token").write_text("s3cret")
    count("shop", a=(1, 0))

    assert main(["status", URL, "--token-file", "token"]) == 2
    assert "--token-file is for a page" in capsys.readouterr().err
