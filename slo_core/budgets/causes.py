"""What bad events were caused by: names, and a bounded table of counts for neighbouring buckets."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import repeat
from json.encoder import encode_basestring_ascii
from typing import NamedTuple

__all__ = [
    "MOST_CAUSES",
    "MOST_OUTCOMES",
    "OTHER",
    "BlockKey",
    "Cause",
    "CauseBlock",
    "CauseIncrement",
    "text_of_rows",
]

# So many causes are kept by name in a block; with one more the smallest becomes a part of the rest.
MOST_CAUSES = 32

# The rest is kept by outcome: so many, and one row for all others.
MOST_OUTCOMES = 16

# Longer names are cut.
_LONGEST_WHERE = 100
_LONGEST_OUTCOME = 64


class Cause(NamedTuple):
    """
    Where a bad event happened, and what its outcome was.

    Attributes:
        where: The method and route template (`POST /checkout/{id}`), a view, a task, or the name that `track` was given;
            empty in a row of the rest.
        outcome: A status (`503`), the name of an exception's class, `slow`, `disconnected`, or a reason that the
            application gave; empty in the last row of the rest.
    """

    where: str
    outcome: str

    def cut(self) -> Cause:
        """The same, no longer than is kept."""
        if len(self.where) <= _LONGEST_WHERE and len(self.outcome) <= _LONGEST_OUTCOME:
            return self
        return Cause(_cut(self.where, _LONGEST_WHERE), _cut(self.outcome, _LONGEST_OUTCOME))

    def rest(self) -> Cause:
        """The row of the rest that it is a part of."""
        return Cause("", self.outcome)


# The last row of the rest.
OTHER = Cause("", "")


class BlockKey(NamedTuple):
    """
    Which block of an SLO's causes it is; see `slo_core.stores.causes`.

    Attributes:
        width_seconds: Width of its buckets.
        block: Its number; it begins with the bucket `block * slo_core.stores.causes.BLOCK_BUCKETS[width_seconds]`.
    """

    width_seconds: int
    block: int


class CauseIncrement(NamedTuple):
    """
    Bad events of one cause to be added to one bucket.

    Attributes:
        bucket: Its number; it begins at the second `bucket * slo_core.stores.causes.FINEST_SECONDS`.
        cause: What they were caused by.
        bad: How many, at least 1.
    """

    bucket: int
    cause: Cause
    bad: int


class CauseBlock:
    """
    The causes of a few neighbouring buckets.

    At most `most` have a row of their own. When one more comes with more events than the smallest has in all these
    buckets together, the smallest (of equal ones the first by name) becomes a part of the rest and gives way; otherwise the
    newcomer becomes a part of it. The rest has a row for each outcome, `MOST_OUTCOMES` at most, and `OTHER`. So the sum over
    all rows is the number of all events that were added, in each bucket; and the count of a cause with a row of its own is
    exact while there is no rest, and a lower bound otherwise.
    """

    __slots__ = ("_most", "_rows")

    def __init__(self, most: int = MOST_CAUSES) -> None:
        self._most = most
        # By cause, the bad events by the place of their bucket in the block.
        self._rows: dict[Cause, dict[int, int]] = {}

    @classmethod
    def parse(cls, text: str, most: int = MOST_CAUSES) -> CauseBlock:
        """
        A block from its text.

        Raises:
            ValueError: It is none.
        """
        block = cls(most)
        try:
            for where, outcome, first, *counts in json.loads(text):
                # One negative number, or one of another kind, would make all that are added to it wrong.
                if (
                    type(where) is not str
                    or type(outcome) is not str
                    or {type(first), *map(type, counts)} != {int}
                    or min(first, *counts) < 0
                ):
                    raise ValueError("no row of a block")
                block._rows[Cause(where, outcome)] = {place: bad for place, bad in enumerate(counts, first) if bad}
        except (TypeError, ValueError, RecursionError) as exc:
            raise ValueError(f"expected the text of a block of causes, got {str(text)[:80]!r}") from exc
        return block

    def copy(self) -> CauseBlock:
        """The same, to be read while this one goes on."""
        block = CauseBlock()
        block._rows = {cause: row.copy() for cause, row in self._rows.items()}
        return block

    def text(self) -> str:
        """The block as JSON, in ASCII: `[[where, outcome, first place, bad, bad, ...], ...]`, up to the last place in use."""
        rows = []
        for (where, outcome), row in self._rows.items():
            if row:
                first = min(row)
                counts = map(row.get, range(first, max(row) + 1), repeat(0))
                rows.append((where, outcome, str(first), ",".join(map(str, counts))))
        return text_of_rows(rows)

    def add(self, place: int, cause: Cause, bad: int) -> None:
        """
        Add bad events.

        Args:
            place: Of their bucket in the block.
            cause: What they were caused by; one without a `where` belongs to the rest.
            bad: How many, at least 1.
        """
        rows = self._rows
        row = rows.get(cause)
        if row is None:
            if not cause.where or not self._makes_room(bad):
                self._add_to_rest(place, cause.outcome, bad)
                return
            row = rows[cause] = {}
        row[place] = row.get(place, 0) + bad

    def _makes_room(self, bad: int) -> bool:
        """Whether a new cause with so many events gets a row of its own; the smallest has given way then."""
        rows = self._rows
        named = [each for each in rows if each.where]
        if len(named) < self._most:
            return True
        total, smallest = min((sum(rows[each].values()), each) for each in named)
        if bad <= total:
            return False
        for place, its_bad in rows.pop(smallest).items():
            self._add_to_rest(place, smallest.outcome, its_bad)
        return True

    def _add_to_rest(self, place: int, outcome: str, bad: int) -> None:
        rows = self._rows
        cause = Cause("", outcome)
        if cause not in rows and sum(1 for each in rows if not each.where and each.outcome) >= MOST_OUTCOMES:
            cause = OTHER
        row = rows.setdefault(cause, {})
        row[place] = row.get(place, 0) + bad

    def add_all(self, place: int, counts: Iterable[tuple[Cause, int]]) -> None:
        """Add bad events of several causes, the largest first, so that the order in which they come decides nothing."""
        for cause, bad in sorted(counts, key=lambda each: (-each[1], each[0])):
            self.add(place, cause, bad)

    def merge(self, other: CauseBlock) -> None:
        """Add all events of a block of the same buckets, as it stands in another store."""
        for cause, row in other._rows.items():
            for place in sorted(row):
                self.add(place, cause, row[place])

    def counts(self, first: int = 0, last: int | None = None) -> Iterator[tuple[Cause, int]]:
        """Each cause with its bad events in the buckets from place `first` to `last`; those that have any."""
        for cause, row in self._rows.items():
            bad = sum(count for place, count in row.items() if first <= place and (last is None or place <= last))
            if bad:
                yield cause, bad

    def rows(self) -> Iterator[tuple[Cause, Mapping[int, int]]]:
        """Each cause with its bad events by the places of their buckets."""
        yield from self._rows.items()

    @property
    def newest(self) -> int | None:
        """The place of the last bucket that holds an event; None for an empty block."""
        return max((place for row in self._rows.values() for place in row), default=None)


def text_of_rows(rows: Iterable[tuple[str, str, str, str]]) -> str:
    """
    The text of a block.

    Args:
        rows: Where, outcome, first place, numbers with commas between them.
    """
    # A third of the time that `json.dumps` takes.
    quoted = encode_basestring_ascii
    listed = [f"[{quoted(where)},{quoted(outcome)},{first},{counts}]" for where, outcome, first, counts in rows]
    return f"[{','.join(listed)}]"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
