"""Stores that keep marks, and which marks are kept: the same rule in every store."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.marks import RELEASE, Mark

__all__ = [
    "GONE_AFTER_SECONDS",
    "MOST_MARKS",
    "SEEN_SECONDS",
    "KeptMark",
    "MarkStore",
    "MemoryMarks",
    "in_order",
    "kept_mark",
    "with_marks",
]

# Of each service the newest.
MOST_MARKS = 1000

# A release that no process has counted with for so long is gone: when it comes back, that is a change of its own. Processes
# of two releases that count side by side, as in a rolling deploy, are heard of more often.
GONE_AFTER_SECONDS = 300

# So often a release that counts is noted at most, by all processes together.
SEEN_SECONDS = 30


class KeptMark(NamedTuple):
    """
    A mark as a store keeps it.

    Attributes:
        at: Of the mark.
        kind: Of the mark.
        text: Of the mark.
        seen: When a process was last seen counting with this release; `at` for other kinds.
    """

    at: float
    kind: str
    text: str
    seen: float


@runtime_checkable
class MarkStore(Protocol):
    """
    The part of a `BucketStore` that keeps marks; a store of your own may be without it.

    Marks belong to the service, not to one of its SLOs. `with_marks` says which are kept.
    """

    def add_marks(self, marks: Sequence[Mark]) -> None:
        """
        Add marks, in one step; those that are there already stay as they are.

        A release that is in force stays the mark that it is, with the earliest `at`. It is a mark again when it comes
        back after another one, and five minutes after it was last added. At most 1,000 of a service are kept, the newest,
        for 25 months.
        """

    def marks(self, since: float) -> tuple[Mark, ...]:
        """Those of the service at or after an instant, in order of time; damaged ones are left out."""


def with_marks(kept: Iterable[KeptMark], marks: Iterable[Mark]) -> list[KeptMark]:
    """
    The marks of a service with some more, in order of time: what a store holds after `MarkStore.add_marks`.

    Args:
        kept: What it held before.
        marks: Those that are added.
    """
    rows = set(kept)
    for mark in marks:
        # Equal times are equal numbers in every store.
        at = float(mark.at)
        if mark.kind != RELEASE:
            rows.add(KeptMark(at, mark.kind, mark.text, at))
            continue
        run = _run_of(sorted(row for row in rows if row.kind == RELEASE), at, mark.text)
        if run is None:
            rows.add(KeptMark(at, RELEASE, mark.text, at))
            continue
        # Not noted at each call: a fleet of hundreds adds its release once a minute.
        seen = at if at >= run.seen + SEEN_SECONDS else run.seen
        rows.discard(run)
        rows.add(KeptMark(min(at, run.at), RELEASE, run.text, seen))
    newest = max((row.seen for row in rows), default=0.0)
    lasting = sorted((row for row in rows if row.seen >= newest - KEPT_SECONDS), key=lambda row: (row.seen, *row))
    return sorted(lasting[-MOST_MARKS:])


def _run_of(releases: Sequence[KeptMark], at: float, text: str) -> KeptMark | None:
    """
    The mark of a release that a process counts with at an instant; None where that is a change.

    Args:
        releases: Every release that is kept, in order of time.
        at: The instant.
        text: The release.
    """
    own = [row for row in releases if row.text == text]
    for row in reversed(own):
        if row.at - GONE_AFTER_SECONDS <= at <= row.seen + GONE_AFTER_SECONDS:
            return row
    before = [row for row in releases if row.at <= at][-1:]
    after = [row for row in releases if row.at > at][:1]
    # The one in force, however long it was silent; or one that a process heard of late had begun before the others.
    return next((row for row in (*before, *after) if row.text == text), None)


def in_order(kept: Iterable[KeptMark], since: float) -> tuple[Mark, ...]:
    """The marks at or after an instant, in order of time; rows that no version of this package has written are left out."""
    marks = []
    for row in sorted(kept):
        if row.at >= since:
            try:
                marks.append(Mark(row.at, row.kind, row.text))  # type: ignore[arg-type]  # it looks at every value
            except ValueError:
                continue
    return tuple(marks)


def kept_mark(at: Any, kind: Any, text: Any, seen: Any) -> KeptMark | None:
    """A row of a store; None for one that no version of this package has written."""
    try:
        row = KeptMark(float(at), str(kind), str(text), float(seen))
    except (TypeError, ValueError):
        return None
    return row if row.at == row.at and row.seen == row.seen else None  # not NaN


class MemoryMarks:
    """The marks of one service in memory."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: list[KeptMark] = []

    def add(self, marks: Iterable[Mark]) -> None:
        """As `MarkStore.add_marks`."""
        self._kept = with_marks(self._kept, marks)

    def since(self, since: float) -> tuple[Mark, ...]:
        """As `MarkStore.marks`."""
        return in_order(self._kept, since)
