"""Answers of a store that no version of this package has written: another program's rows, or damaged ones."""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from reprlib import repr as shortened

from slo_core.errors import DamagedError
from slo_core.stores.buckets import Series, SLORecord, Stored

__all__ = ["damage_in_record", "damage_in_sums", "damaged", "whole_series"]

# Of 64 bits, as every store keeps them: a larger number fits in no metric either.
_TOO_LARGE = 2**63


def damaged(slo: str, trouble: str) -> DamagedError:
    """The error about an SLO that cannot be shown, for `trouble` as of `Stored`."""
    return DamagedError(f"SLO {slo!r}: what the store holds of it is damaged: {trouble}")


_COUNTS = ("good", "bad", "dropped", "errors", "keeps_seconds")
_INSTANTS = ("data_since", "last_event_at", "definition_changed_at", "idle_seconds", "seen_at", "kept_since")
_counts_of, _instants_of = attrgetter(*_COUNTS), attrgetter(*_INSTANTS)


def damage_in_record(record: SLORecord) -> str | None:
    """What in a record cannot be; None where all can. The definition is checked by those who read it."""
    # Every read of every SLO comes through here: names are looked up only for a message.
    for place, count in enumerate(_counts_of(record)):
        if type(count) is not int or not 0 <= count < _TOO_LARGE:
            return f"expected {_COUNTS[place]} to be a number of 0 or more, got {shortened(count)}"
    for place, instant in enumerate(_instants_of(record)):
        if instant is not None and not _is_instant(instant):
            return f"expected {_INSTANTS[place]} to be a number of seconds, got {shortened(instant)}"
    return "expected data_since to be a number of seconds, got None" if record.data_since is None else None


def damage_in_sums(stored: Stored, ranges: int) -> str | None:
    """What in the answer to a query of so many ranges cannot be; None where all can."""
    if len(stored.sums) != ranges:
        return f"expected the sums of {ranges} ranges, got {len(stored.sums)}"
    for good, bad in stored.sums:
        if type(good) is not int or type(bad) is not int or not (0 <= good < _TOO_LARGE and 0 <= bad < _TOO_LARGE):
            return f"expected numbers of events of 0 or more, got {shortened((good, bad))}"
    return None


def whole_series(slo: str, series: Series) -> Series:
    """
    A series of an SLO, unchanged.

    Raises:
        DamagedError: A number in it cannot be.
    """
    for width, bucket, good, bad in _each(series):
        if not (_is_count(good) and _is_count(bad) and type(bucket) is int):
            raise damaged(slo, f"expected numbers of events of 0 or more, got {shortened((width, bucket, good, bad))}")
    return series


def _each(series: Series) -> Iterable[tuple[int, int, int, int]]:
    return (increment for buckets in series for increment in buckets)


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < _TOO_LARGE


def _is_instant(value: object) -> bool:
    # A comparison with NaN is false.
    return type(value) in (int, float) and -_TOO_LARGE < value < _TOO_LARGE  # type: ignore[operator]
