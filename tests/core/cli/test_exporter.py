"""`slo exporter`: what it serves, and what it refuses."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from wsgiref.util import setup_testing_defaults

import pytest

from slo_core.cli import main
from slo_core.metrics import server as metrics_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


class Fake:
    """A server that ends at once, in place of the one that serves until it is stopped."""

    made: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, app: Any, **options: Any) -> None:
        self.made.append({"app": app, **options})
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


def status_of(app: WSGIApplication, **environ: Any) -> str:
    """How the application answers a scrape."""
    statuses: list[str] = []
    environ["PATH_INFO"] = "/metrics"
    setup_testing_defaults(environ)
    app(environ, lambda status, headers, *_: statuses.append(status))  # type: ignore[arg-type, return-value]
    return statuses[0]


def test_the_exporter_serves_until_it_is_told_to_end(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str], served: list[dict[str, Any]]
) -> None:
    """It says where it answers, ends on SIGTERM, and asks for the token in the file."""
    count_in("slo.db", "shop", "availability", 9, 1)
    (tmp_path / "token").write_text("s3cret\n")
    url = f"sqlite:///{tmp_path}/slo.db"

    code = main(["exporter", "--store", url, "--port", "1234", "--token-file", f"{tmp_path}/token"])

    assert code == 0
    assert capsys.readouterr().out == f"http://host:1/metrics serves {url}\n"
    (made,) = served
    assert (made["host"], made["port"]) == ("127.0.0.1", 1234)
    assert status_of(made["app"]) == "401 Unauthorized"
    assert status_of(made["app"], HTTP_AUTHORIZATION="Bearer s3cret") == "200 OK"


@pytest.mark.parametrize(("content", "problem"), [(None, "cannot be read"), (b" \n", "is empty"), (b"\xff", "cannot")])
def test_a_token_file_must_hold_a_token(
    content: bytes | None,
    problem: str,
    count_in: Callable[..., None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    served: list[dict[str, Any]],
) -> None:
    """An exporter that silently asked for none would be open to everybody."""
    count_in("slo.db", "shop", "availability", 9, 1)
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


def test_a_port_in_use_is_named(
    count_in: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line, with exit code 2."""
    count_in("slo.db", "shop", "availability", 9, 1)
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
