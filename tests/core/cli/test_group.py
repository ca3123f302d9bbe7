"""The `slo` command: stores, the exporter, and how every command takes arguments and errors."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from slo_core.cli import main
from slo_core.metrics import server as metrics_server
from slo_core.stores import existing
from slo_core.stores.buckets import Query
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import batch_of, declared

NOW = 1_700_000_000


@pytest.fixture
def count(tmp_path: Path) -> Callable[..., None]:
    """`count(file, service, slo, good, bad)`: one batch of a writer of its own."""

    def add(name: str, service: str, slo: str, good: int, bad: int) -> None:
        store = SQLiteBucketStore(tmp_path / name, service=service)
        batch = batch_of([(NOW, good, bad)], number=1, slo=slo, declaration=declared(NOW))
        assert store.apply([batch]).noted == (1,)
        store.close()

    return add


def events_in(file: Path, service: str, slo: str = "availability") -> tuple[int, int]:
    store = SQLiteBucketStore(file, service=service)
    record = store.read([Query(slo)])[0].record
    store.close()
    assert record is not None
    return record.good, record.bad


def test_copy_tells_what_it_has_copied(
    count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each SLO of every service, and a total."""
    count("from.db", "shop", "availability", 1_999, 1)
    count("from.db", "shop", "latency", 10, 0)
    count("from.db", "till", "availability", 1, 0)
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


def test_copy_may_be_repeated(count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second time nothing is added, and the output says so."""
    count("from.db", "shop", "availability", 9, 1)
    command = ["store", "copy", f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"]
    assert main(command) == 0
    capsys.readouterr()

    assert main(command) == 0

    first = capsys.readouterr().out.splitlines()[0]
    assert first == "shop/availability: 10 events, 1 bad; copied before, nothing added"
    assert events_in(tmp_path / "to.db", "shop") == (9, 1)


def test_one_service_is_copied_when_it_is_named(count: Callable[..., None], tmp_path: Path) -> None:
    """The others stay where they are."""
    count("from.db", "shop", "availability", 9, 1)
    count("from.db", "till", "availability", 1, 0)

    code = main(["store", "copy", f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db", "--service", "till"])

    assert code == 0
    assert SQLiteBucketStore(tmp_path / "to.db").services() == ["till"]


def test_nothing_is_written_when_one_service_is_refused(
    count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every service is looked at before the first is copied; the answer is one line, and the exit code 2."""
    count("from.db", "shop", "availability", 9, 1)
    count("from.db", "till", "availability", 1, 0)
    count("to.db", "till", "availability", 5, 0)

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
    count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a mistyped name is likely."""
    count("from.db", "shop", "availability", 9, 1)
    urls = [f"sqlite:///{tmp_path}/from.db", f"sqlite:///{tmp_path}/to.db"]

    assert main(["store", "copy", *urls, "--service", "shpo"]) == 2

    assert "expected service 'shpo', it holds 'shop'" in capsys.readouterr().err


@pytest.mark.parametrize("urls", [["memory://", "sqlite:///{}/to.db"], ["sqlite:///{}/from.db", "memory://"]])
def test_memory_is_refused(
    urls: list[str], count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is gone with its process: there is nothing to read and nobody to read what is written."""
    count("from.db", "shop", "availability", 9, 1)

    assert main(["store", "copy", *(url.format(tmp_path) for url in urls)]) == 2

    error = capsys.readouterr().err
    assert "store URL memory://: expected a store that processes share" in error
    assert "sqlite://" in error


def test_no_password_is_printed(
    count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in the closing line nor in an error that somebody else's store raises."""
    count("from.db", "shop", "availability", 9, 1)

    def broken(url: str, **_: Any) -> Any:
        raise RuntimeError(f"cannot connect to {url}")

    monkeypatch.setattr(existing, "bucket_store_from_url", broken)

    assert main(["store", "copy", "redis://:hunter2@host/0", f"sqlite:///{tmp_path}/to.db"]) == 2

    assert capsys.readouterr().err == "slo: error: RuntimeError, raised by the store\n"


@pytest.mark.parametrize("arguments", [[], ["store"], ["store", "copy"], ["store", "copy", "a"], ["brew"], ["--brew"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """And shows how it is used."""
    assert main(arguments) == 2

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Usage: slo")
    assert printed.err.splitlines()[-1].startswith("slo: error: ")


class Fake:
    """A server that ends at once, in place of the one that serves until it is stopped."""

    made: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, view: Any, **options: Any) -> None:
        self.made.append({"view": view, **options})
        self.url = "http://host:1/metrics"

    def serve_until(self, stop: threading.Event) -> None:
        """What a signal does ends it."""
        signal.raise_signal(signal.SIGTERM)
        assert stop.wait(60)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What servers were made with."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(metrics_server, "MetricsServer", Fake)
    Fake.made.clear()
    yield Fake.made
    for number, handler in before.items():
        signal.signal(number, handler)


def test_the_exporter_serves_until_it_is_told_to_end(
    count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], served: list[dict[str, Any]]
) -> None:
    """It says where it answers, ends on SIGTERM, and asks for the token in the file."""
    count("slo.db", "shop", "availability", 9, 1)
    (tmp_path / "token").write_text("s3cret\n")
    url = f"sqlite:///{tmp_path}/slo.db"

    code = main(["exporter", "--store", url, "--port", "1234", "--token-file", f"{tmp_path}/token"])

    assert code == 0
    assert capsys.readouterr().out == f"http://host:1/metrics serves {url}\n"
    (made,) = served
    assert (made["host"], made["port"]) == ("127.0.0.1", 1234)
    assert made["view"].respond("GET").status == 401
    assert made["view"].respond("GET", authorization="Bearer s3cret").status == 200


@pytest.mark.parametrize(("content", "problem"), [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff", "cannot")])
def test_a_token_file_must_hold_a_token(
    content: bytes | None,
    problem: str,
    count: Callable[..., None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    served: list[dict[str, Any]],
) -> None:
    """An exporter that silently asked for none would be open to everybody."""
    count("slo.db", "shop", "availability", 9, 1)
    if content is not None:
        (tmp_path / "token").write_bytes(content)

    assert main(["exporter", "--store", f"sqlite:///{tmp_path}/slo.db", "--token-file", f"{tmp_path}/token"]) == 2

    assert problem in capsys.readouterr().err
    assert served == []


@pytest.mark.parametrize(
    ("url", "problem"), [("memory://", "expected a store that processes share"), ("sqlite:///{}/no.db", "no such file")]
)
def test_the_exporter_refuses_what_it_cannot_read(
    url: str, problem: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], served: list[dict[str, Any]]
) -> None:
    """Before it listens, and without making a file."""
    assert main(["exporter", "--store", url.format(tmp_path)]) == 2

    assert problem in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_port_in_use_is_named(count: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one line, with exit code 2."""
    count("slo.db", "shop", "availability", 9, 1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert main(["exporter", "--store", f"sqlite:///{tmp_path}/slo.db", "--port", str(port)]) == 2

    error = capsys.readouterr().err
    assert error.startswith(f"slo: error: cannot listen on 127.0.0.1, port {port}: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_that_is_none_is_wrong_usage(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With what was expected."""
    assert main(["exporter", "--store", "sqlite:///slo.db", f"--port={port}"]) == 2

    error = capsys.readouterr().err
    assert "--port" in error
    assert port in error
