"""The error tree: every message says where, what was expected, what came and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = [
    "ConfigError",
    "DamagedError",
    "DuplicateNameError",
    "NotKeptError",
    "Problem",
    "SLOError",
    "StoreError",
    "UnknownNameError",
    "about_slos",
    "by_message",
    "described",
    "names_text",
    "plain_number",
    "truth_hint",
    "unquoted_hint",
]

# A hint repeats no longer number.
_LONGEST_NUMBER = 20


class SLOError(Exception):
    """The root of every error this library raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """
    One thing wrong with a configuration.

    Attributes:
        path: Its place, as the user wrote it: `SLO_DEFINITIONS['checkout'].target`.
        message: The expected value and the given one.
        hint: How to fix it; empty where the message is enough.
    """

    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.path}: {self.message}"
        text = f"{text}; {self.hint}" if self.hint else text
        # JSON can hold half of a surrogate pair, which no terminal can print.
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


class ConfigError(SLOError, ValueError):
    """
    A configuration with at least one problem; it reports all of them.

    Attributes:
        problems: Every problem, in the order of the configuration.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DuplicateNameError(SLOError, ValueError):
    """An SLO of this name is already registered."""


class UnknownNameError(SLOError, KeyError):
    """No SLO of this name is registered; the message lists the names that are."""

    def __str__(self) -> str:
        # KeyError shows the repr of its argument, which would put the whole sentence in quotes.
        return str(self.args[0])


class NotKeptError(SLOError, LookupError):
    """The counts of the time that was asked for are no longer kept."""


class StoreError(SLOError):
    """A store that is unknown, misconfigured or out of reach."""


class DamagedError(StoreError):
    """What a store holds of one SLO cannot be read; of the others it can."""


def described(exc: Exception) -> str:
    """An exception as text for people: the message of our own errors, the type of any other."""
    # Other messages may hold a password.
    return str(exc) if isinstance(exc, SLOError) else f"unexpected {type(exc).__name__}"


def nearest(name: object, known: Iterable[str]) -> str:
    """A hint naming the known word nearest to a mistyped one, or all known words."""
    import difflib  # only a mistake needs it

    known = sorted(known)
    matches = difflib.get_close_matches(str(name), known, n=1)
    return f'did you mean "{matches[0]}"?' if matches else f"known: {', '.join(known)}"


def by_message(messages: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The names that each message is about, from pairs of a name and a message."""
    names: dict[str, list[str]] = {}
    for name, message in messages:
        names.setdefault(message, []).append(name)
    return names


def names_text(names: Sequence[str], most: int = 3) -> str:
    """Names in a sentence; of a long list the first few."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def about_slos(messages: Iterable[tuple[str, str]]) -> Iterator[str]:
    """
    Sentences about SLOs; one that many SLOs have is there once, with their names.

    Args:
        messages: The name of an SLO, and the sentence without its subject: `": views: ..."`, `" can count no request"`.
    """
    for message, names in by_message(messages).items():
        subject = f"the SLO {names[0]!r}" if len(names) == 1 else f"{len(names)} SLOs ({names_text(names)})"
        yield f"{subject}{message}"


def unquoted_hint(value: object) -> str:
    """A hint where a number is expected and text has come that looks like one; empty for anything else."""
    number = plain_number(value)
    return f"it is text, not a number: write {number} without quotes" if number else ""


def truth_hint(value: object) -> str:
    """A hint where a truth value is expected and something else has come that looks like one; empty for anything else."""
    if isinstance(value, str) and value.strip().casefold() in ("true", "false", "yes", "no", "on", "off", "1", "0", ""):
        return "it is text, not a truth value: drop the quotes; compare text from an environment variable with a word first"
    return f"did you mean {bool(value)}?" if isinstance(value, int) and value in (0, 1) else ""


def plain_number(value: object) -> str:
    """The digits of text that is a number and nothing else, with a point for a decimal comma; empty for anything else."""
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        return ""
    digits = value.strip().replace(",", ".")
    return digits if digits.replace(".", "", 1).isdecimal() and digits.isascii() and digits[:1] != "." else ""
