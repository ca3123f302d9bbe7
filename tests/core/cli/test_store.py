"""`slo store`: what is copied, and what is said of it. Tests of store, and of stores/existing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

import pytest

from slo_core.cli import main
from slo_core.stores import existing
from slo_core.stores.buckets import Query
from slo_core.stores.sql.sqlite import SQLiteBucketStore


def events_in(file: Path, service: str, slo: str = "availability") -> tuple[int, int]:
    store = SQLiteBucketStore(file, service=service)
    record = store.read([Query(slo)])[0].record
    store.close()
    assert record is not None
    return record.good, record.bad


def test_copy_tells_what_it_has_copied(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each SLO of every service, and a total."""
    count_in("from.db", "shop", "availability", 1_999, 1)
    count_in("from.db", "shop", "latency", 10, 0)
    count_in("from.db", "till", "availability", 1, 0)
    source, target = f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"

    assert main(["store", "copy", source, target]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "shop/availability: 2,000 events, 1 bad; 4 buckets copied",
        "shop/latency: 10 events, 0 bad; 4 buckets copied",
        "till/availability: 1 event, 0 bad; 4 buckets copied",
        f"3 SLOs of 2 services, 2,011 events: from {source} to {target}",
    ]
    assert events_in(tmp_path / "to.db", "shop") == (1_999, 1)
    assert events_in(tmp_path / "to.db", "till") == (1, 0)


