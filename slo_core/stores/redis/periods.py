"""The closed periods of SLOs in Redis: a hash of each SLO, which lives for 26 months after its last period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from slo_core.budgets.closed_period import KEPT_SECONDS, ClosedPeriod
from slo_core.objectives.period import Period
from slo_core.objectives.window import DAY
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_core.stores.redis.blocks import Keys, text_of
from slo_core.stores.redis.cluster import Command
from slo_core.stores.redis.script import Script

__all__ = ["PeriodScripts", "keep_commands", "read_commands", "stored_periods"]

# Days and weeks of 25 months are 886: where there are more fields, some are older.
_CONSTANTS = {"KEPT_SECONDS": KEPT_SECONDS, "LIVES_SECONDS": KEPT_SECONDS + 31 * DAY, "MOST_FIELDS": 890}


class PeriodScripts(NamedTuple):
    """
    The scripts for closed periods.

    Attributes:
        keep: Writes rows of one SLO.
        read: Reads all rows of one SLO.
    """

    keep: Script
    read: Script

    @classmethod
    def load(cls) -> PeriodScripts:
        """From the files of this package."""
        return cls(Script.load("keep_periods.lua", _CONSTANTS), Script.load("read_periods.lua"))


def keep_commands(keys: Keys, scripts: PeriodScripts, periods: Sequence[ClosedPeriod]) -> list[Command]:
    """
    The commands that write closed periods: one for each SLO.

    Args:
        keys: Of the service.
        scripts: For closed periods.
        periods: As for `PeriodStore.keep_periods`.
    """
    arguments: dict[str, list[object]] = {}
    for each in periods:
        arguments.setdefault(each.slo, []).extend(
            (
                _field(each.kind, each.start), each.fingerprint, f"{each.end} {each.target!r}", each.measured_since, each.good,
                each.bad, int(each.is_final),
            )
        )  # fmt: skip
    return [_calling(scripts.keep, keys.periods(slo), values) for slo, values in arguments.items()]


def read_commands(keys: Keys, scripts: PeriodScripts, queries: Sequence[PeriodQuery]) -> list[Command]:
    """The command that answers each query."""
    return [
        _calling(scripts.read, keys.periods(query.slo), ())
        if query.periods is None
        else _reading(keys.periods(query.slo), query.periods)
        for query in queries
    ]


def _calling(script: Script, key: str, arguments: Sequence[object]) -> Command:
    return Command(key, ("EVALSHA", script.sha, 1, key, *arguments), script)


def _reading(key: str, periods: Sequence[Period]) -> Command:
    fields = [_field(period.kind, period.start) for period in periods]
    return Command(key, ("HMGET", key, *(fields or [""])))


def _field(kind: str, start: int) -> str:
    return f"{kind}:{start}"


def stored_periods(query: PeriodQuery, answer: Any) -> StoredPeriods:
    """The rows in the answer to the command of a query; or the trouble with them."""
    try:
        if isinstance(answer, Exception):
            raise answer
        return StoredPeriods(tuple(_rows(query, answer)))
    except Exception as exc:  # from any bytes in a store
        return StoredPeriods((), f"{type(exc).__name__}: {exc}")


def _rows(query: PeriodQuery, answer: list[bytes | str | None]) -> list[ClosedPeriod]:
    if query.periods is None:
        fields = [(text_of(field or ""), value) for field, value in zip(answer[::2], answer[1::2], strict=True)]
    else:
        # One value and no period where none was asked for.
        fields = [(_field(*each[:2]), value) for each, value in zip(query.periods, answer, strict=False)]
    return [
        _row(query.slo, field, line) for field, value in fields for line in text_of(value or "").split("\n") if line
    ]


def _row(slo: str, field: str, line: str) -> ClosedPeriod:
    kind, _, start = field.rpartition(":")
    fingerprint, end, target, since, good, bad, final = line.split(" ")
    return ClosedPeriod(
        slo=slo,
        kind=kind,
        start=int(start),
        end=int(end),
        good=int(good),
        bad=int(bad),
        target=float(target),
        fingerprint=fingerprint,
        measured_since=int(since),
        is_final=final == "1",
    )
