"""The content of a file, with the line of everything in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from slo_core.definition_source.line_map import Keys, path_of
from slo_core.errors import ConfigError, Problem

__all__ = ["DEEPEST", "Document", "refusal", "twice"]

# Definitions are nested five deep.
DEEPEST = 32


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


def twice(file: str, keys: Keys, *, line: int, first: int) -> Problem:
    """The problem that one mapping has a key twice."""
    message = f"the key is there twice, first in line {first}"
    return Problem(f"{file}:{line}: {path_of(keys)}", message, "drop one of the two")
