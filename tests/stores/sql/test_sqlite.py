"""The SQLite store: the contract, and what is its own. Tests of sqlite and retry."""

from __future__ import annotations

import gc
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from old_events import OldEvents
from slo_core import SLODefinition, SLORegistry
from slo_core.budgets.events import EventCounts
from slo_core.errors import StoreError
from slo_core.stores.buckets import BucketRange, Query
from slo_core.stores.sql import sqlite as sqlite_module
from slo_core.stores.sql.sqlite import SQLiteBucketStore, open_sqlite
from slo_core.stores.sql.sqlite_schema import MIGRATIONS
from slo_core.testing import FakeClock, StoreContract, batch_of, declared
from slo_servers import wait_until
from store_accidents import SQLiteAccidents

NOW = 1_700_000_000


class TestSQLite(SQLiteAccidents, OldEvents, StoreContract):
    """Every promise of a shared store."""

    @pytest.fixture
    def make_store(self, tmp_path: Path) -> Callable[..., SQLiteBucketStore]:
        return lambda service="shop": SQLiteBucketStore(tmp_path / "slo.db", service=service, timeout=5.0)


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def test_a_relative_path_is_that_of_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of the working directory does not change the file."""
    monkeypatch.chdir(tmp_path)
    store = open_sqlite("sqlite:///slo.db")
    monkeypatch.chdir("/")

    store.apply([])

    assert (tmp_path / "slo.db").exists()


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite://slo.db", "sqlite:slo.db", "sqlite:///:memory:", "sqlite:///folder/"]
)
def test_a_url_without_a_file_is_refused(url: str) -> None:
    """With the two forms there are."""
    with pytest.raises(StoreError, match=r"expected sqlite:///relative\.db or sqlite:////absolute\.db"):
        open_sqlite(url)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timout": 1}, "unknown options timout; known: synchronous, timeout"),
        ({"timeout": 0}, "timeout: expected seconds above 0"),
        ({"timeout": True}, "timeout: expected seconds above 0"),
        ({"synchronous": "off"}, 'synchronous: expected "normal" or "full", got \'off\''),
    ],
)
def test_a_bad_option_is_named(tmp_path: Path, options: dict[str, object], message: str) -> None:
    """When the store is made."""
    with pytest.raises(StoreError, match=message):
        open_sqlite(sqlite_url(tmp_path / "slo.db"), **options)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """It is not made: a slip of the finger would count into nowhere."""
    with pytest.raises(StoreError, match=f"the folder {tmp_path}/nowhere does not exist"):
        open_sqlite(sqlite_url(tmp_path / "nowhere" / "slo.db"))


def test_a_damaged_file_is_refused_at_the_start(tmp_path: Path) -> None:
    """With what to do about it; and it is left as it is."""
    path = tmp_path / "slo.db"
    path.write_bytes(b"no database, " * 500)

    with pytest.raises(StoreError, match="damaged .*; move it away, or restore it from a copy"):
        open_sqlite(sqlite_url(path))

    assert path.read_bytes().startswith(b"no database")


def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    """Nothing is written into it."""
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER)")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="database of something else; choose another path"):
        open_sqlite(sqlite_url(path))

    assert path.read_bytes() == before


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """An older version must not write into what it does not understand."""
    path = tmp_path / "slo.db"
    open_sqlite(sqlite_url(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    connection.close()

    with pytest.raises(StoreError, match=r"written by a newer slo-suite \(schema 2, this one knows 1\)"):
        open_sqlite(sqlite_url(path))


def test_a_file_that_is_being_written_is_no_mistake(tmp_path: Path) -> None:
    """Another worker may hold it at the moment of the start."""
    path = tmp_path / "slo.db"
    open_sqlite(sqlite_url(path)).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    store = open_sqlite(sqlite_url(path), timeout=0.05)

    with pytest.raises(StoreError, match=r"another process has been writing for 0\.05 s"):
        store.apply([])
    other.execute("ROLLBACK")
    other.close()
    assert store.apply([]).identity == store.identity()


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_a_file_that_another_worker_sets_up_at_this_moment_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int
) -> None:
    """Whatever this one has seen of it by then: two workers start together on a new file."""
    path = tmp_path / "slo.db"
    connect = sqlite3.connect
    statements: list[str] = []

    def seen(statement: str) -> None:
        statements.append(statement)
        if len(statements) == moment:
            monkeypatch.undo()
            open_sqlite(sqlite_url(path)).close()

    def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(seen)
        return connection

    monkeypatch.setattr(sqlite_module.sqlite3, "connect", traced)

    store = open_sqlite(sqlite_url(path))

    assert len(statements) >= 3
    assert store.names() == []
    store.close()


@pytest.mark.parametrize("locked_for", ["writers", "everybody"])
def test_it_waits_for_others_where_greenlets_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locked_for: str
) -> None:
    """SQLite's own waiting is in C and keeps a worker of gevent from answering anybody."""
    path = tmp_path / "slo.db"
    open_sqlite(sqlite_url(path)).close()
    other = sqlite3.connect(path, isolation_level=None)
    if locked_for == "everybody":
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 10:
            other.close()

    monkeypatch.setattr(sqlite_module.time, "sleep", sleep)
    store = SQLiteBucketStore(path)

    if locked_for == "everybody":
        assert store.names() == []
    else:
        store.apply([])

    assert len(pauses) == 10
    assert 0 < min(pauses) <= max(pauses) <= 0.02
    store.close()


