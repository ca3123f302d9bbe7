"""What the terminal of a command can show: how wide it is, whether it has colours, and whether it can be painted over."""

from __future__ import annotations

import os
import shutil
from typing import Any

__all__ = ["can_be_repainted", "has_colours", "terminal_size"]

# Terminals of editors and of build servers, which print what they are sent.
_DUMB = ("", "dumb", "unknown")


def terminal_size(stream: Any) -> os.terminal_size | None:
    """
    How many columns and lines the terminal behind a stream has; None where there is no terminal, and nothing may be cut.

    Args:
        stream: A text stream, such as `sys.stdout`; tests and embedding programs may have replaced it.
    """
    if not stream.isatty():
        return None
    try:
        # Not COLUMNS: a shell that exports it leaves the number behind when the window changes.
        size = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError, AttributeError):
        size = os.terminal_size((0, 0))
    # A serial line and some containers know no size.
    return size if size.columns and size.lines else shutil.get_terminal_size()


def has_colours(stream: Any) -> bool:
    """Whether to print in colour: on a terminal, unless NO_COLOR is set; with FORCE_COLOR elsewhere, too."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return can_be_repainted(stream)


def can_be_repainted(stream: Any) -> bool:
    """Whether the stream leads to a terminal that moves its cursor when it is asked to."""
    return bool(stream.isatty()) and os.environ.get("TERM", "") not in _DUMB
