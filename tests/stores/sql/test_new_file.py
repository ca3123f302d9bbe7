"""A file that root's command makes, and other users' workers write to."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry

NOBODY = 65_534


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_a_file_that_root_makes_is_its_folders(tmp_path: Path) -> None:
    """With the files that SQLite keeps beside it: a deployment's command does not lock the workers out."""
    folder = tmp_path / "shop"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    folder.chmod(0o775)
    registry = SLORegistry(f"sqlite:///{folder / 'slo.db'}")
    registry.define(SLODefinition("availability", 0.9)).record_success()
    registry.flush()

    status = [path.stat() for path in folder.iterdir()]
    registry.close()

    assert len(status) == 3  # with -wal and -shm
    assert {(each.st_uid, each.st_gid, each.st_mode & 0o777) for each in status} == {(NOBODY, NOBODY, 0o664)}


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """Whosever it is."""
    file = tmp_path / "slo.db"
    file.touch(mode=0o600)
    before = file.stat()

    with SLORegistry(f"sqlite:///{file}") as registry:
        registry.define(SLODefinition("availability", 0.9)).record_success()

    assert (file.stat().st_mode, file.stat().st_uid) == (before.st_mode, before.st_uid)


def test_an_applications_own_database_is_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that was there before is refused; where the store was first, the application's tables come later."""
    file = tmp_path / "app.db"
    with SLORegistry(f"sqlite:///{file}"):
        pass
    with SLORegistry(f"sqlite:///{file}"):
        assert caplog.messages == []
    with closing(sqlite3.connect(file)) as application, application:
        application.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT)")

    with SLORegistry(f"sqlite:///{file}"):
        (message,) = caplog.messages

    assert "tables of another program, too (orders)" in message
