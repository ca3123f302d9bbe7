"""The episodes of alert rules in the tables of an SQLite store."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.episodes import Episode, with_episodes
from slo_core.stores.episodes import episode_key, episode_text, kept_episodes

__all__ = ["EPISODE_TABLE", "forget_episodes", "keep_episodes", "prune_episodes", "read_episodes"]

EPISODE_TABLE = """CREATE TABLE IF NOT EXISTS episode (
    service TEXT NOT NULL, slo TEXT NOT NULL, start INTEGER NOT NULL, rule TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (service, slo, start, rule))"""


def keep_episodes(connection: sqlite3.Connection, slo: str, episodes: Sequence[Episode], *, service: str) -> None:
    """
    Add episodes of one SLO.

    Args:
        connection: In a transaction that writes.
        slo: The SLO.
        episodes: As for `EpisodeStore.keep_episodes`.
        service: The namespace.
    """
    kept = read_episodes(connection, slo, 0.0, service=service)
    before, after = set(kept), set(with_episodes(kept, episodes))
    connection.executemany(
        "DELETE FROM episode WHERE service = ? AND slo = ? AND start = ? AND rule = ?",
        [(service, slo, *episode_key(each)) for each in before - after],
    )
    connection.executemany(
        "INSERT OR REPLACE INTO episode (service, slo, start, rule, content) VALUES (?, ?, ?, ?, ?)",
        [(service, slo, *episode_key(each), episode_text(each)) for each in after - before],
    )


def read_episodes(connection: sqlite3.Connection, slo: str, since: float, *, service: str) -> tuple[Episode, ...]:
    """The episodes of an SLO that began at or after an instant, in order of time."""
    rows = connection.execute(
        "SELECT start, content FROM episode WHERE service = ? AND slo = ? AND start >= ?", (service, slo, since)
    )
    return kept_episodes(slo, rows)


def prune_episodes(connection: sqlite3.Connection, *, now: float) -> None:
    """Delete episodes of every service that began more than 25 months ago, as seen from `now`."""
    slos = connection.execute("SELECT DISTINCT service, slo FROM episode").fetchall()
    connection.executemany(
        "DELETE FROM episode WHERE service = ? AND slo = ? AND start < ?",
        [(*slo, now - KEPT_SECONDS) for slo in slos],
    )


def forget_episodes(connection: sqlite3.Connection, slo: str, *, service: str) -> None:
    """Delete the episodes of one SLO."""
    connection.execute("DELETE FROM episode WHERE service = ? AND slo = ?", (service, slo))
