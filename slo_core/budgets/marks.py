"""Marks: what changed in a service, and when. A release that starts, a deploy, a note."""

from __future__ import annotations

from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Literal

from slo_core.budgets.wording import printable
from slo_core.objectives.window import LATEST_TIME

__all__ = ["MARK_KINDS", "MOST_MARK_CHARACTERS", "RELEASE", "Mark", "MarkKind", "mark_text", "mark_text_problem"]

MarkKind = Literal["release", "deploy", "note"]

RELEASE: MarkKind = "release"
MARK_KINDS: tuple[MarkKind, ...] = ("release", "deploy", "note")

MOST_MARK_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Mark:
    """
    One change of a service.

    Attributes:
        at: When it happened, in seconds since the epoch.
        kind: `"release"`, `"deploy"` or `"note"`.
        text: What changed: "4.2", "migration 0042". 1 to 100 printable characters, kept as they are.

    Raises:
        ValueError: A value is none of these.
    """

    at: float
    kind: MarkKind
    text: str

    def __post_init__(self) -> None:
        if self.kind not in MARK_KINDS:
            raise ValueError(f'kind: expected "release", "deploy" or "note", got {shortened(self.kind)}')
        problem = mark_text_problem(self.text)
        if problem is not None:
            raise ValueError(f"text: {problem}")
        is_number = isinstance(self.at, (int, float)) and not isinstance(self.at, bool)
        if not is_number or not 0 <= self.at <= LATEST_TIME:
            raise ValueError(f"at: expected seconds since the epoch, from 0 to 2**40, got {shortened(self.at)}")


def mark_text_problem(text: object) -> str | None:
    """What is wrong with the text of a mark, or the name of a release; None where nothing is."""
    expected = f"expected 1 to {MOST_MARK_CHARACTERS} printable characters"
    if not isinstance(text, str):
        return f"{expected}, got {type(text).__name__}"
    if not text.strip():
        return f"{expected}, got {'none' if not text else 'only spaces'}"
    if len(text) > MOST_MARK_CHARACTERS:
        return f"{expected}, got {len(text):,}"
    if not text.isprintable():
        first = next(character for character in text if not character.isprintable())
        return f"{expected}, in one line, got {printable(first)} in {shortened(text)}"
    return None


def mark_text(mark: Mark) -> str:
    """A mark in a sentence: `release 4.2`, `deploy blue`, `"migration 0042"`."""
    return f'"{mark.text}"' if mark.kind == "note" else f"{mark.kind} {mark.text}"
