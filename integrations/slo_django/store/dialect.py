"""The statements and settings of the store that differ between databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from slo_core.errors import StoreError
from slo_core.stores.base import StoreScope

__all__ = ["Dialect", "dialect_of", "is_in_memory"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """
    PostgreSQL, MySQL with MariaDB, or SQLite.

    Attributes:
        vendor: As Django calls it.
        scope: Whose events it can hold.
        flush_interval: Seconds between two writes.
        now: An expression for its clock, in seconds since the epoch; NULL where it has none of its own.
        lock_wait: The session's setting of how long a statement waits for a row, in seconds, where a transaction cannot have
            one of its own; None elsewhere.
        begin_write: Start a transaction that writes, and bound how long its statements may take.
        begin_read: The same for one whose statements all see the same moment.
        hard_timeout: Seconds after which the connection is cut from this side; None where the driver has time-outs.
        locked_timeout: Seconds to try again where a file is locked; None where the database itself waits for others.
        for_update: Locks what a query finds.
        repeatable: Codes of errors after which the same transaction may succeed.
        options: For the driver, unless the project sets them.
    """

    vendor: str
    scope: StoreScope
    flush_interval: float
    now: str
    lock_wait: str | None
    begin_write: tuple[str, ...]
    begin_read: tuple[str, ...]
    hard_timeout: float | None
    locked_timeout: float | None
    for_update: str
    repeatable: frozenset[str | int]
    options: tuple[tuple[str, object], ...]

    def insert_missing(self, table: str, columns: Sequence[str], key: Sequence[str]) -> str:
        """Insert a row unless there is one with that key."""
        names = ", ".join(columns)
        insert = f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(columns))})"  # noqa: S608  # our names
        if self.vendor == "mysql":
            return f"{insert} ON DUPLICATE KEY UPDATE {key[0]} = {key[0]}"
        return f"{insert} ON CONFLICT ({', '.join(key)}) DO NOTHING"

    def add_to_buckets(self, rows: int) -> str:
        """Add to buckets, making those that are missing."""
        values = ", ".join(["(%s, %s, %s, %s, %s)"] * rows)
        insert = f"INSERT INTO slo_django_bucket (slo_id, width, bucket, good, bad) VALUES {values}"  # noqa: S608
        if self.vendor == "mysql":
            return f"{insert} ON DUPLICATE KEY UPDATE good = good + VALUES(good), bad = bad + VALUES(bad)"
        return (
            f"{insert} ON CONFLICT (slo_id, width, bucket) DO UPDATE "
            "SET good = slo_django_bucket.good + excluded.good, bad = slo_django_bucket.bad + excluded.bad"
        )

    def write_notes(self, rows: int) -> str:
        """Note batches, over earlier ones."""
        columns = ("number", "noted_at", "nonce", "applied")
        values = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * rows)
        insert = f"INSERT INTO slo_django_note (writer, slo_id, {', '.join(columns)}) VALUES {values}"  # noqa: S608
        if self.vendor == "mysql":
            return f"{insert} ON DUPLICATE KEY UPDATE {', '.join(f'{name} = VALUES({name})' for name in columns)}"
        over = ", ".join(f"{name} = excluded.{name}" for name in columns)
        return f"{insert} ON CONFLICT (writer, slo_id) DO UPDATE SET {over}"

    def limit(self, connection: BaseDatabaseWrapper) -> None:
        """Give a connection time-outs, and take it out of the project's pool."""
        settings = connection.settings_dict
        options = {**dict(self.options), **settings.get("OPTIONS", {})}
        options.pop("pool", None)
        if self.vendor == "postgresql":
            options.pop("server_side_binding", None)  # takes one statement at a time
            # No local time is ever asked for: setting its zone would cost a statement.
            connection.timezone_name = ""
        elif self.vendor == "sqlite":
            options["timeout"] = 0.0  # see `locked_timeout`
        if self.vendor == "sqlite":
            settings = {**settings, "CONN_MAX_AGE": 0}  # a connection is made at once, and the file may be replaced
        # A look at the health of a connection is not bounded by `hard_timeout`.
        connection.settings_dict = {
            **settings,
            "OPTIONS": options,
            "CONN_HEALTH_CHECKS": False,
            "ATOMIC_REQUESTS": False,
        }

    def is_of_one_moment(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether a query without a transaction sees one moment, and is bounded in time by the driver: MySQL's, mostly."""
        if self.vendor != "mysql" or not connection.settings_dict["AUTOCOMMIT"]:
            return False
        return getattr(connection, "isolation_level", None) in ("read committed", "repeatable read")

    def has_settings_of_statements(self, connection: BaseDatabaseWrapper) -> bool:
        """Whether settings can hold for one statement that is a transaction of its own: MariaDB's."""
        is_alone = self.vendor == "mysql" and connection.settings_dict["AUTOCOMMIT"]
        return bool(is_alone and getattr(connection, "mysql_is_mariadb", False))

    @property
    def takes_several(self) -> bool:
        """Whether the driver takes several statements in one message, and gives the answer of each: psycopg, not psycopg2."""
        if self.vendor != "postgresql":
            return False
        from django.db.backends.postgresql.psycopg_any import is_psycopg3

        return bool(is_psycopg3)

    def may_repeat(self, exc: BaseException | None) -> bool:
        """Whether an error only says that two transactions were in each other's way."""
        cause = getattr(exc, "__cause__", None)  # the driver's own, below Django's
        codes = (getattr(cause, "sqlstate", None), *getattr(cause, "args", ())[:1])
        return any(code in self.repeatable for code in codes if isinstance(code, (str, int)))


# For this transaction only: behind a pooler such as PgBouncer the session belongs to others, too.
_POSTGRESQL_LIMITS = ("SET LOCAL statement_timeout = 2000", "SET LOCAL lock_timeout = 1000")

_POSTGRESQL = Dialect(
    vendor="postgresql",
    scope="fleet",
    flush_interval=5.0,
    now="EXTRACT(EPOCH FROM clock_timestamp())::float8",
    lock_wait=None,
    begin_write=("START TRANSACTION ISOLATION LEVEL READ COMMITTED", *_POSTGRESQL_LIMITS),
    begin_read=("START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", *_POSTGRESQL_LIMITS),
    hard_timeout=3.0,
    locked_timeout=None,
    for_update=" FOR UPDATE",
    repeatable=frozenset(("40001", "40P01", "55P03")),
    options=(("connect_timeout", 2),),
)
_MYSQL = Dialect(
    vendor="mysql",
    scope="fleet",
    flush_interval=5.0,
    # Not a local time, which is two moments when summer ends, and whose zone is the session's.
    now="TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6)) / 1e6",
    lock_wait="innodb_lock_wait_timeout",
    begin_write=("START TRANSACTION",),
    begin_read=(
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
    ),
    hard_timeout=None,
    locked_timeout=None,
    for_update=" FOR UPDATE",
    repeatable=frozenset((1205, 1213, 1020)),
    options=(("connect_timeout", 2), ("read_timeout", 2), ("write_timeout", 2)),
)
_SQLITE = Dialect(
    vendor="sqlite",
    scope="host",
    flush_interval=5.0,
    now="NULL",
    lock_wait=None,
    # Not IMMEDIATE, which begins beside a transaction of the project that has read, and makes it fail when it goes on to
    # write. In WAL mode there is no difference: then only to be seldom helps.
    begin_write=("BEGIN EXCLUSIVE",),
    begin_read=("BEGIN",),
    hard_timeout=None,
    locked_timeout=1.0,
    for_update="",
    repeatable=frozenset(),
    options=(),
)


def dialect_of(engine: str) -> Dialect:
    """
    How to talk to a database.

    Args:
        engine: As in `settings.DATABASES`; engines of other packages are known by the name of what they wrap.

    Raises:
        StoreError: It is none of those that can add and count in one statement.
    """
    name = engine.lower()
    for word, dialect in (("postg", _POSTGRESQL), ("mysql", _MYSQL), ("mariadb", _MYSQL), ("sqlite", _SQLITE),
                          ("spatialite", _SQLITE)):  # fmt: skip
        if word in name:
            return dialect
    raise StoreError(
        f"django:// needs PostgreSQL, MariaDB, MySQL or SQLite, got the engine {engine!r}; use redis:// or sqlite://"
    )


def is_in_memory(database: Mapping[str, Any]) -> bool:
    """
    Whether a database is one of SQLite's in memory: only connections of its own process see it, if more than one does.

    Args:
        database: As in `settings.DATABASES`.
    """
    name = str(database.get("NAME", ""))
    engine = str(database["ENGINE"])
    return ("sqlite" in engine or "spatialite" in engine) and (name in ("", ":memory:") or "mode=memory" in name)