def test_it_is_in_wal_mode(tmp_path: Path) -> None:
    """Readers do not wait for writers."""
    store = open_sqlite(sqlite_url(tmp_path / "slo.db"))
    store.apply([batch_of([(NOW, 1, 0)], number=1, declaration=declared(NOW))])
    writer = sqlite3.connect(tmp_path / "slo.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    (stored,) = store.read([Query("availability")])

    assert stored.record is not None
    writer.execute("ROLLBACK")
    writer.close()
    store.close()


@pytest.mark.parametrize(("option", "expected"), [("normal", 1), ("full", 2)])
def test_how_much_a_power_failure_may_take_is_the_users_choice(tmp_path: Path, option: str, expected: int) -> None:
    """`synchronous`: SQLite calls NORMAL 1 and FULL 2."""
    store = open_sqlite(sqlite_url(tmp_path / "slo.db"), synchronous=option)
    store.apply([])

    assert store._file._connection is not None
    assert store._file._connection.execute("PRAGMA synchronous").fetchone() == (expected,)
    store.close()


def test_a_deleted_file_is_noticed(tmp_path: Path) -> None:
    """The next batch goes into a new file, which says that it is another store."""
    path = tmp_path / "slo.db"
    store = open_sqlite(sqlite_url(path))
    first = store.apply([batch_of([(NOW, 1, 0)], number=1, declaration=declared(NOW))])
    for file in tmp_path.iterdir():
        file.unlink()

    second = store.apply([batch_of([(NOW, 1, 0)], number=2)])

    assert second.noted == (0,)
    assert second.identity.store_id != first.identity.store_id
    assert path.exists()
    store.close()


def test_pruning_deletes_what_no_window_reads(tmp_path: Path) -> None:
    """Seconds after an hour, minutes after a day, quarters of an hour after the longest window, notes after a month."""
    clock = FakeClock(NOW)
    store = SQLiteBucketStore(tmp_path / "slo.db", clock=clock)
    store.apply([batch_of([(NOW, 1, 0)], number=1, declaration=declared(NOW))])
    clock.advance(days=29)
    now = int(clock())
    store.apply([batch_of([(now, 1, 0)], number=1, writer="b" * 32, declaration=declared(NOW))])

    deleted = store.prune()

    # The second and the minute of 29 days ago; the note of the first writer, which may have slept, is kept a little longer.
    assert deleted == 2
    clock.advance(days=4)
    store.apply([batch_of([(int(clock()), 1, 0)], number=2, writer="b" * 32)])
    # Of the first event: its quarter of an hour, its day, its note, which the SLO's row remembers; of the second: its second
    # and its minute.
    assert store.prune() == 6


def test_it_says_which_file_it_is(tmp_path: Path) -> None:
    """In the repr."""
    assert repr(SQLiteBucketStore(tmp_path / "slo.db")) == f"SQLiteBucketStore('{tmp_path}/slo.db')"


def test_a_full_disk_keeps_nobody_from_starting(tmp_path: Path) -> None:
    """A worker that is restarted in the meantime counts in memory, and hands over when there is room."""
    code = """
import resource, sys
from slo_core import SLODefinition, SLORegistry
resource.setrlimit(resource.RLIMIT_FSIZE, (1, resource.RLIM_INFINITY))
with SLORegistry(sys.argv[1]) as registry:
    tracker = registry.define(SLODefinition("a", 0.9))
    tracker.record(False)
    registry.flush()
    print(registry.store.health().is_up)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(tracker.snapshot().failures, registry.store.health().is_up)
"""
    for _ in range(2):  # into a new file, and into one that is there
        done = subprocess.run(
            [sys.executable, "-c", code, f"sqlite:///{tmp_path / 'slo.db'}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[0] == "False"
    assert done.stdout.splitlines()[1] == "2 True"


GONE = """
import gc, os, sys, threading, time
from slo_core import SLODefinition, SLORegistry

def left():
    gc.collect()
    threads = sum(thread.name == "slo-flusher" for thread in threading.enumerate())
    links = [f"/proc/self/fd/{name}" for name in os.listdir("/proc/self/fd")]
    return threads, sum("slo.db" in os.readlink(link) for link in links if os.path.islink(link))

for _ in range(5):
    SLORegistry(sys.argv[1], flush_interval=1).define(SLODefinition("gone", 0.9)).record(True)
until = time.monotonic() + 20  # a thread that only idles goes on for more than thirty rounds
while left() != (0, 0) and time.monotonic() < until:
    time.sleep(0.05)
print(*left())
with SLORegistry(sys.argv[1]) as registry:
    print(registry.define(SLODefinition("gone", 0.9)).snapshot().total)
"""


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="there is no list of open files here")
def test_registries_that_are_gone_leave_no_threads_and_no_files_open(tmp_path: Path) -> None:
    """An application is made again for each test, or each tenant; what was counted is there all the same."""
    done = subprocess.run(
        [sys.executable, "-c", GONE, sqlite_url(tmp_path / "slo.db")],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    assert done.stdout.split() == ["0", "0", "5"]


def test_a_tracker_may_outlive_its_registry(tmp_path: Path) -> None:
    """It goes on counting, and what it has counted is handed over."""
    url = f"sqlite:///{tmp_path / 'slo.db'}"
    tracker = SLORegistry(url, flush_interval=0.05).define(SLODefinition("orphan", 0.9))
    gc.collect()

    def seen_by_others() -> int:
        with SLORegistry(url) as registry:
            return registry.define(SLODefinition("orphan", 0.9)).snapshot().total

    for number in range(1, 4):
        tracker.record(True)
        wait_until(lambda number=number: seen_by_others() == number)
    assert tracker.snapshot().total == 3


def test_the_version_before_uses_the_file_too(tmp_path: Path) -> None:
    """What this version adds has defaults, and the file's version stays: both count in one file, whoever made it."""
    for made_by_this_version in (False, True):
        path = tmp_path / f"{made_by_this_version}.db"
        if made_by_this_version:
            SQLiteBucketStore(path, service="shop").identity()
        else:
            with sqlite3.connect(path) as old:
                for statement in MIGRATIONS[0]:
                    old.execute(statement)
                old.execute("PRAGMA application_id = 1936486144")
                old.execute("PRAGMA user_version = 1")
                old.execute("INSERT INTO store (store_id, created) VALUES (?, 1.0)", ("5" * 32,))
        old = sqlite3.connect(path, isolation_level=None)  # as a process of the version before keeps it open
        store = SQLiteBucketStore(path, service="shop")
        now = int(store.apply([]).now)
        store.apply([batch_of([(now, 1, 0)], number=1, nonce="1a", declaration=declared(now))])
        # Its statements, as it adds a batch.
        old.execute("BEGIN IMMEDIATE")
        old.execute("UPDATE slo SET good = good + 2, bad = bad + 1, since = ?, newest = ? WHERE id = 1", (now, now))
        old.execute("UPDATE bucket SET good = good + 2, bad = bad + 1")
        old.execute(
            "INSERT INTO note (writer, slo, number, noted_at) VALUES (?, 1, 1, ?) "
            "ON CONFLICT (writer, slo) DO UPDATE SET number = excluded.number",
            ("b" * 32, now),
        )
        old.execute("COMMIT")
        (note,) = store.apply([batch_of([(now, 1, 0)], number=2, nonce="2a")]).notes
        assert note is not None
        assert (note.number, note.swept) == (2, 0)
        (stored,) = store.read([Query("availability", (BucketRange(1, now, now),))])
        assert stored.sums == (EventCounts(4, 1),)
        (absent,) = store.apply([batch_of([], number=9, writer="c" * 32)]).notes
        assert absent is not None
        assert absent.swept == 0  # its note is not taken for one that is missing
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        old.close()
        store.close()
