"""Files: what the server sends by itself must reach it as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from wsgiref.util import FileWrapper

import pytest
from flask import Flask, Response, send_file
from werkzeug.middleware.shared_data import SharedDataMiddleware

from flask_service import Service
from slo_flask import SLO
from wsgi_driver import serve


class ServerFile(FileWrapper):
    """A server's own wrapper, as gunicorn's: it asks `isinstance` before it uses sendfile."""


class RememberedFile:
    """What uWSGI's wrapper does: a function that gives the file back, to be compared with what is returned."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def __call__(self, file: Any, block_size: int = 8192) -> Any:
        self.made.append(file)
        return file


def file_app(folder: Path) -> Flask:
    file = folder / "report.csv"
    file.write_bytes(b"a,b\n" * 5000)
    app = Flask("shop", static_folder=folder)

    @app.get("/report")
    def report() -> Response:
        return send_file(file)

    return app


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    return file_app(tmp_path)


def test_a_file_reaches_the_server_as_the_object_its_wrapper_made(app: Flask) -> None:
    """Anything else, and the server would copy the file through Python instead of sendfile."""
    service = Service(app)

    answer = service.ask(path="/report", **{"wsgi.file_wrapper": ServerFile})

    assert answer.status == 200
    assert isinstance(answer.body, ServerFile)
    assert answer.content == b"a,b\n" * 5000
    event = service.only_event
    assert (event.status, event.route, event.disconnected) == (200, "/report", False)
    assert service.counts() == (1, 0)


def test_a_file_that_a_function_wrapped_reaches_the_server_as_itself(app: Flask) -> None:
    """uWSGI's wrapper is no class."""
    service = Service(app)
    wrapper = RememberedFile()

    answer = service.ask(path="/report", **{"wsgi.file_wrapper": wrapper})

    assert answer.body is wrapper.made[0]
    assert answer.content == b"a,b\n" * 5000
    assert service.counts() == (1, 0)


def test_a_file_that_the_server_sends_by_itself_counts_without_being_read(app: Flask) -> None:
    """With sendfile nobody asks for a chunk: the request ends when the application has returned."""
    service = Service(app)

    service.ask(path="/report", chunks=0, **{"wsgi.file_wrapper": ServerFile})

    assert (service.only_event.disconnected, service.counts()) == (False, (1, 0))


def test_a_file_without_a_wrapper_is_followed_to_its_end(app: Flask) -> None:
    """Werkzeug reads it in chunks then."""
    service = Service(app)

    answer = service.ask(path="/report")

    assert answer.content == b"a,b\n" * 5000
    assert (service.only_event.status, service.counts()) == (200, (1, 0))


@pytest.mark.parametrize("extra", [{}, {"wsgi.file_wrapper": ServerFile}])
def test_the_rest_of_a_file_is_a_206(app: Flask, extra: dict[str, Any]) -> None:
    """A range of it, from the client's own cache on."""
    service = Service(app)

    answer = service.ask(path="/report", HTTP_RANGE="bytes=19996-", **extra)

    assert (answer.status, answer.content) == (206, b"a,b\n")
    assert (service.only_event.status, service.counts()) == (206, (1, 0))


def test_static_files_count_for_nobody(app: Flask) -> None:
    """Flask's own static endpoint is left out, found or not, with and without a wrapper."""
    service = Service(app)

    for path in (f"{app.static_url_path}/report.csv", f"{app.static_url_path}/missing.csv"):
        for extra in ({}, {"wsgi.file_wrapper": ServerFile}):
            service.ask(path=path, **extra)

    assert service.events == []


def test_static_files_of_a_middleware_count_unless_they_are_excluded(tmp_path: Path) -> None:
    """Nothing says that they are files: the README names the setting."""
    (tmp_path / "shop.css").write_text("a {}")
    counts = []
    for config in ({}, {"SLO_EXCLUDE": ["/files/*"]}):
        app = Flask("shop")
        app.config.update(SLO_DEFINITIONS={"availability": {"target": 0.9}}, **config)
        app.wsgi_app = SharedDataMiddleware(app.wsgi_app, {"/files": str(tmp_path)})  # type: ignore[method-assign]
        SLO(app)
        assert serve(app, path="/files/shop.css").content == b"a {}"
        counts.append(app.extensions["slo"].registry["availability"].snapshot().total)

    assert counts == [1, 0]


@pytest.mark.parametrize("extra", [{}, {"wsgi.file_wrapper": ServerFile}])
def test_a_file_is_the_same_with_and_without_us(app: Flask, tmp_path: Path, extra: dict[str, Any]) -> None:
    """Status, headers and content."""
    after = Service(app).ask(path="/report", **extra)
    before = serve(file_app(tmp_path), path="/report", **extra)

    def without_date(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, value) for name, value in headers if name not in ("Date", "ETag", "Last-Modified")]

    assert (after.status, without_date(after.headers)) == (before.status, without_date(before.headers))
    assert after.content == before.content
