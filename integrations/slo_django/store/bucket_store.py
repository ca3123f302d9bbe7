"""`django://alias`: counts in the project's own database, through a connection of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import django
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.budgets.episodes import Episode
from slo_core.budgets.events import EventCounts
from slo_core.budgets.marks import Mark
from slo_core.budgets.recent_failures import RecentFailure
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.errors import StoreError
from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import Applied, Batch, Query, Series, SLORecord, Stored, StoreIdentity
from slo_core.stores.causes import CauseQuery, StoredCauses
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_core.stores.layout import WIDTHS
from slo_core.stores.shared.closed_sums import ClosedSums, WantedSums
from slo_core.stores.url import redacted_url
from slo_django.store.batch_writer import BatchWriter
from slo_django.store.bucket_sums import read_series, read_sums, sums_of_row
from slo_django.store.causes import CAUSE_TABLE, CauseTable
from slo_django.store.database import Database
from slo_django.store.episodes import Episodes
from slo_django.store.failures import Failures
from slo_django.store.marks import Marks
from slo_django.store.periods import PERIOD_TABLE, keep_alone, keep_periods, read_periods
from slo_django.store.pruning import PRUNING_SECONDS, Pruning
from slo_django.store.rows import RECORD_COLUMNS, digest, name_in, placeholders, record_or_trouble
from slo_django.store.schema import STORED_VERSION, TABLES, check_version, has_tables, has_version
from slo_django.store.tables import Tables

__all__ = ["DjangoBucketStore", "open_django"]

# Of so many ranges the sums are columns of one row.
_FEW_RANGES = 8


def open_django(
    url: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time, **options: object
) -> DjangoBucketStore:
    """
    The store in a database of the project; nothing is reached out for yet.

    Args:
        url: `django://` and an alias of `settings.DATABASES`.
        service: The namespace.
        clock: Returns seconds since the epoch; asked only for SQLite, which has no clock of its own.
        options: None.

    Raises:
        StoreError: The alias is unknown, or an option was given.
    """
    prefix, alias, shown = "django://", url.removeprefix("django://"), redacted_url(url)
    if options:
        raise StoreError(f"store {shown}: expected no options, got {', '.join(sorted(options))}")
    try:
        _set_up()
        known = sorted(connections.settings)
    except ImproperlyConfigured as exc:
        raise StoreError(
            f"store {shown}: Django is not configured; set DJANGO_SETTINGS_MODULE, or run it by manage.py"
        ) from exc
    if not url.startswith(prefix) or alias not in known:
        raise StoreError(f"store {shown}: expected django:// and one of settings.DATABASES: {', '.join(known)}")
    return DjangoBucketStore(alias, service=service, clock=clock)


def _set_up() -> None:
    """Set Django up, as manage.py and servers do; commands that look at a store from outside do not."""
    # While the apps are being loaded, perhaps by the very app that asks, it cannot be done a second time.
    if not (apps.ready or apps.loading):
        django.setup()


class DjangoBucketStore:
    """
    Buckets in tables of the project's database.

    Every call uses a connection of the store's own: no request's transaction is touched. It is kept for `CONN_MAX_AGE`
    seconds of the project's, else closed each time.

    Args:
        alias: The database.
        service: The namespace.
        clock: Returns seconds since the epoch.
    """

    backend = "django"
    keeps_latencies = True

    def __init__(self, alias: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time) -> None:
        self.alias = alias
        self.service = service
        self._database = Database(alias)
        self._tables = Tables(self._database, clock=clock)
        self._causes = CauseTable(self._database.dialect)
        self._batch_writer = BatchWriter(self._tables, self._database.dialect, service, self._causes)
        self._closed_sums = ClosedSums()
        self._episodes = Episodes(self._database, self._tables, self._batch_writer)
        self._marks = Marks(self._database, self._tables, service)
        self._failures = Failures(self._database, self._tables, self._batch_writer.key)
        self._pruning = Pruning(self._database, self._tables, self._causes)

    @property
    def scope(self) -> StoreScope:
        """The fleet's, but for a file on one host."""
        return self._database.dialect.scope

    @property
    def default_flush_interval(self) -> float:
        """Seldom enough that a server hardly notices."""
        return self._database.dialect.flush_interval

    def identity(self) -> StoreIdentity:
        """The store's; an empty one is given one."""
        with self._database.writing() as transaction:
            return self._tables.identify(transaction)[0]

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches, in one transaction; repeated where the database could not put it in order with others."""
        return self._database.repeated(lambda: self._apply(batches))

    def _apply(self, batches: Sequence[Batch]) -> Applied:
        try:
            with self._database.writing() as transaction:
                return self._batch_writer.apply(transaction, batches)
        except Exception:
            self._causes.doubt()
            raise

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums, all of one moment."""
        if len(queries) == 1 and _is_light(queries[0]):
            return [self._read_once(queries[0])]
        with self._database.reading() as transaction:
            keys = {self._batch_writer.key(query.slo): query.slo for query in queries}
            rows = self._tables.select(
                transaction,
                f"digest, id, {', '.join(RECORD_COLUMNS)}",
                f"slo_django_slo WHERE digest IN ({placeholders(len(keys))})",
                list(keys),
            )
            rows_read = {keys[row[0]]: (row[1], record_or_trouble(row[2:])) for row in rows}
            records = {slo: (key, record) for slo, (key, record) in rows_read.items() if isinstance(record, SLORecord)}
            troubles = {slo: trouble for slo, (_, trouble) in rows_read.items() if isinstance(trouble, str)}
            known = [query for query in queries if query.slo in records]
            wanted = [WantedSums(*records[query.slo], query.ranges) for query in known]
            read = partial(read_sums, transaction, self._database.dialect.vendor)
            sums = iter(self._closed_sums.read(read, wanted))
            totalled = [self._batch_writer.key(query.slo) for query in known if query.cause_totals]
            totals = {keys[key]: text for key, text in self._causes.totals(transaction, totalled).items()}
        return [
            Stored(
                records[query.slo][1],
                next(sums),
                cause_totals=totals.get(query.slo, "") if query.cause_totals else None,
            )
            if query.slo in records
            else Stored(None, (EventCounts(),) * len(query.ranges), troubles.get(query.slo))
            for query in queries
        ]

    def _read_once(self, query: Query) -> Stored:
        """What `read` answers, by one statement, which costs less than a transaction of several."""
        statement = f"SELECT {STORED_VERSION}, {', '.join(RECORD_COLUMNS)}{sums_of_row(query.ranges)} FROM slo_django_slo WHERE digest = %s"  # noqa: S608, E501
        rows = self._database.fetch_alone(statement, [self._batch_writer.key(query.slo)])
        if not rows:
            return Stored(None, (EventCounts(),) * len(query.ranges))
        ((version, *row),) = rows
        check_version(self.alias, version)
        record = record_or_trouble(row[: len(RECORD_COLUMNS)])
        if isinstance(record, str):
            return Stored(None, (EventCounts(),) * len(query.ranges), record)
        # Some drivers make a Decimal of a sum.
        counts = [int(count or 0) for count in row[len(RECORD_COLUMNS) :]]
        return Stored(record, tuple([EventCounts(*pair) for pair in zip(counts[::2], counts[1::2], strict=True)]))

    def series(self, queries: Sequence[Query]) -> list[Series]:
        """Buckets with events, oldest first, all of one moment."""
        wanted = [(self._batch_writer.key(query.slo), each) for query in queries for each in query.ranges]
        with self._database.reading() as transaction:
            series = iter(read_series(transaction, self._tables, self._database.dialect.vendor, wanted))
        return [tuple(next(series) for _ in query.ranges) for query in queries]

    def keep_periods(self, periods: Sequence[ClosedPeriod]) -> None:
        """Write closed periods, in one transaction; repeated as `apply` is."""
        if periods:
            self._database.repeated(lambda: self._keep_periods(periods))

    def _keep_periods(self, periods: Sequence[ClosedPeriod]) -> None:
        keys = {each.slo: self._batch_writer.key(each.slo) for each in periods}
        if self._database.dialect.vendor == "mysql" and len(keys) == 1:
            (key,) = keys.values()
            if keep_alone(self._database.run_alone, periods, key=key):
                return
        with self._database.writing() as transaction:
            keep_periods(transaction, self._database.dialect, periods, keys=keys)

    def read_periods(self, queries: Sequence[PeriodQuery]) -> list[StoredPeriods]:
        """Closed periods, all of one moment."""
        if not queries:
            return []
        keys = {query.slo: self._batch_writer.key(query.slo) for query in queries}
        with self._database.reading() as transaction:
            return read_periods(transaction, queries, keys=keys)

    def read_causes(self, queries: Sequence[CauseQuery]) -> list[StoredCauses]:
        """Causes or latencies, all of one moment."""
        keys = {query.slo: self._batch_writer.key(query.slo) for query in queries}
        try:
            with self._database.reading() as transaction:
                return self._causes.read(transaction, queries, keys=keys)
        except Exception:
            self._causes.doubt()
            raise

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """Add marks, in one transaction; repeated as `apply` is."""
        self._marks.add(marks)

    def marks(self, since: float) -> tuple[Mark, ...]:
        """The marks since an instant, in order of time."""
        return self._marks.since(since)

    def keep_episodes(self, slo: str, episodes: Sequence[Episode]) -> None:
        """Add episodes of one SLO, in one transaction; repeated as `apply` is."""
        self._episodes.keep(slo, episodes)

    def read_episodes(self, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
        """Episodes since an instant, all of one moment."""
        return self._episodes.read(slos, since)

    def add_recent_failures(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        """Add recent failures, in one transaction; repeated as `apply` is."""
        self._failures.add(failures, most=most)

    def recent_failures(self, slos: Sequence[str], *, most: int) -> list[tuple[RecentFailure, ...]]:
        """The newest failures, all of one moment."""
        return self._failures.read(slos, most=most)

    def names(self) -> list[str]:
        """The SLOs of this service."""
        with self._database.reading() as transaction:
            source = "slo_django_slo WHERE service_digest = %s"
            rows = self._tables.select(transaction, "name", source, [digest(self.service)])
            return sorted(name_in(name) for (name,) in rows)

    def services(self) -> list[str]:
        """Every service with an SLO in these tables."""
        with self._database.reading() as transaction:
            source = "(SELECT DISTINCT service FROM slo_django_slo) services"
            return sorted(name_in(service) for (service,) in self._tables.select(transaction, "service", source, ()))

    def prune(self, *, seconds: float = PRUNING_SECONDS) -> int:
        """
        Delete buckets that no window reads again, of every service, and notes older than a day; how many rows went.

        In many small transactions: what was not reached is left for the next time.

        Args:
            seconds: When to stop, after one portion or one SLO at least; infinity goes on to the end.
        """
        return self._pruning.run(seconds) + self._marks.prune() + self._episodes.prune() + self._failures.prune()

    def delete_slo(self, slo: str, *, not_seen_since: float) -> bool:
        """Delete everything of an SLO, in one transaction, unless a process was heard of since."""
        is_gone = self._database.repeated(lambda: self._delete_slo(slo, not_seen_since))
        self._marks.forget()
        self._episodes.prune()
        if is_gone:
            self._failures.forget(slo)
        return is_gone

    def _delete_slo(self, slo: str, not_seen_since: float) -> bool:
        for_update = self._database.dialect.for_update
        with self._database.writing() as transaction:
            which = f"slo_django_slo WHERE digest = %s{for_update}"
            rows = self._tables.select(transaction, "id, seen_at", which, [self._batch_writer.key(slo)])
            for key, seen_at in rows:
                if seen_at > not_seen_since:
                    return False
                for width in WIDTHS:  # one at a time: a statement may only take so long
                    transaction.execute("DELETE FROM slo_django_bucket WHERE slo_id = %s AND width = %s", [key, width])
                transaction.execute("DELETE FROM slo_django_note WHERE slo_id = %s", [key])
                tables = (PERIOD_TABLE, CAUSE_TABLE) if self._causes.is_there(transaction) else (PERIOD_TABLE,)
                for table in tables:
                    transaction.execute(f"DELETE FROM {table} WHERE slo_id = %s", [key])  # noqa: S608
                transaction.execute("DELETE FROM slo_django_slo WHERE id = %s", [key])
        return True

    def close(self) -> None:
        """Close the connection, where one is kept."""
        self._database.close()

    def forget(self) -> None:
        """Nothing to do: a parent's connection is known as such, and left alone."""

    def has_tables(self, *names: str) -> bool:
        """
        Whether the database has tables.

        Args:
            names: Which; the app's own by default.

        Raises:
            StoreError: The database is out of reach.
        """
        with self._database.connected() as connection, connection.cursor() as cursor:
            return has_tables(cursor, names) if names else has_tables(cursor, TABLES) and has_version(cursor)

    def __repr__(self) -> str:
        return f"DjangoBucketStore({self.alias!r})"


def _is_light(query: Query) -> bool:
    """Whether one statement answers it that costs less than a transaction."""
    return query.is_once and not query.cause_totals and len(query.ranges) <= _FEW_RANGES
