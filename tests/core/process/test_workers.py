"""What tells that a server runs several workers, and what is said of it."""

from __future__ import annotations

import logging
import sys
import types
from typing import Any

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.conventions import LOGGER_NAME
from slo_core.http.recorder import HTTPRecorder
from slo_core.objectives.http_rule import HTTPRule
from slo_core.process.workers import several_workers, several_wsgi_processes


@pytest.mark.parametrize(
    ("command", "evidence"),
    [
        ("/usr/bin/gunicorn -w 4 app", "gunicorn -w 4"),
        ("gunicorn -w4 app", "gunicorn -w 4"),
        ("gunicorn --workers=2 app", "gunicorn --workers 2"),
        ("gunicorn -p /run/x.pid -w 3 app", "gunicorn -w 3"),
        ("/venv/lib/site-packages/gunicorn/__main__.py --workers 8 app", "gunicorn --workers 8"),
        ("uvicorn app:app --workers 2", "uvicorn --workers 2"),
        ("fastapi run --workers 4", "fastapi --workers 4"),
        ("hypercorn -w 2 app", "hypercorn -w 2"),
        ("uwsgi --processes 4", "uwsgi --processes 4"),
        ("uwsgi -p 4", "uwsgi -p 4"),
        ("gunicorn -w 1 -w 4 app", "gunicorn -w 4"),
        ("gunicorn -w 4 -w 1 app", None),
        (r"C:\shop\Scripts\uvicorn.exe app:app --workers 2", "uvicorn --workers 2"),
        ("uvicorn app:app --workers 2 --reload", None),
        ("fastapi dev --workers 4", None),
        ("/srv/uwsgi/manage.py -p 4", None),
        ("/srv/gunicorn/app/worker.py --workers 4", None),
        ("/srv/gunicorn/worker/__main__.py -w 4", None),
        ("__main__.py -w 4", None),
        ("gunicorn -w 1 app", None),
        ("gunicorn -w four app", None),
        ("gunicorn app", None),
        ("gunicorn app -w", None),
        ("gunicorn", None),
        ("uwsgi", None),
        ("gunicorn -w", None),
        ("hypercorn -p 4 app", None),
        ("pytest -w 4", None),
        ("manage.py runserver --workers 4", None),
        ("", None),
    ],
)
def test_a_command_line_tells(command: str, evidence: str | None) -> None:
    """Of the servers that we know, by the option that each has."""
    assert several_workers(command.split(), {}) == evidence


def test_the_environment_tells() -> None:
    """gunicorn and uvicorn take their number from it, unless the command line says otherwise."""
    assert several_workers(["gunicorn", "app"], {"WEB_CONCURRENCY": "3"}) == "WEB_CONCURRENCY=3"
    assert several_workers(["gunicorn", "-w", "1", "app"], {"WEB_CONCURRENCY": "3"}) is None
    assert several_workers(["uvicorn", "app"], {"WEB_CONCURRENCY": "1"}) is None
    assert several_workers(["worker.py"], {"WEB_CONCURRENCY": "3"}) is None
    assert several_workers(["uvicorn", "app", "--reload"], {"WEB_CONCURRENCY": "3"}) is None
    assert several_workers(["hypercorn", "app"], {"WEB_CONCURRENCY": "3"}) is None  # does not read it


def test_uwsgi_tells_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its module is there in its own processes only."""
    module = types.ModuleType("uwsgi")
    module.numproc = 3  # type: ignore[attr-defined]  # as uWSGI has it
    monkeypatch.setitem(sys.modules, "uwsgi", module)
    assert several_workers(["x"], {}) == "uwsgi with 3 processes"


def test_memory_warns_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """When the recorder is made; whatever else says the same."""
    monkeypatch.setattr(sys, "argv", ["gunicorn", "-w", "4", "app"])
    registry = SLORegistry()
    registry.define(SLODefinition("availability", 0.99, http=HTTPRule()))

    HTTPRecorder(registry)
    registry.internals.note_workers(lambda: "the server says wsgi.multiprocess")

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "gunicorn -w 4" in record.message
    assert "memory:// counts in each process for itself" in record.message
    assert 'Set store= to a store that all workers share: "sqlite:///slo.db"' in record.message


def test_a_shared_store_says_nothing(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    """It counts for all of them."""
    with SLORegistry(f"sqlite:///{tmp_path / 'slo.db'}") as registry:
        registry.internals.note_workers(lambda: "gunicorn -w 4")
    SLORegistry().internals.note_workers(lambda: None)
    assert caplog.records == []


@pytest.mark.parametrize(
    "argv",
    [
        None,
        [],
        ["gunicorn"],
        ["uwsgi"],
        ["gunicorn", b"-w", b"4"],
        [b"gunicorn"],
        [None],
        ["gunicorn", "-w", "9" * 5_000],
    ],
    ids=repr,
)
def test_no_command_line_keeps_an_application_from_starting(
    argv: list[Any] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server started by its bare name, a host that embeds Python and sets none, or sets something else."""
    if argv is None:
        monkeypatch.delattr(sys, "argv")
    else:
        monkeypatch.setattr(sys, "argv", argv)
    registry = SLORegistry()
    tracker = registry.define(SLODefinition("availability", 0.99, http=HTTPRule()))

    recorder = HTTPRecorder(registry)

    observed = recorder.begin({}, "GET", "/")
    assert observed is not None
    observed.status = 200
    recorder.finish(observed)
    assert tracker.snapshot().total == 1


def test_evidence_that_cannot_be_gathered_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    """The caller goes on; the log says what went wrong, and a warning that is due later is still given."""
    registry = SLORegistry()

    registry.internals.note_workers(lambda: f"{1 / 0} workers")
    assert registry.internals.errors.total == 1
    assert "several workers could not be determined" in caplog.text

    registry.internals.note_workers(lambda: "gunicorn -w 4")
    assert registry.internals.errors.total == 1
    assert "several workers (gunicorn -w 4)" in caplog.text


def test_a_log_that_cannot_be_written_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """A handler of the application's own raises at the warning."""
    registry = SLORegistry()

    class Full(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("no space left on device")

    handler = Full()
    logging.getLogger(LOGGER_NAME).addHandler(handler)
    try:
        registry.internals.note_workers(lambda: "gunicorn -w 4")
    finally:
        logging.getLogger(LOGGER_NAME).removeHandler(handler)

    assert registry.internals.errors.total == 1


@pytest.mark.parametrize(
    ("environ", "evidence"),
    [
        ({}, None),
        ({"wsgi.multiprocess": False}, None),
        ({"wsgi.multiprocess": False, "SERVER_SOFTWARE": "gunicorn"}, None),
        ({"wsgi.multiprocess": True, "SERVER_SOFTWARE": "gunicorn"}, "the server says wsgi.multiprocess"),
        ({"wsgi.multiprocess": True}, None),
    ],
)
def test_a_wsgi_request_tells(environ: dict[str, object], evidence: str | None) -> None:
    """Where a server says it, which names itself: a bridge from ASGI does not know, and says it always."""
    assert several_wsgi_processes(environ) == evidence
