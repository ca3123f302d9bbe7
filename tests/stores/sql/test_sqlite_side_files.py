"""Another file is put in the place of a store's under live workers: neither it nor the one before is harmed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry, StoreError
from slo_core.cli import main
from slo_core.stores.sql.sqlite_replace import replace_sqlite_file
from slo_servers import PATIENCE_SECONDS

SLO = SLODefinition("slo0", 0.99)


def open_at(path: Path) -> SLORegistry:
    return SLORegistry(f"sqlite:///{path}", service="shop", flush_interval=3600.0)


def backup_of(path: Path, slos: int = 200) -> Path:
    """A store of many SLOs, so that its pages are not those of another one."""
    registry = open_at(path)
    for number in range(slos):
        registry.define(SLODefinition(f"slo{number}", 0.99)).record(True)
    assert registry.close()
    return path


def content(path: Path) -> tuple[int, int, str]:
    """SLOs and events of `slo0` in a file by itself, and whether it is whole."""
    alone = path.with_name("alone")
    alone.mkdir(exist_ok=True)
    copy = Path(shutil.copy(path, alone))
    with sqlite3.connect(copy) as connection:
        (slos,) = connection.execute("SELECT COUNT(*) FROM slo").fetchone()
        (events,) = connection.execute("SELECT good FROM slo WHERE name = 'slo0'").fetchone()
        (whole,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return slos, events, whole


def test_a_backup_that_is_moved_into_place_is_whole_and_counts_on(tmp_path: Path) -> None:
    """Three workers, and a reader that comes in between; the side files of the old file are gone, not taken for its own."""
    backup, path = backup_of(tmp_path / "backup.db"), tmp_path / "slo.db"
    workers = [open_at(path) for _ in range(3)]
    trackers = [worker.define(SLO) for worker in workers]
    for worker, tracker in zip(workers, trackers, strict=True):
        for _ in range(10):
            tracker.record(True)
        assert worker.flush()

    os.replace(backup, path)
    for worker, tracker in zip(workers, trackers, strict=True):
        tracker.record(True)
        worker.flush()
        reader = open_at(path)
        assert reader.define(SLO).snapshot().lifetime_good >= 1
        reader.close()
    for worker in workers:
        assert worker.flush()
        assert worker.close()

    assert content(path) == (200, 4, "ok")


def test_the_file_that_is_moved_away_keeps_what_was_counted(tmp_path: Path) -> None:
    """Also what was in its write-ahead log only."""
    backup, path = backup_of(tmp_path / "backup.db"), tmp_path / "slo.db"
    worker = open_at(path)
    tracker = worker.define(SLO)
    for _ in range(10):
        tracker.record(True)
    assert worker.flush()

    os.rename(path, tmp_path / "old.db")
    os.rename(backup, path)
    tracker.record(True)
    worker.flush()
    assert worker.close()

    assert content(tmp_path / "old.db") == (1, 10, "ok")
    assert content(path) == (200, 2, "ok")


@pytest.mark.parametrize("deleted", [("",), ("-wal",), ("-shm",), ("-wal", "-shm"), ("", "-wal", "-shm")])
def test_files_that_are_deleted_harm_nothing(deleted: tuple[str, ...], tmp_path: Path) -> None:
    """Those beside the file cost no event; without the file itself counting starts over, in a whole one."""
    path = tmp_path / "slo.db"
    worker = open_at(path)
    tracker = worker.define(SLO)
    for _ in range(10):
        tracker.record(True)
    assert worker.flush()

    for suffix in deleted:
        os.unlink(f"{path}{suffix}")
    tracker.record(True)
    worker.flush()
    assert worker.close()

    assert content(path) == (1, 1 if "" in deleted else 11, "ok")


def test_an_older_copy_of_the_same_store_is_counted_on(tmp_path: Path) -> None:
    """What was counted since, in the last two minutes, comes again."""
    path = tmp_path / "slo.db"
    worker = open_at(path)
    tracker = worker.define(SLO)
    tracker.record(True)
    assert worker.flush()
    with sqlite3.connect(path) as source, sqlite3.connect(tmp_path / "copy.db") as target:
        source.backup(target)
    source.close()
    target.close()
    for _ in range(5):
        tracker.record(True)
        assert worker.flush()

    os.replace(tmp_path / "copy.db", path)
    tracker.record(True)
    worker.flush()
    assert worker.close()

    assert content(path) == (1, 7, "ok")


def test_a_store_in_use_is_replaced_by_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one transaction: workers go on with the backup, and what they had counted since it was made comes again."""
    path = tmp_path / "slo.db"
    workers = [open_at(path) for _ in range(3)]
    trackers = [worker.define(SLO) for worker in workers]
    for worker, tracker in zip(workers, trackers, strict=True):
        tracker.record(True)
        assert worker.flush()
    with sqlite3.connect(path) as source, sqlite3.connect(tmp_path / "backup.db") as target:
        source.backup(target)
    source.close()
    target.close()
    for worker, tracker in zip(workers, trackers, strict=True):
        tracker.record(True)
        assert worker.flush()

    arguments = ["store", "copy", "--replace", f"sqlite:///{tmp_path}/backup.db", f"sqlite:///{path}"]
    assert main(arguments) == 0
    assert "3 events now" in capsys.readouterr().out
    for worker, tracker in zip(workers, trackers, strict=True):
        tracker.record(True)
        worker.flush()
    for worker in workers:
        assert worker.close()

    assert content(path) == (1, 9, "ok")


