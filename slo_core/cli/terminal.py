"""Printing: results on stdout, errors, warnings and notes on stderr, colour on a terminal only."""

from __future__ import annotations

import logging
import sys

from rich.console import Console, RenderableType
from rich.text import Text

from slo_core.budgets.wording import printable
from slo_core.conventions import LOGGER_NAME

__all__ = ["console", "print_error", "print_note", "print_result", "print_warning", "silence_logging"]

_SILENCE = logging.NullHandler()


def console() -> Console:
    """
    The current standard output, which tests and embedding programs may replace.

    rich leaves out colour where there is no terminal, or where NO_COLOR is set.
    """
    output = Console(highlight=False, markup=False, emoji=False)
    if not output.is_terminal:
        output.width = 100_000  # a file or a pipe has no width: nothing may be cut or wrapped
    return output


def print_result(result: RenderableType) -> None:
    """Print to standard output, and flush it: a program may be reading along."""
    console().print(result, soft_wrap=isinstance(result, str | Text))
    sys.stdout.flush()


def print_error(text: str) -> None:
    """Print an error in one line."""
    sys.stderr.write(f"slo: error: {_one_line(text)}\n")


def print_warning(text: str) -> None:
    """Print a warning in one line."""
    sys.stderr.write(f"slo: warning: {_one_line(text)}\n")


def print_note(text: str) -> None:
    """Print a note about the result in one line."""
    sys.stderr.write(f"slo: note: {_one_line(text)}\n")


def silence_logging() -> None:
    """Keep the library from logging what the command prints itself."""
    logging.getLogger(LOGGER_NAME).addHandler(_SILENCE)


def _one_line(text: str) -> str:
    """Text that is safe to print: a page, a store or a file may hold control sequences for the terminal."""
    return printable(" ".join(text.split()))
