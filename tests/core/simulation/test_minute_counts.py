"""Counts of minutes, read from a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core.budgets.events import EventCounts
from slo_core.errors import ConfigError
from slo_core.simulation.minute_counts import read_minute_counts


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "counts.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "minute,total,bad\n7,100,3\n9,50,0\n",
        "minute,good,bad\n7,97,3\n9,50,0\n",
        "minute,good,total\n7,97,100\n9,50,50\n",
        "\ufeffMinute , Bad,note,TOTAL,good\r\n7,3,x,100,97\r\n\r\n9,0,,50,50\r\n",
        "time,total,bad\n2026-03-01T12:07Z,100,3\n2026-03-01T14:09:59+02:00,50,0\n",
        "time,total,bad\n2026-03-01 12:07,100,3\n2026-03-01 12:09,50,0\n",
        "time,total,bad\n1772366820,100,3\n1772366940.5,50,0\n",
    ],
)
def test_minutes_of_a_file(tmp_path: Path, text: str) -> None:
    """By number or time, with two of the three counts, in any order; lines without values are left out."""
    first, second = read_minute_counts(written(tmp_path, text))

    assert second.minute - first.minute == 2
    assert first.is_dated == second.is_dated == text.startswith("time")
    assert (first.counts, second.counts) == (EventCounts(97, 3), EventCounts(50, 0))


def test_a_quarter_in_which_clocks_go_back_fits(tmp_path: Path) -> None:
    """October to December at Antarctica/Troll: 92 days and two hours, in minutes."""
    first, last = read_minute_counts(written(tmp_path, f"minute,total,bad\n1,5,0\n{92 * 1440 + 120},5,0\n"))

    assert last.minute - first.minute + 1 == 92 * 1440 + 120


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", ":1", "the file is empty"),
        ("total,bad\n1,0\n", ":1", 'expected a header with "minute" or "time"'),
        ("minute,time,total,bad\n", ":1", "expected a header"),
        ("minute,total\n1,1\n", ":1", 'two of "total", "good" and "bad"'),
        ("minute,total,bad,bad\n1,1,1,1\n", ":1: bad", "stands twice"),
        ("minute,total,bad\n", ":2", "got none"),
        ("minute,total,bad\n1,5,x\n", ":2: bad", "got 'x'"),
        ("minute,total,bad\n1,5\n", ":2: bad", "the line has 2 values"),
        ("minute,total,bad\n1,5,0\n2,-5,0\n", ":3: total", "got '-5'"),
        ("minute,total,bad\n1,5,6\n", ":2: bad", "expected at most the total (5), got 6"),
        ("minute,total,good\n1,5,6\n", ":2: good", "expected at most the total (5), got 6"),
        ("minute,total,good,bad\n1,5,3,1\n", ":2: total", "good and bad together (4), got 5"),
        ("minute,total,bad\n1,5,0\n1,5,0\n", ":3: minute", "later minute"),
        ("time,total,bad\n2026-03-01T12:01Z,5,0\n2026-03-01T12:00Z,5,0\n", ":3: time", "later minute"),
        ("time,total,bad\n1772366820000,5,0\n", ":2: time", "got '1772366820000'"),
        ("minute,total,bad\n0,5,0\n133920,5,0\n", ":3: minute", "at most 93 days"),
        ("minute,total,bad\n1.5,5,0\n", ":2: minute", "the number of a minute"),
        ("time,total,bad\nyesterday,5,0\n", ":2: time", "got 'yesterday'"),
        ("time,total,bad\nnan,5,0\n", ":2: time", "got 'nan'"),
        ('minute,total,bad\n1,"5,0\n', ":2", "comma-separated values"),
        ("minute,total,bad\n1," + "9" * 5000 + ",0\n", ":2: total", "a whole number"),
        (b"minute,total,bad\n\xff,1,0\n", "", "UTF-8"),
        (None, "", "No such file"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(tmp_path: Path, text: str | bytes | None, where: str, message: str) -> None:
    """With the file, the line and the column."""
    path = tmp_path / "counts.csv" if text is None else written(tmp_path, text)

    with pytest.raises(ConfigError) as raised:
        read_minute_counts(path)

    (problem,) = raised.value.problems
    assert problem.path == f"{path}{where}"
    assert message in problem.message + problem.hint


def test_twenty_problems_are_enough(tmp_path: Path) -> None:
    """A file of something else does not fill the screen."""
    with pytest.raises(ConfigError) as raised:
        read_minute_counts(written(tmp_path, "minute,total,bad\n" + "a,b,c\n" * 500))

    assert len(raised.value.problems) == 20