def test_a_backup_of_another_store_replaces_one_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing that was counted for the store of before goes into it; other stores than files are refused."""
    backup, path = backup_of(tmp_path / "backup.db"), tmp_path / "slo.db"
    worker = open_at(path)
    tracker = worker.define(SLO)
    for _ in range(5):
        tracker.record(True)
        assert worker.flush()

    assert replace_sqlite_file(backup, path) == 200
    tracker.record(True)
    worker.flush()
    assert worker.close()

    assert content(path) == (200, 2, "ok")
    for source, target in ((f"sqlite:///{path}", "redis://127.0.0.1:1/0"), ("memory://", f"sqlite:///{path}")):
        assert main(["store", "copy", "--replace", source, target]) == 2
        assert "expected two sqlite:/// files" in capsys.readouterr().err
    with pytest.raises(StoreError, match="the same file"):
        replace_sqlite_file(path, path)


def test_a_backup_with_larger_pages_replaces_a_store_in_use(tmp_path: Path) -> None:
    """Files of earlier versions have SQLite's own page size, and a file in WAL mode takes no other pages than its own."""
    small, backup, path = backup_of(tmp_path / "small.db", slos=3), tmp_path / "backup.db", tmp_path / "slo.db"
    with closing(sqlite3.connect(small)) as connection:
        connection.execute("PRAGMA page_size = 4096")
        connection.execute("VACUUM INTO ?", (str(backup),))
    worker = open_at(path)
    tracker = worker.define(SLO)
    tracker.record(True)
    assert worker.flush()

    assert replace_sqlite_file(backup, path) == 3
    tracker.record(True)
    worker.flush()
    assert worker.close()

    assert content(path) == (3, 2, "ok")


_WORKER = """
import os, sys, time
from slo_core import SLODefinition, SLORegistry
registry = SLORegistry(f"sqlite:///{sys.argv[1]}", service="shop", flush_interval=0.005)
tracker = registry.define(SLODefinition("slo0", 0.99))
print("ready", flush=True)
while not os.path.exists(sys.argv[2]):
    tracker.record(True)
    time.sleep(0.001)
registry.close()
"""


def test_processes_that_write_all_the_time_harm_no_file_that_is_put_in_place(tmp_path: Path) -> None:
    """Four of them, and five files one after the other: each is whole, with all its SLOs."""
    path = tmp_path / "slo.db"
    backups = [backup_of(tmp_path / f"backup{number}.db", 50 + number) for number in range(5)]
    stop = tmp_path / "stop"
    workers = [
        subprocess.Popen([sys.executable, "-c", _WORKER, str(path), str(stop)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    try:
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for number, backup in enumerate(backups):
            time.sleep(0.3)
            if path.exists():
                os.rename(path, tmp_path / f"old{number}.db")
            os.rename(backup, path)
        time.sleep(0.3)
        stop.touch()
        for worker in workers:
            worker.wait(PATIENCE_SECONDS)
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()

    for number, file in enumerate([*(tmp_path / f"old{number}.db" for number in range(1, 5)), path]):
        slos, events, whole = content(file)
        assert (slos, whole) == (50 + number, "ok")
        assert events >= 1


def test_the_write_ahead_log_is_cut_after_an_outage(tmp_path: Path) -> None:
    """It takes the space that a large batch has needed only until it is written over again."""
    registry = open_at(tmp_path / "slo.db")
    registry.define(SLO)
    assert registry.flush()
    connection = registry.store.buckets._file._connection  # type: ignore[attr-defined]
    assert connection.execute("PRAGMA journal_size_limit").fetchone() == (4 * 1024 * 1024,)
    registry.close()
