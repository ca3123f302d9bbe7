"""
The causes of the newest bucket as text: `5666666 3,1 ["GET /","503","POST /pay","slow"]`.

Every flush reads and writes it, and mostly nothing but the counts changes: the names stand behind them, as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii

from slo_core.budgets.causes import MOST_CAUSES, Cause, CauseBlock, CauseIncrement

__all__ = ["added_to_open", "open_text", "parse_open", "places_text", "read_places"]


def open_text(block: CauseBlock) -> str:
    """The text of a block whose causes are all at one place; empty for an empty block."""
    return places_text(block.newest or 0, dict(block.counts()))


def places_text(bucket: int, counts: Mapping[Cause, int]) -> str:
    """The text of a bucket's causes; empty without any."""
    if not counts:
        return ""
    names = ",".join([encode_basestring_ascii(name) for cause in counts for name in cause])
    return f"{bucket} {','.join(map(str, counts.values()))} [{names}]"


def parse_open(text: str, most: int = MOST_CAUSES) -> CauseBlock:
    """
    The block of a text.

    Args:
        text: The text.
        most: So many names have a row of their own in the block.

    Raises:
        ValueError: It is none.
    """
    block = CauseBlock(most)
    bucket, counts = read_places(text)
    for cause, bad in counts.items():
        block.add(bucket, cause, bad)
    return block


def read_places(text: str) -> tuple[int, dict[Cause, int]]:
    """
    The bucket of a text, and the bad events of each of its causes.

    Raises:
        ValueError: It is none.
    """
    try:
        bucket, counts, places = _parts(text)
        return bucket, {cause: counts[place] for cause, place in places.items()}
    except (AttributeError, TypeError, ValueError, RecursionError) as exc:
        raise ValueError(f"expected the text of a block of causes, got {str(text)[:80]!r}") from exc


def added_to_open(text: str, causes: Sequence[CauseIncrement]) -> str | None:
    """
    The text with more events, of causes that it has; None where one is new, or of another bucket.

    Args:
        text: As it is stored.
        causes: One or more.
    """
    try:
        bucket, counts, places = _parts(text)
        for of_bucket, cause, bad in causes:
            if of_bucket != bucket:
                return None
            counts[places[cause]] += bad
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return f"{bucket} {','.join(map(str, counts))} {text.split(' ', 2)[2]}"


def _parts(text: str) -> tuple[int, list[int], Mapping[Cause, int]]:
    """The bucket, the counts, and the place of each cause among them."""
    bucket, counts, names = text.split(" ", 2)
    numbers = [int(count) for count in counts.split(",")]
    places = _places(names)
    if len(numbers) != len(places) or min(numbers) < 1 or int(bucket) < 0:
        raise ValueError("no text of the newest bucket")
    return int(bucket), numbers, places


# Nearly every flush sees the names that the one before it saw.
@lru_cache(maxsize=256)
def _places(names: str) -> Mapping[Cause, int]:
    listed = json.loads(names)
    if type(listed) is not list or {str} != set(map(type, listed)) or len(listed) % 2:
        raise ValueError("no list of names")
    return {Cause(*pair): place for place, pair in enumerate(zip(listed[::2], listed[1::2], strict=True))}
