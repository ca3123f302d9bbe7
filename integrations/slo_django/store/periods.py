"""The closed periods in the tables of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_django.store.dialect import Dialect
from slo_django.store.rows import placeholders
from slo_django.store.transaction import Transaction

__all__ = ["PERIOD_TABLE", "keep_alone", "keep_periods", "read_periods"]

PERIOD_TABLE = "slo_django_closedperiod"

_KEY = ("slo_id", "start", "kind", "fingerprint")
_COLUMNS = (*_KEY, "ends", "good", "bad", "target", "measured_since", "is_final")
_SLOS = "SELECT digest, id FROM slo_django_slo WHERE digest IN "

_FROM_SLO = (
    f"INSERT INTO {PERIOD_TABLE} ({', '.join(_COLUMNS)}) SELECT id{', %s' * 9} FROM slo_django_slo WHERE digest = %s"  # noqa: S608
)

# As one message with all of its transaction.
_KEEP = (
    f"{_FROM_SLO} ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET good = excluded.good, bad = excluded.bad, "
    "measured_since = excluded.measured_since, is_final = excluded.is_final "
    f"WHERE {PERIOD_TABLE}.is_final = 0 AND {PERIOD_TABLE}.good + {PERIOD_TABLE}.bad <= excluded.good + excluded.bad"
)

# Not one statement: in MySQL's an assignment changes the conditions of those after it.
_UPDATE = (
    f"UPDATE {PERIOD_TABLE} SET good = %s, bad = %s, measured_since = %s, is_final = %s WHERE slo_id = %s AND start = %s "  # noqa: S608
    "AND kind = %s AND fingerprint = %s AND is_final = 0 AND good + bad <= %s"
)


# So many are written by one statement.
_FEW_ROWS = 8

# MariaDB alone can be asked for it, and for this statement alone: all assignments see the row as it was.
_AT_ONCE = "sql_mode = 'SIMULTANEOUS_ASSIGNMENT,STRICT_ALL_TABLES'"

_IS_TAKEN = f"{PERIOD_TABLE}.is_final = 0 AND {PERIOD_TABLE}.good + {PERIOD_TABLE}.bad <= VALUES(good) + VALUES(bad)"
_TAKEN = ", ".join(
    [
        f"{PERIOD_TABLE}.{name} = IF({_IS_TAKEN}, VALUES({name}), {PERIOD_TABLE}.{name})"
        for name in ("good", "bad", "measured_since", "is_final")
    ]
)


def keep_alone(run: Callable[[str, Sequence[object], str], bool], periods: Sequence[ClosedPeriod], *, key: str) -> bool:
    """
    Write closed periods of one SLO by one statement.

    Args:
        run: Runs a statement of MariaDB's alone, with settings of its own; whether it was run.
        periods: As for `PeriodStore.keep_periods`.
        key: The digest by which the row of the SLO is looked up.

    Returns:
        Whether they are written: not where they are many, or the database is another.
    """
    if len(periods) > _FEW_ROWS:
        return False
    source = " UNION ALL ".join([f"SELECT id{', %s' * 9} FROM slo_django_slo WHERE digest = %s"] * len(periods))  # noqa: S608
    return run(
        f"INSERT INTO {PERIOD_TABLE} ({', '.join(_COLUMNS)}) {source} ON DUPLICATE KEY UPDATE {_TAKEN}",
        [value for each in periods for value in _row(each, key)],
        _AT_ONCE,
    )


def _row(each: ClosedPeriod, key: str) -> tuple[object, ...]:
    """The values of a row, after the SLO's."""
    return (
        each.start, each.kind, each.fingerprint, each.end, each.good, each.bad, each.target, each.measured_since,
        int(each.is_final), key,
    )  # fmt: skip


def keep_periods(
    transaction: Transaction, dialect: Dialect, periods: Sequence[ClosedPeriod], *, keys: Mapping[str, str]
) -> None:
    """
    Write closed periods.

    Args:
        transaction: One that writes.
        dialect: Of its database.
        periods: As for `PeriodStore.keep_periods`.
        keys: By SLO, the digest by which its row is looked up.
    """
    # In the order of their keys, so that two processes do not wait for each other crosswise.
    if dialect.vendor != "mysql":
        ordered = sorted(periods, key=lambda each: (keys[each.slo], each.start, each.kind, each.fingerprint))
        transaction.execute_each(
            _KEEP,
            [_row(each, keys[each.slo]) for each in ordered],
        )
        return
    ids = dict(transaction.fetch(f"{_SLOS}({placeholders(len(keys))})", list(keys.values())))
    rows = sorted(
        ((ids[keys[each.slo]], each.start, each.kind, each.fingerprint), each)
        for each in periods
        if keys[each.slo] in ids
    )
    transaction.execute_each(
        dialect.insert_missing(PERIOD_TABLE, _COLUMNS, _KEY),
        [
            (*key, each.end, each.good, each.bad, each.target, each.measured_since, int(each.is_final))
            for key, each in rows
        ],
    )
    transaction.execute_each(
        _UPDATE,
        [
            (each.good, each.bad, each.measured_since, int(each.is_final), *key, each.good + each.bad)
            for key, each in rows
        ],
    )


def read_periods(
    transaction: Transaction, queries: Sequence[PeriodQuery], *, keys: Mapping[str, str]
) -> list[StoredPeriods]:
    """
    The closed periods of several SLOs.

    Args:
        transaction: All its statements see the same moment.
        queries: For each SLO those that start between the first and the last that is asked for.
        keys: By SLO, the digest by which its row is looked up.
    """
    ids = dict(transaction.fetch(f"{_SLOS}({placeholders(len(keys))})", list(keys.values())))
    known = [query for query in queries if keys[query.slo] in ids]
    reading = f"SELECT {', '.join(_COLUMNS)} FROM {PERIOD_TABLE} WHERE slo_id = %s AND start BETWEEN %s AND %s"  # noqa: S608
    answers = (
        transaction.fetch_all([(reading, (ids[keys[query.slo]], *_starts(query))) for query in known]) if known else []
    )
    rows_of = {id(query): rows for query, rows in zip(known, answers, strict=True)}
    return [_stored(query, rows_of.get(id(query), [])) for query in queries]


def _starts(query: PeriodQuery) -> tuple[int, int]:
    if query.periods is None:
        return -(2**62), 2**62
    starts = [period.start for period in query.periods]
    return min(starts, default=1), max(starts, default=0)


def _stored(query: PeriodQuery, rows: Sequence[tuple[Any, ...]]) -> StoredPeriods:
    periods = [
        ClosedPeriod(query.slo, kind, start, end, good, bad, target, fingerprint, since, bool(final))
        for _, start, kind, fingerprint, end, good, bad, target, since, final in rows
    ]
    return StoredPeriods(tuple(periods))
