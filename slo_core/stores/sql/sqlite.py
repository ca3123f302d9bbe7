"""`sqlite:///`: one file for all workers of a host, without a server or a dependency."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.episodes import Episode
from slo_core.budgets.events import EventCounts
from slo_core.budgets.marks import Mark
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.objectives.window import FUTURE_TOLERANCE_SECONDS
from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import (
    Applied,
    Batch,
    BucketRange,
    Increment,
    Query,
    Series,
    SLORecord,
    Stored,
    StoreIdentity,
)
from slo_core.stores.causes import CauseQuery, StoredCauses
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_core.stores.layout import WIDTHS, kept_from
from slo_core.stores.shared.cause_texts import stored_causes
from slo_core.stores.shared.closed_sums import ClosedSums, WantedSums
from slo_core.stores.shared.damage import damage_in_record
from slo_core.stores.sql.sqlite_batches import add_batches, sweep
from slo_core.stores.sql.sqlite_causes import delete_causes, prune_causes, read_blocks, read_totals
from slo_core.stores.sql.sqlite_episodes import forget_episodes, keep_episodes, prune_episodes, read_episodes
from slo_core.stores.sql.sqlite_failures import add_failures, prune_failures, read_failures
from slo_core.stores.sql.sqlite_file import SQLiteFile
from slo_core.stores.sql.sqlite_marks import add_marks, forget_marks_of_no_slo, prune_marks, read_marks
from slo_core.stores.sql.sqlite_periods import keep_periods, prune_periods, read_periods
from slo_core.stores.url import redacted_url

__all__ = ["SQLiteBucketStore", "open_sqlite", "sqlite_store"]

# In the order of `SLORecord`.
_RECORD = """name, good, bad, dropped, errors, since, newest, keeps, definition, fingerprint, changed_at, 0.0, 0,
    NULLIF(seen_at, 0), kept_since"""
_SUM_OF_RANGE = """
    SELECT ?, COALESCE(SUM(good), 0), COALESCE(SUM(bad), 0) FROM bucket
    WHERE slo = ? AND width = ? AND bucket BETWEEN ? AND ?"""

# SQLite joins at most 500 SELECTs; with some hundred the text alone takes longer than it spares.
_RANGES_AT_ONCE = 32
_BUCKETS_OF_RANGE = """
    SELECT bucket.width, bucket.bucket, bucket.good, bucket.bad FROM bucket JOIN slo ON slo.id = bucket.slo
    WHERE slo.service = ? AND slo.name = ? AND bucket.width = ? AND bucket.bucket BETWEEN ? AND ?
    ORDER BY bucket.bucket"""


def open_sqlite(
    url: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time, **options: object
) -> SQLiteBucketStore:
    """
    The store in a file; its folder must exist, the file is made when it is missing.

    Args:
        url: As for `sqlite_store`.
        service: The namespace.
        clock: Returns seconds since the epoch.
        options: As for `sqlite_store`.

    Raises:
        StoreError: As for `sqlite_store`; or the file cannot be opened or written, is no database of ours, is damaged, or
            was written by a newer version.
    """
    store = sqlite_store(url, service=service, clock=clock, **options)
    store.check()
    return store


def sqlite_store(
    url: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time, **options: object
) -> SQLiteBucketStore:
    """
    The store in a file that is opened, and made when it is missing, when it is first used.

    Args:
        url: `sqlite:///relative.db` or `sqlite:////absolute.db`; what follows the third slash is the path as it is.
        service: The namespace.
        clock: Returns seconds since the epoch.
        options: `timeout` (seconds to wait for another writer, 1.0) and `synchronous` (`"normal"`, which may lose the
            last commits when the power fails, or `"full"`, which does not).

    Raises:
        StoreError: The URL or an option is wrong.
    """
    prefix = "sqlite:///"
    path, shown = url.removeprefix(prefix), redacted_url(url)
    if not url.startswith(prefix) or not path or path.endswith("/") or "\0" in path or path == ":memory:":
        raise StoreError(
            f"store URL {shown}: expected sqlite:///relative.db or sqlite:////absolute.db; to count in memory use memory://"
        )
    if "?" in path:
        raise StoreError(
            f"store {shown}: expected a path without a question mark; options stand beside the URL: "
            "store_options={...}, SLO_STORE_OPTIONS"
        )
    timeout, synchronous = options.pop("timeout", 1.0), options.pop("synchronous", "normal")
    if options:
        raise StoreError(f"store {shown}: unknown options {', '.join(sorted(options))}; known: synchronous, timeout")
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= 60:
        raise StoreError(f"store {shown}: timeout: expected seconds above 0 and up to 60, got {timeout!r}")
    if synchronous not in ("normal", "full"):
        raise StoreError(f'store {shown}: synchronous: expected "normal" or "full", got {synchronous!r}')
    return SQLiteBucketStore(
        Path(path), service=service, clock=clock, timeout=float(timeout), synchronous=str(synchronous)
    )


class SQLiteBucketStore:
    """
    Buckets in an SQLite file, in WAL mode.

    For one host: the file must be on a local disk, not on NFS, and in a container on a volume.

    Args:
        path: The file.
        service: The namespace.
        clock: Returns seconds since the epoch; the store's clock is the host's.
        timeout: Seconds to wait for another writer.
        synchronous: `"normal"` or `"full"`.
    """

    backend = "sqlite"
    scope: StoreScope = "host"
    default_flush_interval = 1.0
    keeps_latencies = True

    def __init__(
        self,
        path: Path,
        *,
        service: str = DEFAULT_SERVICE,
        clock: Callable[[], float] = time.time,
        timeout: float = 1.0,
        synchronous: str = "normal",
    ) -> None:
        self.service = service
        self._clock = clock
        self._file = SQLiteFile(path, clock=clock, timeout=timeout, synchronous=synchronous)
        self._closed_sums = ClosedSums()

    def check(self) -> None:
        """
        See whether the file can be used, and make it if it is missing.

        Raises:
            StoreError: It cannot; see `SQLiteFile.check`.
        """
        self._file.check()

    def identity(self) -> StoreIdentity:
        """The store's; a new file is given one."""
        with self._file.transaction(write=False) as connection:
            return _identity(connection)

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches, in one transaction."""
        with self._file.transaction(write=True) as connection:
            now = self._clock()
            notes, damage = add_batches(connection, batches, service=self.service, now=now)
            return Applied(_identity(connection), now, notes, damage="; ".join(damage) or None)

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums, all of one moment."""
        with self._file.transaction(write=False) as connection:
            return [self._stored(connection, query) for query in queries]

    def _stored(self, connection: sqlite3.Connection, query: Query) -> Stored:
        row = connection.execute(
            f"SELECT id, generation, {_RECORD} FROM slo WHERE service = ? AND name = ?",  # noqa: S608
            (self.service, query.slo),
        ).fetchone()
        if row is None:
            return Stored(None, (EventCounts(),) * len(query.ranges))
        key, generation, *columns = row
        record = SLORecord(*columns)
        trouble = damage_in_record(record)
        if trouble is not None:
            return Stored(None, (), trouble)
        try:
            (sums,) = self._closed_sums.read(
                lambda wanted: [_sums(connection, *each) for each in wanted], [WantedSums(key, record, query.ranges)]
            )
        except sqlite3.OperationalError as exc:
            if "integer overflow" not in str(exc):
                raise
            return Stored(None, (), str(exc))
        totals = read_totals(connection, generation=generation) if query.cause_totals else None
        return Stored(record, sums, cause_totals=totals)

    def series(self, queries: Sequence[Query]) -> list[Series]:
        """Buckets with events, oldest first, all of one moment."""
        with self._file.transaction(write=False) as connection:
            return [
                tuple(
                    [Increment(*row) for row in connection.execute(_BUCKETS_OF_RANGE, (self.service, query.slo, *each))]
                    for each in query.ranges
                )
                for query in queries
            ]

    def keep_periods(self, periods: Sequence[ClosedPeriod]) -> None:
        """Write closed periods, in one transaction."""
        with self._file.transaction(write=True) as connection:
            keep_periods(connection, periods, service=self.service)

    def read_periods(self, queries: Sequence[PeriodQuery]) -> list[StoredPeriods]:
        """Closed periods, all of one moment."""
        with self._file.transaction(write=False) as connection:
            return [StoredPeriods(read_periods(connection, query, service=self.service)) for query in queries]

    def read_causes(self, queries: Sequence[CauseQuery]) -> list[StoredCauses]:
        """Causes or latencies, all of one moment."""
        with self._file.transaction(write=False) as connection:
            return [self._causes(connection, query) for query in queries]

    def _causes(self, connection: sqlite3.Connection, query: CauseQuery) -> StoredCauses:
        which = "SELECT id, generation FROM slo WHERE service = ? AND name = ?"
        row = connection.execute(which, (self.service, query.slo)).fetchone()
        if row is None:
            return StoredCauses()
        key, generation = row
        return stored_causes(
            read_blocks(connection, query, generation=generation), _sums(connection, key, query.ranges), query.kind
        )

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """Add marks, in one transaction."""
        with self._file.transaction(write=True) as connection:
            add_marks(connection, marks, service=self.service)

    def marks(self, since: float) -> tuple[Mark, ...]:
        """The marks since an instant, in order of time."""
        with self._file.transaction(write=False) as connection:
            return read_marks(connection, since, service=self.service)

    def keep_episodes(self, slo: str, episodes: Sequence[Episode]) -> None:
        """Add episodes of one SLO, in one transaction."""
        with self._file.transaction(write=True) as connection:
            keep_episodes(connection, slo, episodes, service=self.service)

    def read_episodes(self, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
        """Episodes since an instant, all of one moment."""
        with self._file.transaction(write=False) as connection:
            return [read_episodes(connection, slo, since, service=self.service) for slo in slos]

    def add_recent_failures(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        """Add recent failures, in one transaction."""
        with self._file.transaction(write=True) as connection:
            add_failures(connection, failures, service=self.service, most=most)

    def recent_failures(self, slos: Sequence[str], *, most: int) -> list[tuple[RecentFailure, ...]]:
        """The newest failures, all of one moment."""
        with self._file.transaction(write=False) as connection:
            now = self._clock()
            return [read_failures(connection, slo, service=self.service, most=most, now=now) for slo in slos]

    def names(self) -> list[str]:
        """The SLOs of this service."""
        with self._file.transaction(write=False) as connection:
            rows = connection.execute("SELECT name FROM slo WHERE service = ?", (self.service,))
            return sorted(name for (name,) in rows if isinstance(name, str))

    def services(self) -> list[str]:
        """Every service in the file."""
        with self._file.transaction(write=False) as connection:
            rows = connection.execute("SELECT DISTINCT service FROM slo")
            return sorted(service for (service,) in rows if isinstance(service, str))

    def prune(self) -> int:
        """Delete buckets that no window reads again, of every service, and the oldest notes."""
        with self._file.transaction(write=True) as connection:
            now = self._clock()
            before = connection.total_changes
            for slo, newest, keeps, generation in connection.execute(
                "SELECT id, newest, keeps, generation FROM slo WHERE newest NOTNULL"
            ).fetchall():
                reference = min(newest, math.floor(now) + FUTURE_TOLERANCE_SECONDS)
                for width in WIDTHS:
                    first = kept_from(width, newest=reference, keeps_seconds=keeps)
                    connection.execute(
                        "DELETE FROM bucket WHERE slo = ? AND width = ? AND bucket < ?", (slo, width, first)
                    )
                prune_causes(connection, generation, reference=reference, keeps_seconds=keeps)
                sweep(connection, slo, now=now)
            delete_causes(connection)
            prune_periods(connection, now=now)
            prune_marks(connection, now=now)
            prune_episodes(connection, now=now)
            prune_failures(connection, now=now)
            return connection.total_changes - before

    def delete_slo(self, slo: str, *, not_seen_since: float) -> bool:
        """Delete everything of an SLO, unless a process was heard of since."""
        with self._file.transaction(write=True) as connection:
            which = (self.service, slo)
            row = connection.execute("SELECT id, seen_at FROM slo WHERE service = ? AND name = ?", which).fetchone()
            if row is None:
                return True
            key, seen_at = row
            if seen_at > not_seen_since:
                return False
            for table in ("closed_period", "recent_failure"):
                connection.execute(f"DELETE FROM {table} WHERE service = ? AND slo = ?", which)  # noqa: S608  # our names
            for statement in (
                "DELETE FROM bucket WHERE slo = ?",
                "DELETE FROM note WHERE slo = ?",
                "DELETE FROM slo WHERE id = ?",
            ):
                connection.execute(statement, (key,))
            delete_causes(connection)
            forget_episodes(connection, slo, service=self.service)
            forget_marks_of_no_slo(connection, self.service)
            return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def forget(self) -> None:
        """Let go of a parent's connection without touching it."""
        self._file.forget()

    def __repr__(self) -> str:
        return f"SQLiteBucketStore({str(self._file.path)!r})"


def _sums(connection: sqlite3.Connection, slo: int, ranges: Sequence[BucketRange]) -> list[EventCounts]:
    """The events of each range. Some at a time: a statement for each takes half as long again."""
    sums = [EventCounts()] * len(ranges)
    for start in range(0, len(ranges), _RANGES_AT_ONCE):
        part = ranges[start : start + _RANGES_AT_ONCE]
        values = [value for place, each in enumerate(part, start) for value in (place, slo, *each)]
        for place, good, bad in connection.execute(" UNION ALL ".join([_SUM_OF_RANGE] * len(part)), values):
            sums[place] = EventCounts(good, bad)
    return sums


def _identity(connection: sqlite3.Connection) -> StoreIdentity:
    store_id, created = connection.execute("SELECT store_id, created FROM store").fetchone()
    return StoreIdentity(store_id, created)
