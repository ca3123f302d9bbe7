"""`slo annotate`: marks from the outside."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from slo_core.budgets.marks import Mark
from slo_core.cli import main
from slo_core.stores.sql.sqlite import SQLiteBucketStore

STORE = ["--store", "sqlite:///slo.db"]


def marks_of(service: str) -> tuple[Mark, ...]:
    store = SQLiteBucketStore(Path("slo.db"), service=service)
    marks = store.marks(0.0)
    store.close()
    return marks


def test_a_mark_is_written(count: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """With one line that says when; of the only service."""
    count("shop", availability=(1, 0))
    began = time.time()

    assert main(["annotate", "migration 0042", *STORE]) == 0
    assert main(["annotate", "blue", "--kind", "deploy", "--at", str(began - 60), *STORE]) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith('shop: "migration 0042" is marked at 20')
    assert second.startswith("shop: deploy blue is marked at 20")
    deploy, note = marks_of("shop")
    assert (deploy, note.text) == (Mark(began - 60, "deploy", "blue"), "migration 0042")
    assert began - 1 <= note.at <= time.time()


def test_one_of_several_services_is_chosen(count: Callable[..., None], capsys: pytest.CaptureFixture[str]) -> None:
    """Without a choice nothing is written; nor for a service that the store does not know."""
    count("shop", availability=(1, 0))
    count("till", availability=(1, 0))

    assert main(["annotate", "x", *STORE]) == 2
    assert main(["annotate", "x", "--service", "shpo", *STORE]) == 2
    assert main(["annotate", "x", "--service", "till", *STORE]) == 0

    assert "choose one with --service" in capsys.readouterr().err
    assert (len(marks_of("shop")), len(marks_of("till"))) == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a\nb"], "text: expected 1 to 100 printable characters, in one line"),
        (["x", "--at", "soon"], "expected a time such as"),
        (["x", "--at", "2099-01-01"], "expected a time at most 60 s ahead"),
        (["x", "--kind", "rollback"], "'rollback' is not one of"),
    ],
)
def test_a_wrong_mark_ends_with_2(
    arguments: list[str], message: str, count: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """And a line on stderr."""
    count("shop", availability=(1, 0))

    assert main(["annotate", *arguments, *STORE]) == 2

    assert message in capsys.readouterr().err
    assert marks_of("shop") == ()
