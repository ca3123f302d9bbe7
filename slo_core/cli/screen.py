"""The screen of a terminal that is painted over and over, without flicker and without remains."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from slo_core.process.terminal import terminal_size
from slo_core.status.columns import folded, text_width

__all__ = ["Picture", "Screen"]

# Each picture is painted from the top over the last one: the screen is never blank in between. Terminals that know
# synchronised output (mode 2026) show it only when it is whole; others ignore the words. Lines are cut, not wrapped (mode 7).
_BEGIN, _END = "\x1b[?2026h\x1b[?7l\x1b[H", "\x1b[?7h\x1b[?2026l"
_REST_OF_LINE, _REST_OF_SCREEN = "\x1b[K", "\x1b[J"
# A screen of its own leaves what stood on the terminal alone, and a window that changes moves no lines of it about. It is
# left empty: a terminal that has only one shows what comes next from the top.
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?7h\x1b[?2026l\x1b[0m\x1b[?25h\x1b[H\x1b[J\x1b[?1049l"
_STYLES = re.compile(r"\x1b\[[0-9;]*m")
# How soon a picture follows the size of its window.
_LOOK_SECONDS = 0.1

# Takes the width of the screen, and gives the lines above and those below.
Picture = Callable[[int], tuple[Sequence[str], Sequence[str]]]


class Screen:
    """
    Paints pictures until the `with` block ends, then leaves the last one on the terminal.

    Cursor and terminal are as before, however it ends: by an exception, Ctrl-C, SIGTERM, or for a while by Ctrl-Z.

    Args:
        stream: Leads to the terminal.
    """

    def __init__(self, stream: Any = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._file = self._stream.fileno()
        self._picture: Picture | None = None
        self._size = self._measured()
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Screen:
        self._stream.flush()
        with suppress(ValueError):  # signals belong to the main thread
            for name, handler in (("SIGTERM", self._end_by), ("SIGTSTP", self._pause)):
                number = getattr(signal, name, None)  # Windows has no Ctrl-Z
                if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                    self._handlers[number] = signal.signal(number, handler)
        return self

    def __exit__(self, *_: object) -> None:
        last = "" if self._picture is None else "\n".join(self._lines(self._picture)) + "\n"
        self._leave(last)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def paint(self, picture: Picture) -> None:
        """
        Show a picture, and show it again when the window changes its size.

        Args:
            picture: Takes the width of the screen; returns the lines above, which are cut at the end where they are too
                many, and those below, which are not. None may be wider, and colours must end in their line.
        """
        is_first, self._picture = self._picture is None, picture
        self._paint(_ENTER if is_first else "")

    def wait(self, seconds: float) -> None:
        """Wait, and follow the size of the window."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._measured() != self._size:
                self._paint()
            time.sleep(min(_LOOK_SECONDS, left))

    def _paint(self, before: str = "") -> None:
        if self._picture is None:
            return
        self._size = self._measured()
        lines = self._lines(self._picture)
        # The end of a full line is not cleared: that would take its last letter away.
        rows = [
            line if text_width(_STYLES.sub("", line)) >= self._size.columns else f"{line}{_REST_OF_LINE}"
            for line in lines
        ]
        rest = f"\r\n{_REST_OF_SCREEN}" if len(rows) < self._size.lines else ""
        self._write("".join((before, _BEGIN, "\r\n".join(rows), rest, _END)))

    def _lines(self, picture: Picture) -> list[str]:
        above, below = picture(self._size.columns)
        below = below[: self._size.lines]
        room = self._size.lines - len(below)
        if len(above) > room:
            note = f"... {len(above) - max(0, room - 1)} more lines: the terminal is too low"
            above = [*above[: max(0, room - 1)], *folded(note, self._size.columns)[:room]][:room]
        return [*above, *below]

    def _measured(self) -> os.terminal_size:
        return terminal_size(self._stream) or os.terminal_size((80, 24))

    def _leave(self, text: str = "") -> None:
        if self._picture is not None:
            self._write(f"{_LEAVE}{text}")

    def _end_by(self, number: int, _frame: FrameType | None) -> None:
        self._leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _pause(self, number: int, _frame: FrameType | None) -> None:
        self._leave()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # goes on when the shell brings the command back
        signal.signal(number, self._pause)
        self._paint(_ENTER)

    def _write(self, text: str) -> None:
        # Around the buffer of the stream, which a signal may have interrupted in the middle of a line.
        data = text.encode(self._stream.encoding or "utf-8", errors="replace")
        with suppress(OSError):  # the terminal is gone
            while data:
                data = data[os.write(self._file, data) :]
