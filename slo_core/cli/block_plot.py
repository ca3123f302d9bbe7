"""Plots of characters: a line of blocks, or a few rows of them; in ASCII where a terminal has no blocks."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["bars", "spark"]

_BLOCKS = "▁▂▃▄▅▆▇█"
# The same heights in ASCII, roughly.
_ASCII = "_.,-~=+#"
_HEIGHTS = len(_BLOCKS)


def spark(values: Sequence[float], *, ascii_only: bool) -> str:
    """
    A line of blocks, one for each value; from 1 on a full block.

    Args:
        values: Numbers from 0.
        ascii_only: Without block characters.
    """
    marks = _ASCII if ascii_only else _BLOCKS
    # Rounded down: a full block is 1 or more, never nearly 1.
    return "".join(marks[min(_HEIGHTS - 1, math.floor(value * (_HEIGHTS - 1)))] for value in values)


def bars(values: Sequence[float], *, rows: int, ascii_only: bool) -> list[str]:
    """
    Bars from the lowest value to the highest, from the top row to the bottom.

    Args:
        values: At least one.
        rows: How many rows the highest one has.
        ascii_only: Without block characters.
    """
    low, high = min(values), max(values)
    steps = rows * _HEIGHTS
    # The lowest one is a thin line, not nothing.
    heights = [1 + round((value - low) / (high - low) * (steps - 1)) if high > low else steps for value in values]
    return [
        "".join(_cell(height - (rows - 1 - row) * _HEIGHTS, ascii_only=ascii_only) for height in heights)
        for row in range(rows)
    ]


def _cell(height: int, *, ascii_only: bool) -> str:
    if height <= 0:
        return " "
    if ascii_only:
        return "#"
    return _BLOCKS[min(height, _HEIGHTS) - 1]
