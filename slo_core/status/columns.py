"""Aligned columns of text, fitted to the width of a terminal: cells are folded, and columns left out, in an order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category, east_asian_width

__all__ = ["Column", "Paint", "Row", "aligned", "folded", "text_width"]

# The style of a text, a word such as "paging" or "heading", and the text; the answer is the text with its colours.
Paint = Callable[[str, str], str]

_GAP = 2
_NARROWEST = 8


@dataclass(frozen=True, slots=True)
class Column:
    """
    A column of a table.

    Attributes:
        heading: Its name.
        is_number: Whether its cells are aligned to the right.
        narrowest: How many cells of the terminal its text may be folded to; None folds the heading only.
        is_kept: Whether it stays on the narrowest terminal.
    """

    heading: str
    is_number: bool = False
    narrowest: int | None = None
    is_kept: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: its cells in the order of the columns, and by heading the style of those that have one."""

    cells: Sequence[str]
    styles: Mapping[str, str]


def aligned(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    first: Sequence[str] = (),
    width: int | None = None,
    paint: Paint | None = None,
) -> list[str]:
    """
    The lines of a table.

    Args:
        columns: In the order in which they are shown.
        rows: Each is one line, unless cells of it are folded.
        first: The headings that are fitted in first where the width does not allow for all; then come the others.
        width: How many cells a line may have; columns that do not fit are named in the last line. None knows no limit.
        paint: Puts colours into cells, headings and notes; None leaves them plain.
    """
    paint = paint or _plain
    cells = {
        column.heading: max((text_width(row.cells[index]) for row in rows), default=0)
        for index, column in enumerate(columns)
    }
    widths = {heading: max(width, text_width(heading)) for heading, width in cells.items()}
    if width is not None:
        widths = _fitting(columns, cells, widths, first, width)
    shown = [(index, column) for index, column in enumerate(columns) if column.heading in widths]
    lines = _lines(shown, widths, [column.heading for column in columns], dict.fromkeys(widths, "heading"), paint)
    for row in rows:
        lines += _lines(shown, widths, row.cells, row.styles, paint)
    left_out = [column.heading.lower() for column in columns if column.heading not in widths]
    if width is not None and left_out:
        note = f"not shown, the terminal is too narrow: {', '.join(left_out)}"
        lines += [paint("note", line) for line in folded(note, width)]
    return lines


def _fitting(
    columns: Sequence[Column], cells: Mapping[str, int], whole: Mapping[str, int], first: Sequence[str], width: int
) -> dict[str, int]:
    """The width of each column that is shown; headings of several words are folded first."""
    least = {
        column.heading: max(
            min(cells[column.heading], column.narrowest or width), *map(text_width, column.heading.split())
        )
        for column in columns
    }
    kept = [column.heading for column in columns if column.is_kept]
    widths = {heading: least[heading] for heading in kept}

    def left() -> int:
        return width - sum(widths.values()) - _GAP * (len(widths) - 1)

    for heading in first:
        if heading in least and left() >= least[heading] + _GAP:
            widths[heading] = least[heading]
    # What matters stands in one line, if that is possible, before anything else is added.
    for heading, wanted in whole.items():
        if heading in widths:
            widths[heading] += max(0, min(left(), wanted - widths[heading]))
    for heading, wanted in whole.items():
        if heading not in widths and left() >= wanted + _GAP:
            widths[heading] = wanted
    for column in columns:  # narrower than anything is meant for
        if column.narrowest is not None and column.heading in widths and left() < 0:
            widths[column.heading] = max(_NARROWEST, widths[column.heading] + left())
    return widths


def _lines(
    shown: Sequence[tuple[int, Column]],
    widths: Mapping[str, int],
    cells: Sequence[str],
    styles: Mapping[str, str],
    paint: Paint,
) -> list[str]:
    parts = [folded(cells[index], widths[column.heading]) for index, column in shown]
    lines = []
    for number in range(max(map(len, parts))):
        line = ""
        for (_, column), part in zip(shown, parts, strict=True):
            text = part[number] if number < len(part) else ""
            blank = " " * (widths[column.heading] - text_width(text))
            style = styles.get(column.heading)
            painted = paint(style, text) if style and text else text
            line += f"{blank}{painted}" if column.is_number else f"{painted}{blank}"
            line += " " * _GAP
        lines.append(line.rstrip())
    return lines


def _plain(_style: str, text: str) -> str:
    return text


def folded(text: str, width: int) -> list[str]:
    """
    A text in lines that are no wider than a width, broken after spaces, hyphens and underscores where there are some.

    Args:
        text: Without control characters.
        width: In cells of a terminal.
    """
    if text_width(text) <= width:
        return [text]
    lines, line = [], ""
    for piece in re.findall(r"[^\s_-]*[\s_-]*", text):
        if line and text_width(line + piece.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        for character in piece:
            if line and text_width(line + character) > width and not character.isspace():
                lines.append(line.rstrip())
                line = ""
            line += character
    return [*lines, line.rstrip()]


def text_width(text: str) -> int:
    """How many cells of a terminal a text takes: Chinese, Japanese and Korean letters and emoji two, accents none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    # The vowels and final consonants of Hangul stand in the cell of the consonant before them.
    if category(character) in ("Mn", "Me", "Cf") or "\u1160" <= character <= "\u11ff":
        return 0
    return 2 if east_asian_width(character) in ("W", "F") else 1
