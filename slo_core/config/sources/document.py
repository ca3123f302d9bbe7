"""The content of a file, with the line of everything in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slo_core.config.sources.line_map import Keys, path_of
from slo_core.errors import ConfigError, Problem

__all__ = ["DEEPEST", "Document", "parsed", "refusal", "twice"]

# Definitions are nested five deep.
DEEPEST = 32

# As `json` and `tomllib` end their messages.
_AT_LINE = re.compile(r"line (\d+),? column \d+( \(char \d+)?\)?$")


@dataclass(slots=True)
class Document:
    """
    What was read.

    Attributes:
        value: Plain data.
        lines: The line of each value, counted from 1.
        problems: What is wrong with it, and can be told beside what is wrong with its content; paths have their line.
    """

    value: Any
    lines: dict[Keys, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def refusal(file: str, line: int | None, message: str, hint: str = "") -> ConfigError:
    """The error that a file cannot be read any further."""
    return ConfigError([Problem(file if line is None else f"{file}:{line}", message, hint)])


def parsed(parse: Callable[[str], Any], text: str, *, file: str, language: str) -> Any:
    """
    What a parser of Python's own makes of a text.

    Args:
        parse: `json.loads` or `tomllib.loads`.
        text: The text.
        file: What messages call it.
        language: What messages call the language.

    Raises:
        ConfigError: It is none of that language, or is nested too deeply.
    """
    trouble = f"cannot be read as {language}"
    try:
        return parse(text)
    except RecursionError as exc:
        raise refusal(file, None, f"{trouble}: nested too deeply") from exc
    except ValueError as exc:  # a mistake, or a number of 5,000 digits
        place = _AT_LINE.search(str(exc))
        raise refusal(file, None if place is None else int(place[1]), f"{trouble}: {exc}") from exc


def twice(file: str, keys: Keys, *, line: int, first: int) -> Problem:
    """The problem that one mapping has a key twice."""
    message = f"the key is there twice, first in line {first}"
    return Problem(f"{file}:{line}: {path_of(keys)}", message, "drop one of the two")
