"""Buckets and their sums, of as many SLOs as a page lists, in one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from slo_core.budgets.events import EventCounts
from slo_core.stores.buckets import BucketRange, Increment
from slo_django.store.tables import Tables
from slo_django.store.transaction import Transaction

__all__ = ["read_series", "read_sums", "sums_of_row"]

# SQLite joins at most 500 SELECTs by UNION ALL.
_RANGES = 400


def read_sums(
    transaction: Transaction, vendor: str, wanted: Sequence[tuple[int, Sequence[BucketRange]]]
) -> list[tuple[EventCounts, ...]]:
    """
    Have the database add up buckets: the same statement for one SLO and for hundreds.

    Args:
        transaction: Of a transaction.
        vendor: Of the database, as Django calls it.
        wanted: SLOs, by their key in the tables, with their ranges; most of them share those.

    Returns:
        For each SLO the events of each of its ranges.
    """
    slos_of: dict[BucketRange, set[int]] = {}
    for slo, ranges in wanted:
        for each in ranges:
            slos_of.setdefault(each, set()).add(slo)
    statement = _lateral if vendor == "postgresql" else _union
    sums: dict[tuple[BucketRange, int], EventCounts] = {}
    everything = list(slos_of.items())
    for start in range(0, len(everything), _RANGES):
        part = everything[start : start + _RANGES]
        for place, slo, good, bad in transaction.fetch(statement(part)):
            if good is not None:
                sums[part[place][0], slo] = EventCounts(int(good), int(bad))  # some drivers make a Decimal of a sum
    none = EventCounts()
    return [tuple([sums.get((each, slo), none) for each in ranges]) for slo, ranges in wanted]


def sums_of_row(ranges: Sequence[BucketRange]) -> str:
    """
    The sums of an SLO's buckets as columns of its row: two for each range, NULL without events.

    Args:
        ranges: A few of them.
    """
    return "".join(
        f", (SELECT SUM({column}) FROM slo_django_bucket WHERE slo_id = slo_django_slo.id "  # noqa: S608
        f"AND width = {width:d} AND bucket BETWEEN {first:d} AND {last:d})"
        for width, first, last in ranges
        for column in ("good", "bad")
    )


def read_series(
    transaction: Transaction, tables: Tables, vendor: str, wanted: Sequence[tuple[str, BucketRange]]
) -> list[list[Increment]]:
    """
    The buckets that hold events, of many ranges in one statement.

    Args:
        transaction: Of a transaction.
        tables: The tables.
        vendor: Of the database, as Django calls it.
        wanted: Ranges, each with the digest of its SLO.

    Returns:
        For each range its buckets, oldest first.
    """
    series: list[list[Increment]] = [[] for _ in wanted]
    source_of = _lateral_series if vendor == "postgresql" else _union_series
    for start in range(0, len(wanted), _RANGES):
        part = wanted[start : start + _RANGES]
        rows = tables.select(
            transaction,
            "place, width, bucket, good, bad",
            f"({source_of([each for _, each in part], start)}) series ORDER BY place, bucket",
            [key for key, _ in part],
        )
        for place, *increment in rows:
            series[place].append(Increment(*increment))
    return series


# All that follows are integers, and they stand in the text: databases limit the number of parameters, and drivers take
# long to fill in thousands of them.


def _union(part: Sequence[tuple[BucketRange, Collection[int]]]) -> str:
    # Joined with a table of ranges instead, MariaDB reads every bucket of the SLOs.
    return " UNION ALL ".join(
        f"SELECT {place:d}, slo_id, SUM(good), SUM(bad) FROM slo_django_bucket WHERE slo_id IN ({_listed(slos)}) "  # noqa: S608
        f"AND width = {width:d} AND bucket BETWEEN {first:d} AND {last:d} GROUP BY slo_id"
        for place, ((width, first, last), slos) in enumerate(part)
    )


def _lateral(part: Sequence[tuple[BucketRange, Collection[int]]]) -> str:
    # PostgreSQL takes longer to plan many SELECTs than to run them for one SLO, and reads the whole table for a plain
    # join. Here it cannot but look up each sum by the index; and as it does not know how long the arrays are, it neither
    # starts workers nor compiles (`jit_above_cost`) what is done before that would be.
    ranges = ", ".join(
        f"({place:d}, {width:d}, {first:d}::bigint, {last:d}::bigint, '{{{_listed(slos)}}}'::bigint[])"
        for place, ((width, first, last), slos) in enumerate(part)
    )
    return (
        "SELECT r.place, s.id, sums.good, sums.bad "  # noqa: S608
        f"FROM (VALUES {ranges}) r (place, width, first, last, slos) CROSS JOIN LATERAL unnest(r.slos) s (id) "
        "CROSS JOIN LATERAL (SELECT SUM(b.good)::bigint good, SUM(b.bad)::bigint bad FROM slo_django_bucket b "
        "WHERE b.slo_id = s.id AND b.width = r.width AND b.bucket BETWEEN r.first AND r.last) sums"
    )


def _union_series(part: Sequence[BucketRange], start: int) -> str:
    return " UNION ALL ".join(
        f"SELECT {place:d} AS place, width, bucket, good, bad FROM slo_django_bucket "  # noqa: S608
        f"WHERE slo_id = (SELECT id FROM slo_django_slo WHERE digest = %s) "
        f"AND width = {width:d} AND bucket BETWEEN {first:d} AND {last:d}"
        for place, (width, first, last) in enumerate(part, start)
    )


def _lateral_series(part: Sequence[BucketRange], start: int) -> str:
    # As `_lateral`: OFFSET keeps it from becoming a plain join.
    ranges = ", ".join(
        f"({place:d}, %s, {width:d}, {first:d}::bigint, {last:d}::bigint)"
        for place, (width, first, last) in enumerate(part, start)
    )
    return (
        "SELECT r.place, b.width, b.bucket, b.good, b.bad "  # noqa: S608
        f"FROM (VALUES {ranges}) r (place, digest, width, first, last) JOIN slo_django_slo s ON s.digest = r.digest "
        "CROSS JOIN LATERAL (SELECT width, bucket, good, bad FROM slo_django_bucket "
        "WHERE slo_id = s.id AND width = r.width AND bucket BETWEEN r.first AND r.last OFFSET 0) b"
    )


def _listed(slos: Collection[int]) -> str:
    return ",".join([f"{slo:d}" for slo in slos])
