"""Event counts minute by minute, read from a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from slo_core.budgets.events import EventCounts
from slo_core.errors import ConfigError, Problem
from slo_core.objectives.window import LONGEST_PERIOD_SECONDS
from slo_core.simulation.instant import parse_instant
from slo_core.simulation.traffic import HIGHEST_RATE

__all__ = ["MinuteCounts", "read_minute_counts"]

MINUTE = 60
MOST_EVENTS = HIGHEST_RATE * MINUTE

_HEADERS = '"minute" or "time", and two of "total", "good" and "bad"'
# Enough to see the mistake in a file; a wrong column would be a problem in each of its lines.
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class MinuteCounts:
    """
    Events of one minute.

    Attributes:
        minute: Its number; where it is not dated, only the difference to the other minutes matters.
        counts: Its events.
        is_dated: Whether its number counts the minutes since the epoch.
    """

    minute: int
    counts: EventCounts
    is_dated: bool = False


def read_minute_counts(path: Path | str) -> tuple[MinuteCounts, ...]:
    """
    The minutes of a CSV file.

    Args:
        path: A file whose header names `minute` (a whole number) or `time` (ISO 8601, or seconds since the epoch), and
            two of `total`, `good` and `bad`. Other columns are ignored; missing minutes have no events.

    Returns:
        At least one minute, in order of time.

    Raises:
        ConfigError: Every problem with file, line and column; twenty at most.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except OSError as exc:
        raise ConfigError([Problem(str(path), f"cannot be read: {exc.strerror or exc}")]) from exc
    except UnicodeDecodeError as exc:
        raise ConfigError([Problem(str(path), "expected UTF-8 text", "save it as UTF-8")]) from exc
    return _Reader(str(path)).read(text)


class _Reader:
    """Reads the rows, and goes on after a mistake to report several."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.problems: list[Problem] = []

    def read(self, text: str) -> tuple[MinuteCounts, ...]:
        rows = csv.reader(text.splitlines(keepends=True), strict=True)
        minutes: list[MinuteCounts] = []
        try:
            columns = self._columns(next(rows, []))
            if columns is not None:
                minutes = list(self._minutes(rows, columns))
                if not minutes and not self.problems:
                    self._report(2, None, "expected a line for each minute, got none")
        except csv.Error as exc:
            self._report(max(1, rows.line_num), None, f"expected comma-separated values: {exc}")
        if self.problems:
            raise ConfigError(self.problems[:_MOST_PROBLEMS])
        return tuple(minutes)

    def _columns(self, header: Sequence[str]) -> dict[str, int] | None:
        """The position of each known column."""
        if not any(cell.strip() for cell in header):
            self._report(1, None, f"expected a header with {_HEADERS}, the file is empty")
            return None
        names = [cell.strip().lower() for cell in header]
        for name in sorted(_KNOWN):
            if names.count(name) > 1:
                self._report(1, name, "stands twice in the header")
        columns = {name: names.index(name) for name in names if name in _KNOWN}
        if len({"minute", "time"} & columns.keys()) != 1 or len({"total", "good", "bad"} & columns.keys()) < 2:
            self._report(1, None, f"expected a header with {_HEADERS}, got {', '.join(map(repr, names))}")
        return None if self.problems else columns

    def _minutes(self, rows: Iterator[list[str]], columns: Mapping[str, int]) -> Iterator[MinuteCounts]:
        when = "minute" if "minute" in columns else "time"
        first = previous = None
        for number, row in self._numbered(rows):
            minute = self._cell(number, row, when, columns)
            counts = self._counts(number, row, columns)
            if minute is None or counts is None:
                continue
            if previous is not None and minute <= previous:
                self._report(
                    number, when, f"expected a later minute than in the line before, got {row[columns[when]]!r}"
                )
                continue
            first = minute if first is None else first
            if (minute - first + 1) * MINUTE > LONGEST_PERIOD_SECONDS:
                self._report(number, when, "expected at most 93 days from the first line to the last")
                return
            previous = minute
            yield MinuteCounts(minute, counts, is_dated=when == "time")

    def _numbered(self, rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
        for number, row in enumerate(rows, start=2):
            if len(self.problems) >= _MOST_PROBLEMS:
                return
            if any(cell.strip() for cell in row):
                yield number, row

    def _counts(self, number: int, row: Sequence[str], columns: Mapping[str, int]) -> EventCounts | None:
        given = {name: self._cell(number, row, name, columns) for name in ("total", "good", "bad") if name in columns}
        if None in given.values():
            return None
        numbers = {name: value for name, value in given.items() if value is not None}
        bad = numbers["bad"] if "bad" in numbers else numbers["total"] - numbers["good"]
        total = numbers["total"] if "total" in numbers else numbers["good"] + bad
        if bad > total or bad < 0:
            column = "bad" if "bad" in numbers else "good"
            self._report(number, column, f"expected at most the total ({total}), got {numbers[column]}")
            return None
        if numbers.get("good", total - bad) != total - bad:
            self._report(number, "total", f"expected good and bad together ({numbers['good'] + bad}), got {total}")
            return None
        return EventCounts(total - bad, bad)

    def _cell(self, number: int, row: Sequence[str], name: str, columns: Mapping[str, int]) -> int | None:
        index = columns[name]
        if index >= len(row):
            self._report(number, name, f"expected {_KNOWN[name]}, the line has {len(row)} values")
            return None
        text = row[index].strip()
        value = _minute_of(text) if name == "time" else _whole(text)
        is_count = name in ("total", "good", "bad")
        if value is None or (is_count and not 0 <= value <= MOST_EVENTS):
            self._report(number, name, f"expected {_KNOWN[name]}, got {text!r}")
            return None
        return value

    def _report(self, line: int, column: str | None, message: str) -> None:
        where = f"{self.path}:{line}" if column is None else f"{self.path}:{line}: {column}"
        self.problems.append(Problem(where, message))


_KNOWN = {
    "minute": "the number of a minute",
    "time": 'a time such as "2026-03-01T12:00Z" or seconds since the epoch',
    "total": f"a whole number from 0 to {MOST_EVENTS:,}",
    "good": f"a whole number from 0 to {MOST_EVENTS:,}",
    "bad": f"a whole number from 0 to {MOST_EVENTS:,}",
}


def _whole(text: str) -> int | None:
    digits = text.removeprefix("-")
    # Sixteen digits are more than any minute or count has; `int` takes time that grows with the square of the length.
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 16 else None


def _minute_of(text: str) -> int | None:
    try:
        return math.floor(parse_instant(text) / MINUTE)
    except ValueError:
        return None
