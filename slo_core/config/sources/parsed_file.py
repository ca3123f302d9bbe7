"""The parsed content of a file with line numbers, and the errors of a file that cannot be parsed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from slo_core.config.sources.line_map import Keys, path_of
from slo_core.errors import ConfigError, Problem

__all__ = ["DEEPEST", "ParsedFile", "duplicate_key", "parse_text", "refusal"]

# Definitions are nested five deep.
DEEPEST = 32

# The end of messages of `json` and `tomllib`.
_AT_LINE = re.compile(r"line (\d+),? column \d+( \(char \d+)?\)?$")


@dataclass(slots=True)
class ParsedFile:
    """
    The content of a file.

    Attributes:
        value: Plain data.
        lines: The line of each value, counted from 1.
        problems: Problems of the text, such as duplicate keys, which are reported with those of the content.
    """

    value: Any
    lines: dict[Keys, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def refusal(file: str, line: int | None, message: str, hint: str = "") -> ConfigError:
    """The error for a file that cannot be read any further."""
    return ConfigError([Problem(file if line is None else f"{file}:{line}", message, hint)])


def parse_text(parse: Callable[[str], Any], text: str, *, file: str, language: str) -> Any:
    """
    Parse a text with a parser of the standard library.

    Args:
        parse: `json.loads` or `tomllib.loads`.
        text: The text.
        file: The name of the file in messages.
        language: The name of the language in messages.

    Raises:
        ConfigError: The text is not in that language, or is nested too deeply.
    """
    message = f"cannot be read as {language}"
    try:
        return parse(text)
    except RecursionError as exc:
        raise refusal(file, None, f"{message}: nested too deeply") from exc
    except ValueError as exc:  # a mistake, or a number of 5,000 digits
        place = _AT_LINE.search(str(exc))
        raise refusal(file, None if place is None else int(place[1]), f"{message}: {exc}") from exc


def duplicate_key(file: str, keys: Keys, *, line: int, first: int) -> Problem:
    """The problem of a mapping that has a key twice."""
    message = f"the key is there twice, first in line {first}"
    return Problem(f"{file}:{line}: {path_of(keys)}", message, "drop one of the two")
