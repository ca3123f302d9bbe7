"""The repainted screen, as a terminal emulator shows it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyte
import pytest
from pyte import modes

from slo_core.cli.screen import Screen

FRAME_END = b"\x1b[?2026l"


class Emulator:
    """A terminal: the end that the program holds, and the screen that its user sees."""

    def __init__(self, columns: int, lines: int) -> None:
        self._ours, self.theirs = pty.openpty()
        self.raw = b""
        self._seen = 0
        self.screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self.screen)
        termios.tcsetwinsize(self.theirs, (lines, columns))

    def resize(self, columns: int, lines: int) -> None:
        termios.tcsetwinsize(self.theirs, (lines, columns))
        self.screen.resize(lines, columns)

    def read(self, seconds: float = 0.05) -> None:
        """Take in what the program writes, until it is silent for so long."""
        while select.select([self._ours], [], [], seconds)[0]:
            try:
                part = os.read(self._ours, 65_536)
            except OSError:  # Linux says so when the other end is closed
                return
            self.raw += part

    def pieces(self, size: int) -> Iterator[list[str]]:
        """What stands on the screen after each so many bytes of what was read."""
        for start in range(self._seen, len(self.raw), size):
            self._stream.feed(self.raw[start : start + size])
            yield self.lines()
        self._seen = len(self.raw)

    def show(self) -> list[str]:
        """What stands on the screen after all that was read."""
        for _ in self.pieces(1 << 20):
            pass
        return self.lines()

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def is_as_before(self) -> bool:
        """Whether the user has the terminal back: the screen it had, its cursor, and lines that wrap."""
        self.show()
        return (
            not self.screen.cursor.hidden
            and modes.DECAWM in self.screen.mode
            and 1049 << 5 not in self.screen.mode
            and 2026 << 5 not in self.screen.mode
        )

    def close(self) -> None:
        for end in (self._ours, self.theirs):
            os.close(end)


@pytest.fixture
def terminal() -> Iterator[Emulator]:
    """It has 30 columns and 8 lines."""
    emulator = Emulator(30, 8)
    yield emulator
    emulator.close()


def picture(word: str, count: int) -> Callable[[int], tuple[list[str], list[str]]]:
    """That many lines as wide as the screen, and one below them."""
    return lambda width: ([f"{word}{number}".ljust(width, ".") for number in range(count)], [f"{word} end"])


def test_no_picture_is_ever_blank_or_half(terminal: Emulator) -> None:
    """A picture stands until the next has taken its place, line by line; a shorter one leaves nothing of a longer one."""
    with open(terminal.theirs, "w", closefd=False) as stream, Screen(stream) as screen:
        screen.paint(picture("a", 6))
        terminal.read()
        assert terminal.show() == [f"a{number}".ljust(30, ".") for number in range(6)] + ["a end", ""]
        screen.paint(picture("b", 3))
        terminal.read()

        for lines in terminal.pieces(7):
            assert all(re.match("[ab]", line) for line in lines[:3])
            assert sum(1 for line in lines if line) >= 4
        assert lines == [f"b{number}".ljust(30, ".") for number in range(3)] + ["b end", "", "", "", ""]
        # Terminals that can hold a picture back until it is whole are asked to.
        assert terminal.raw.count(b"\x1b[?2026h") == terminal.raw.count(FRAME_END) == 2
        assert b"\x1b[2J" not in terminal.raw


def test_a_picture_that_is_too_long_keeps_its_top(terminal: Emulator) -> None:
    """What pages stands there; what stands below the table stays, too, and a line says how many are missing."""
    with open(terminal.theirs, "w", closefd=False) as stream, Screen(stream) as screen:
        screen.paint(picture("a", 200))
        terminal.read()
        lines = terminal.show()

    assert [line[:3] for line in lines] == ["a0.", "a1.", "a2.", "a3.", "a4.", "a5.", "...", "a e"]
    assert lines[6].startswith("... 194 more lines")


def test_a_window_that_changes_is_painted_again_and_holds_no_remains(terminal: Emulator) -> None:
    """Smaller, larger and tiny: what stands on it is what one picture alone would have drawn."""
    with open(terminal.theirs, "w", closefd=False) as stream, Screen(stream) as screen:
        screen.paint(picture("a", 6))
        for columns, lines in ((20, 6), (50, 12), (5, 2)):
            terminal.read()
            terminal.show()
            terminal.resize(columns, lines)
            screen.wait(0.15)
            terminal.read()
            shown = terminal.show()
            alone = pyte.Screen(columns, lines)
            pyte.ByteStream(alone).feed(terminal.raw[terminal.raw.rindex(b"\x1b[?2026h") :])
            assert shown == [line.rstrip() for line in alone.display]
            assert shown[0].startswith("a0" if lines > 2 else ".")


@pytest.mark.parametrize("ending", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_the_terminal_is_as_before_however_it_ends(terminal: Emulator, ending: type[BaseException]) -> None:
    """And the last picture stays to be read."""
    with pytest.raises(ending), open(terminal.theirs, "w", closefd=False) as stream, Screen(stream) as screen:
        screen.paint(picture("a", 3))
        raise ending

    terminal.read()
    assert terminal.is_as_before()
    left = [*(f"a{number}".ljust(30, ".") for number in range(3)), "a end"]
    assert terminal.raw.rpartition(b"\x1b[?1049l")[2].decode().split("\r\n") == [*left, ""]
    # A terminal with a single screen, such as this one, shows the same.
    assert terminal.lines() == [*left, "", "", "", ""]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_watching_gives_the_terminal_back(
    number: signal.Signals, code: int, count: Callable[..., None], tmp_path: Path
) -> None:
    """`slo status --watch` at Ctrl-C and at SIGTERM: what pages is the first line, and nothing of the last width remains."""
    count("shop", **{f"calm-{index}": (96, 4) for index in range(30)}, broken=(8, 20))
    terminal = Emulator(60, 12)
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "slo_core.cli", "status", "sqlite:///slo.db", "--watch", "0.2"],
        stdout=terminal.theirs,
        stderr=subprocess.PIPE,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )

    def shown(columns: int) -> bool:
        terminal.read()
        return terminal.show()[0].startswith("SLO") and terminal.lines()[-1].startswith("read at ") and columns > 0

    until = time.monotonic() + 60
    while not shown(60) and time.monotonic() < until:
        pass
    assert terminal.screen.cursor.hidden
    lines = terminal.lines()
    assert lines[1].startswith("broken")
    assert re.match(r"\.\.\. \d\d more lines: the terminal is too low", lines[-2])
    process.send_signal(number)
    assert process.wait(60) == code
    terminal.read()
    assert terminal.is_as_before()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    terminal.close()
