"""What is printed: plain text on stdout, complaints on stderr, colour on a terminal only."""

from __future__ import annotations

import logging
import sys

from rich.console import Console, RenderableType
from rich.text import Text

from slo_core.budgets.wording import printable
from slo_core.conventions import LOGGER_NAME

__all__ = ["STATE_STYLES", "complain", "console", "hush", "note", "say", "warn"]

STATE_STYLES = {
    "met": "green",
    "burning": "bold yellow",
    "exhausted": "bold red",
    "breached": "bold red",
    "no data": "cyan",
}

_SILENCE = logging.NullHandler()


def console() -> Console:
    """
    Standard output as it is now: tests, and whoever embeds us, may have replaced it.

    rich takes colour away where there is no terminal, or where NO_COLOR is set.
    """
    found = Console(highlight=False, markup=False, emoji=False)
    if not found.is_terminal:
        found.width = 100_000  # a file or a pipe has no width: nothing may be cut or wrapped
    return found


def say(what: RenderableType) -> None:
    """Print to standard output, and let whoever reads it see it at once."""
    console().print(what, soft_wrap=isinstance(what, str | Text))
    sys.stdout.flush()


def complain(text: str) -> None:
    """An error, in one line."""
    sys.stderr.write(f"slo: error: {_one_line(text)}\n")


def warn(text: str) -> None:
    """Something doubtful, in one line."""
    sys.stderr.write(f"slo: warning: {_one_line(text)}\n")


def note(text: str) -> None:
    """What should be known about what is printed."""
    sys.stderr.write(f"slo: note: {_one_line(text)}\n")


def hush() -> None:
    """What the library would log is printed by the command itself."""
    logging.getLogger(LOGGER_NAME).addHandler(_SILENCE)


def _one_line(text: str) -> str:
    """What a page, a store or a file says may hold more than words: commands to the terminal, for one."""
    return printable(" ".join(text.split()))
