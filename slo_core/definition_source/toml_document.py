"""TOML, with the lines of its tables and keys as far as they can be told."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from slo_core.definition_source.document import DEEPEST, Document, refusal
from slo_core.definition_source.line_map import Keys

__all__ = ["read_toml"]

_AT_LINE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)")
_KEY_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY = rf"{_KEY_PART}(?:\s*\.\s*{_KEY_PART})*"
_HEADING = re.compile(rf"\s*(\[\[?)\s*({_KEY})\s*\]\]?\s*(?:#.*)?")
_ASSIGNMENT = re.compile(rf"\s*({_KEY})\s*=.*")
_PART = re.compile(_KEY_PART)

_LONGEST_KEY = 1000  # dots


def read_toml(text: str, *, file: str) -> Document:
    """
    Read a document.

    Args:
        text: Its text.
        file: What messages call it.

    Raises:
        ConfigError: It is no TOML; a key that is there twice makes it none.
    """
    for at, written in enumerate(text.split("\n"), start=1):
        # Python's own reader takes a time that grows with the square of a key's length.
        if any(part.count(".") > _LONGEST_KEY for part in written.split("=")):
            raise refusal(file, at, "cannot be read as TOML: nested too deeply")
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        place = _AT_LINE.search(str(exc))
        line = text.rstrip().count("\n") + 1 if place is None or place[1] is None else int(place[1])
        said = _AT_LINE.sub(f" in column {place[2]}" if place is not None and place[2] else "", str(exc))
        raise refusal(file, line, f"cannot be read as TOML: {said}") from exc
    except RecursionError as exc:
        raise refusal(file, None, "cannot be read as TOML: nested too deeply") from exc
    except ValueError as exc:  # a number of 5,000 digits
        raise refusal(file, None, f"cannot be read as TOML: {exc}") from exc
    return Document(value, _lines(text, value))


def _lines(text: str, value: dict[str, Any]) -> dict[Keys, int]:
    """What looks like a heading or a key, and is one: a text of several lines may hold look-alikes."""
    lines: dict[Keys, int] = {}
    table: Keys = ()
    counts: dict[Keys, int] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        heading, assignment = _HEADING.fullmatch(line), _ASSIGNMENT.fullmatch(line)
        if heading is not None:
            table = _within(_parts(heading[2]), counts)
            if heading[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, counts[table])
            found = table
        elif assignment is not None:
            found = (*table, *_parts(assignment[1]))
        else:
            continue
        for depth in range(1, min(len(found), DEEPEST) + 1):
            if _is_there(value, found[:depth]):
                lines.setdefault(found[:depth], number)
    return lines


def _within(keys: Keys, counts: dict[Keys, int]) -> Keys:
    """A table below lists of tables belongs to the latest entry of each."""
    way: Keys = ()
    for depth, key in enumerate(keys):
        way = (*way, key)
        if way in counts and depth < len(keys) - 1:
            way = (*way, counts[way])
    return way


def _parts(dotted: str) -> Keys:
    """The keys of `a."b.c".d`."""
    return tuple(_unquoted(part) for part in _PART.findall(dotted))


def _unquoted(part: str) -> str:
    if part.startswith('"'):
        try:
            return str(tomllib.loads(f"key = {part}")["key"])
        except tomllib.TOMLDecodeError:  # it looked like a key, and is none
            return part
    return part.strip("'")


def _is_there(value: Any, keys: Keys) -> bool:
    for key in keys:
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True
