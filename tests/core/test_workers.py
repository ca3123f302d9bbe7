"""What tells that a server runs several workers, and what is said of it."""

from __future__ import annotations

import logging
import sys
import types

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.http import HTTPRecorder
from slo_core.http_rule import HTTPRule
from slo_core.workers import several_workers


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
        ("gunicorn -w 1 app", None),
        ("gunicorn -w four app", None),
        ("gunicorn app", None),
        ("gunicorn app -w", None),
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
    registry.note_workers("the server says wsgi.multiprocess")

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "gunicorn -w 4" in record.message
    assert "memory:// counts in each process for itself" in record.message
    assert 'Set store= to a store that all workers share: "sqlite:///slo.db"' in record.message


def test_a_shared_store_says_nothing(tmp_path, caplog: pytest.LogCaptureFixture) -> None:
    """It counts for all of them."""
    with SLORegistry(f"sqlite:///{tmp_path / 'slo.db'}") as registry:
        registry.note_workers("gunicorn -w 4")
    SLORegistry().note_workers(None)
    assert caplog.records == []