def test_copy_may_be_repeated(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second time nothing is added, and the output says so."""
    count_in("from.db", "shop", "availability", 9, 1)
    command = ["store", "copy", f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"]
    assert main(command) == 0
    capsys.readouterr()

    assert main(command) == 0

    first = capsys.readouterr().out.splitlines()[0]
    assert first == "shop/availability: 10 events, 1 bad; copied before, nothing added"
    assert events_in(tmp_path / "to.db", "shop") == (9, 1)


def test_one_service_is_copied_when_it_is_named(count_in: Callable[..., None], tmp_path: Path) -> None:
    """The others stay where they are."""
    count_in("from.db", "shop", "availability", 9, 1)
    count_in("from.db", "till", "availability", 1, 0)

    code = main(["store", "copy", f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db", "--service", "till"])

    assert code == 0
    assert SQLiteBucketStore(tmp_path / "to.db").services() == ["till"]


def test_nothing_is_written_when_one_service_is_refused(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every service is looked at before the first is copied; the answer is one line, and the exit code 2."""
    count_in("from.db", "shop", "availability", 9, 1)
    count_in("from.db", "till", "availability", 1, 0)
    count_in("to.db", "till", "availability", 5, 0)

    assert main(["store", "copy", f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"]) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("slo: error: store sqlite, service 'till': it already holds events")
    assert printed.err.count("\n") == 1
    assert SQLiteBucketStore(tmp_path / "to.db").services() == ["till"]


def test_a_mistyped_file_is_not_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A store that is only read must be there."""
    source = f"sqlite:///{tmp_path}/form.db"

    assert main(["store", "copy", source, f"sqlite:///{tmp_path}/to.db"]) == 2

    assert capsys.readouterr().err == f"slo: error: store {source}: there is no such file\n"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_store_is_no_success(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backup of nothing is more likely a mistake."""
    SQLiteBucketStore(tmp_path / "from.db").check()

    assert main(["store", "copy", f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"]) == 2

    assert "expected services that have declared an SLO, it holds none" in capsys.readouterr().err


def test_an_unknown_service_is_answered_with_the_known_ones(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a mistyped name is likely."""
    count_in("from.db", "shop", "availability", 9, 1)
    urls = [f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"]

    assert main(["store", "copy", *urls, "--service", "shpo"]) == 2

    assert "expected service 'shpo', it holds 'shop'" in capsys.readouterr().err


@pytest.mark.parametrize("urls", [["memory://", "sqlite:///{}/to.db"], ["sqlite:///{}/from.db", "memory://"]])
def test_memory_is_refused(
    urls: list[str], count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is gone with its process: there is nothing to read, and what is written would be lost."""
    count_in("from.db", "shop", "availability", 9, 1)

    assert main(["store", "copy", *(url.format(tmp_path) for url in urls)]) == 2

    error = capsys.readouterr().err
    assert "store URL memory://: expected a store that processes share" in error
    assert "sqlite://" in error


def test_no_password_is_printed(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the closing line nor in an error that the store of another package raises."""
    count_in("from.db", "shop", "availability", 9, 1)

    def broken(url: str, **_: Any) -> Any:
        raise RuntimeError(f"cannot connect to {url}")

    monkeypatch.setattr(existing, "bucket_store_from_url", broken)

    assert main(["store", "copy", "redis://:hunter2@host/0", f"sqlite:///{tmp_path}/to.db"]) == 2

    assert capsys.readouterr().err == "slo: error: RuntimeError, raised by the store\n"


@pytest.fixture
def aged(count_in: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> str:
    """slo.db with `old` and `new` of shop and `old` of till; no process was heard of for two hours."""
    for service, slo in (("shop", "old"), ("shop", "new"), ("till", "old")):
        count_in("slo.db", service, slo, 1_999, 1)
    url = "sqlite:///slo.db"
    monkeypatch.setenv("SLO_STORE", url)
    store = SQLiteBucketStore(Path("slo.db"), service="shop")
    with store._file.transaction(write=True) as connection:
        connection.execute("UPDATE slo SET seen_at = ?", (time() - 7_200,))
    store.close()
    return url


def test_forget_deletes_one_slo(aged: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It says of what, and what went; the others keep their numbers."""
    assert main(["store", "forget", "old", "--service", "shop", "--yes"]) == 0

    printed = capsys.readouterr().out
    assert printed == "shop/old is forgotten: 2,000 events, a process was heard of 2h ago\n"
    assert events_in(Path("slo.db"), "shop", "new") == events_in(Path("slo.db"), "till", "old") == (1_999, 1)
    assert main(["store", "forget", "new", "--store", aged, "--yes"]) == 0  # only one service has it


def test_forget_refuses_what_a_process_still_declares(
    aged: str, count_in: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    """Its counts would come back from nothing; --force is for those who know."""
    count_in("slo.db", "shop", "live", 3, 1)

    assert main(["store", "forget", "live", "--yes"]) == 2

    assert "SLO 'live' of service 'shop': a process still declares it" in capsys.readouterr().err
    assert events_in(Path("slo.db"), "shop", "live") == (3, 1)
    assert main(["store", "forget", "live", "--yes", "--force"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["old", "--yes"], "several services have an SLO 'old': shop, till; choose one with --service"),
        (["nwe", "--yes", "--service", "shop"], "service 'shop' has no SLO 'nwe' in this store; did you mean \"new\"?"),
        (["new", "--yes", "--service", "stop"], "expected service 'stop', it holds 'shop', 'till'"),
        (["new"], "nothing was deleted"),
    ],
)
def test_forget_says_why_it_deletes_nothing(
    arguments: list[str], message: str, aged: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It names the service and the SLO that it does not find, or says that the answer was no."""
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))

    assert main(["store", "forget", *arguments]) == 2

    assert message in capsys.readouterr().err
    assert events_in(Path("slo.db"), "shop", "new") == (1_999, 1)


def test_forget_without_an_answer_deletes_nothing(
    aged: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipeline there is no one to ask; it says what to do."""
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert main(["store", "forget", "new"]) == 2

    assert capsys.readouterr().err.endswith("nothing was deleted; --yes deletes without asking\n")
    assert events_in(Path("slo.db"), "shop", "new") == (1_999, 1)


def test_forget_takes_a_damaged_record(aged: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It is a way out of what hides an SLO."""
    store = SQLiteBucketStore(Path("slo.db"), service="shop")
    with store._file.transaction(write=True) as connection:
        connection.execute("UPDATE slo SET good = -1 WHERE name = 'new'")

    assert main(["store", "forget", "new", "--yes"]) == 0

    assert "a damaged record (expected good to be a number of 0 or more, got -1)" in capsys.readouterr().out
    assert store.names() == ["old"]
    store.close()
