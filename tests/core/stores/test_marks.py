"""Which marks a store keeps."""

from __future__ import annotations

import random

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import Mark
from slo_core.stores.marks import KeptMark, MemoryMarks, in_order, with_marks


def releases(*added: tuple[float, str]) -> list[tuple[float, str]]:
    """The releases that are kept, after some were added in this order."""
    kept: list[KeptMark] = []
    for at, text in added:
        kept = with_marks(kept, [Mark(at, "release", text)])
    return [(row.at, row.text) for row in kept]


def test_a_rolling_deploy_writes_each_release_once() -> None:
    """Workers of both are heard of once a minute for an hour, in any order, and new ones start of both."""
    heard = [(float(at), text) for at in range(0, 3600, 60) for text in ("1", "2") if text == "1" or at >= 1200]
    order = sorted(heard, key=lambda each: each[0] + random.Random(each[0]).uniform(0, 90))

    assert releases(*order) == [(0.0, "1"), (1200.0, "2")]


def test_a_release_that_comes_back_is_a_change() -> None:
    """Five minutes after its last worker; a quiet release in force is none."""
    assert releases((0, "1"), (1000, "2"), (1301, "1")) == [(0, "1"), (1000, "2"), (1301, "1")]
    assert releases((0, "1"), (90_000, "1")) == [(0, "1")]


def test_workers_that_could_not_reach_the_store_change_no_order() -> None:
    """Their release began earlier than the others saw; a release of before all others is added before them."""
    assert releases((0, "1"), (1000, "2"), (400, "2")) == [(0, "1"), (400, "2")]
    assert releases((1000, "2"), (0, "1")) == [(0, "1"), (1000, "2")]


def test_what_is_old_goes_unless_it_still_counts() -> None:
    """25 months after a mark; after the last worker of a release."""
    later = KEPT_SECONDS + 1.0
    kept = with_marks([], [Mark(0.0, "note", "a"), Mark(0.0, "release", "1"), Mark(later - 10, "release", "1")])

    assert [row.text for row in with_marks(kept, [Mark(later, "note", "b")])] == ["1", "b"]


def test_rows_of_other_programs_are_left_out() -> None:
    """A kind that no version knows, a text that breaks lines."""
    rows = [KeptMark(1.0, "incident", "x", 1.0), KeptMark(2.0, "note", "a\nb", 2.0), KeptMark(3.0, "note", "c", 3.0)]

    assert in_order(rows, 0.0) == (Mark(3.0, "note", "c"),)


def test_marks_in_memory_are_read_since_an_instant() -> None:
    """Whatever was added before it stays unread."""
    marks = MemoryMarks()
    marks.add([Mark(2.0, "note", "b"), Mark(1.0, "note", "a")])

    assert marks.since(2.0) == (Mark(2.0, "note", "b"),)
