"""The episodes of alert rules in the tables of the store."""

from __future__ import annotations

from collections.abc import Sequence

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.episodes import Episode, with_episodes
from slo_core.errors import StoreError
from slo_core.stores.episodes import episode_key, episode_text, kept_episodes
from slo_django.store.batch_writer import BatchWriter
from slo_django.store.database import Database
from slo_django.store.rows import placeholders
from slo_django.store.schema import has_tables
from slo_django.store.tables import Tables

__all__ = ["EPISODE_TABLE", "Episodes"]

EPISODE_TABLE = "slo_django_episode"

_COLUMNS = ("slo_id", "start", "rule", "content")
_READ = f"SELECT start, content FROM {EPISODE_TABLE} WHERE slo_id = %s AND start >= %s"  # noqa: S608  # our names


class Episodes:
    """
    The episodes of the SLOs of one service. The table is new: while its migration has not run there are none.

    Args:
        database: Where it is.
        tables: The other tables there.
        batch_writer: Knows the key of an SLO.
    """

    def __init__(self, database: Database, tables: Tables, batch_writer: BatchWriter) -> None:
        self._database = database
        self._tables = tables
        self._key = batch_writer.key

    def keep(self, slo: str, episodes: Sequence[Episode]) -> None:
        """Add episodes of one SLO, in one transaction; none where the migration has not run."""
        try:
            self._database.repeated(lambda: self._keep(slo, episodes))
        except StoreError:
            if self._has_table():
                raise

    def _keep(self, slo: str, episodes: Sequence[Episode]) -> None:
        with self._database.writing() as transaction:
            # Other processes that add to this SLO wait: which are kept depends on those that are there.
            which = f"SELECT id FROM slo_django_slo WHERE digest = %s{self._database.dialect.for_update}"  # noqa: S608
            for (key,) in transaction.fetch(which, [self._key(slo)]):
                kept = kept_episodes(slo, transaction.fetch(_READ, [key, 0]))
                before, after = set(kept), set(with_episodes(kept, episodes))
                # Also a damaged row with the key of one that is written.
                gone = {(key, *episode_key(each)) for each in before ^ after}
                transaction.execute_each(
                    f"DELETE FROM {EPISODE_TABLE} WHERE slo_id = %s AND start = %s AND rule = %s",  # noqa: S608
                    sorted(gone),
                )
                transaction.execute_each(
                    f"INSERT INTO {EPISODE_TABLE} ({', '.join(_COLUMNS)}) VALUES (%s, %s, %s, %s)",  # noqa: S608
                    sorted((key, *episode_key(each), episode_text(each)) for each in after - before),
                )

    def read(self, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
        """Those of several SLOs that began at or after an instant, in order of time; all of one moment."""
        if not slos:
            return []
        try:
            with self._database.reading() as transaction:
                keys = {self._key(slo): slo for slo in slos}
                which = f"digest IN ({placeholders(len(keys))})"
                rows = self._tables.select(transaction, "digest, id", f"slo_django_slo WHERE {which}", list(keys))
                known = [(keys[digest], key) for digest, key in rows]
                answers = transaction.fetch_all([(_READ, [key, since]) for _, key in known]) if known else []
                episodes = {
                    slo: kept_episodes(slo, answer, since) for (slo, _), answer in zip(known, answers, strict=True)
                }
        except StoreError:
            if self._has_table():
                raise
            episodes = {}
        return [episodes.get(slo, ()) for slo in slos]

    def prune(self) -> int:
        """Delete those that began more than 25 months ago, and those of SLOs that are gone; how many rows went."""
        old = f"{EPISODE_TABLE} WHERE start < %s OR slo_id NOT IN (SELECT id FROM slo_django_slo)"  # noqa: S608
        try:
            with self._database.reading() as transaction:
                before = self._tables.now(transaction) - KEPT_SECONDS
                if not transaction.fetch(f"SELECT 1 FROM {old} LIMIT 1", [before]):  # noqa: S608
                    return 0
            with self._database.writing() as transaction:
                return transaction.change(f"DELETE FROM {old}", [before])  # noqa: S608
        except StoreError:
            if self._has_table():
                raise
            return 0

    def _has_table(self) -> bool:
        """Whether the migration has run."""
        with self._database.connected() as connection, connection.cursor() as cursor:
            return has_tables(cursor, (EPISODE_TABLE,))
