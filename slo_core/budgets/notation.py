"""The signs in numbers and the form of dates, which differ by language: texts for people only, never what programs read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import NamedTuple

__all__ = ["Notation", "localized", "moment_text", "number", "present_notation", "written_in"]


class Notation(NamedTuple):
    """
    How numbers and dates are written.

    Attributes:
        decimal: The sign before the decimals: "," in "99,9%".
        thousands: The sign between groups of three digits: "." in "12.345".
        moment: A date with its time and time zone as text.
    """

    decimal: str
    thousands: str
    moment: Callable[[datetime], str]


_present: ContextVar[Notation | None] = ContextVar("slo_notation", default=None)


@contextmanager
def written_in(notation: Notation) -> Iterator[None]:
    """Texts that are made in the `with` block are written so; all others as in English, with dates as in ISO 8601."""
    token = _present.set(notation)
    try:
        yield
    finally:
        _present.reset(token)


def present_notation() -> Notation | None:
    """The notation of the `with` block; None outside."""
    return _present.get()


def localized(text: str) -> str:
    """A number that is written as in English, in the present notation."""
    notation = _present.get()
    if notation is None:
        return text
    return text.translate({ord("."): notation.decimal, ord(","): notation.thousands})


def number(value: float, form: str = ",") -> str:
    """
    A number, in groups of three digits.

    Args:
        value: The number.
        form: How `format` writes it: ",.1f" for one decimal.
    """
    return localized(format(value, form))


def moment_text(instant: datetime) -> str:
    """A date with its time and time zone: "2026-03-01 09:30:00 UTC"."""
    notation = _present.get()
    return instant.strftime("%Y-%m-%d %H:%M:%S %Z").strip() if notation is None else notation.moment(instant)
