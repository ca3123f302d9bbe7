"""The events of one bucket, and ranges of neighbouring buckets."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["BucketRange", "Increment"]


class Increment(NamedTuple):
    """
    Events to be added to one bucket.

    Attributes:
        width_seconds: Width of the bucket: 1, 60, 900 or 86,400 (see `slo_core.stores.layout.WIDTHS`).
        bucket: Its number: it holds the seconds from `bucket * width_seconds` on.
        good: Good events.
        bad: Bad events.
    """

    width_seconds: int
    bucket: int
    good: int
    bad: int


class BucketRange(NamedTuple):
    """
    Neighbouring buckets of one width.

    Attributes:
        width_seconds: Their width.
        first: Number of the first; it begins at `first * width_seconds`.
        last: Number of the last, inclusive; never below `first`.
    """

    width_seconds: int
    first: int
    last: int
