"""`manage.py slo_forget`: the door to what `slo store forget` does."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import batch_of, declared


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteBucketStore]:
    """The store of the settings, with an SLO that no process was heard of for two hours."""
    buckets = SQLiteBucketStore(tmp_path / "slo.db", service="shop", clock=lambda: time.time() - 7_200)
    now = int(time.time()) - 7_200
    for slo in ("old", "new"):
        buckets.apply([batch_of([(now, 3, 1)], number=1, slo=slo, declaration=declared(now))])
    with override_settings(SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop"):
        yield buckets
    buckets.close()


def forget(*arguments: str) -> str:
    out = io.StringIO()
    call_command("slo_forget", *arguments, stdout=out)
    return out.getvalue()


def test_it_deletes_one_slo(store: SQLiteBucketStore) -> None:
    """And says of what, and what went."""
    assert forget("old", "--yes") == "shop/old is forgotten: 4 events, a process was heard of 2h ago\n"

    assert store.names() == ["new"]


@pytest.mark.parametrize(("answer", "is_deleted"), [("y", True), ("", False), (None, False)])
def test_it_asks_first(
    answer: str | None, is_deleted: bool, store: SQLiteBucketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an answer nothing goes."""
    monkeypatch.setattr("sys.stdin", io.StringIO("" if answer is None else f"{answer}\n"))

    if is_deleted:
        forget("old")
    else:
        with pytest.raises(CommandError, match="nothing was deleted"):
            forget("old")

    assert ("old" in store.names()) != is_deleted


def test_it_refuses_what_a_process_still_declares(store: SQLiteBucketStore, tmp_path: Path) -> None:
    """Unless it is forced."""
    live = SQLiteBucketStore(tmp_path / "slo.db", service="shop")
    live.apply([batch_of([], number=0, slo="new", declaration=declared(time.time()))])
    live.close()

    with pytest.raises(CommandError, match="a process still declares it"):
        forget("new", "--yes")

    forget("new", "--yes", "--force")
    assert store.names() == ["old"]


def test_a_store_of_this_process_alone_has_nothing_to_forget() -> None:
    """Where the settings name no shared store, the command says so, without a traceback."""
    with override_settings(SLO_STORE="memory://"), pytest.raises(CommandError):
        forget("old", "--yes")
