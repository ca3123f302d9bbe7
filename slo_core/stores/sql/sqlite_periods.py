"""The closed periods in the tables of an SQLite store."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence

from slo_core.budgets.closed_period import KEPT_SECONDS, ClosedPeriod
from slo_core.stores.closed_periods import PeriodQuery

__all__ = ["keep_periods", "prune_periods", "read_periods"]

_COLUMNS = "slo, kind, start, ends, good, bad, target, fingerprint, measured_since, is_final"
_KEEP = f"""
    INSERT INTO closed_period (service, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (service, slo, start, kind, fingerprint) DO UPDATE SET good = excluded.good, bad = excluded.bad,
    measured_since = excluded.measured_since, is_final = excluded.is_final
    WHERE closed_period.is_final = 0 AND closed_period.good + closed_period.bad <= excluded.good + excluded.bad"""  # noqa: S608
_READ = f"SELECT {_COLUMNS} FROM closed_period WHERE service = ? AND slo = ? AND start BETWEEN ? AND ?"  # noqa: S608
_ALL = (-(2**62), 2**62)


def keep_periods(connection: sqlite3.Connection, periods: Sequence[ClosedPeriod], *, service: str) -> None:
    """
    Write closed periods.

    Args:
        connection: In a transaction that writes.
        periods: As for `PeriodStore.keep_periods`.
        service: The namespace.
    """
    connection.executemany(
        _KEEP,
        [
            (
                service, each.slo, each.kind, each.start, each.end, each.good, each.bad, each.target, each.fingerprint,
                each.measured_since, int(each.is_final),
            )
            for each in periods
        ],
    )  # fmt: skip


def read_periods(connection: sqlite3.Connection, query: PeriodQuery, *, service: str) -> tuple[ClosedPeriod, ...]:
    """The closed periods of an SLO that start between the first and the last of those that are asked for."""
    first, last = _ALL
    if query.periods is not None:
        starts = [period.start for period in query.periods]
        first, last = min(starts, default=1), max(starts, default=0)
    rows = connection.execute(_READ, (service, query.slo, first, last))
    return tuple(dataclasses.replace(ClosedPeriod(*row), is_final=bool(row[-1])) for row in rows)


def prune_periods(connection: sqlite3.Connection, *, now: float) -> None:
    """Delete the rows of every service that are older than 25 months, as seen from `now`."""
    slos = connection.execute("SELECT DISTINCT service, slo FROM closed_period").fetchall()
    connection.executemany(
        "DELETE FROM closed_period WHERE service = ? AND slo = ? AND start < ?",
        [(*slo, now - KEPT_SECONDS) for slo in slos],
    )
