"""What a transaction sets for itself ends with it: behind a pooler the session goes on to others."""

from __future__ import annotations

import time

import pytest
from django.db import connections

from database_servers import MariaDB
from django_store import emptied
from slo_core import StoreError
from slo_django.store.bucket_store import open_django
from slo_django.store.database import Database

LIMITS = {
    "mariadb": "SELECT @@session.innodb_lock_wait_timeout, @@session.time_zone, @@session.tx_isolation",
    "postgres": "SELECT current_setting('lock_timeout'), current_setting('statement_timeout'), current_setting('timezone')",
}


@pytest.mark.parametrize("kind", ["mariadb", "postgres"])
@pytest.mark.parametrize("write", [True, False])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_a_transaction_leaves_the_session_as_it_was(
    kind: str, write: bool, ending: str, request: pytest.FixtureRequest
) -> None:
    """However it ends."""
    request.getfixturevalue(kind)
    database = Database(kind)
    with database.connected() as connection:

        def limits() -> tuple[object, ...]:
            with connection.cursor() as cursor:
                cursor.execute(LIMITS[kind])
                return cursor.fetchone()

        before = limits()
        try:
            with database.begun(connection, write=write) as transaction:
                ((lock_wait, *_),) = transaction.fetch(LIMITS[kind])
                if ending == "rollback":
                    raise StoreError("undo it")
        except StoreError:
            pass

        assert limits() == before
    if write:
        assert lock_wait in (1, "1s")


def test_a_locked_row_is_waited_for_a_second_only(mariadb: MariaDB) -> None:
    """The server's own time-out is fifty."""
    store = open_django(f"django://{emptied('mariadb')}", service="shop")
    store.apply([])
    with connections["mariadb"].cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("DELETE FROM slo_django_store")
        started = time.monotonic()
        with pytest.raises(StoreError, match="Lock wait timeout"):
            with store._database.writing() as transaction:
                transaction.execute("UPDATE slo_django_store SET created = created + 1")
        assert time.monotonic() - started < 30
        cursor.execute("ROLLBACK")
    connections["mariadb"].close()
