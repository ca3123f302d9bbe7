"""What a command finds out about its terminal."""

from __future__ import annotations

import io
import os
import pty
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from slo_core.process.terminal import can_be_repainted, has_colours, terminal_size


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[TextIO]:
    """A terminal of 60 columns and 20 lines, in an environment that says nothing about it."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (20, 60))
    with os.fdopen(theirs, "w") as stream:
        yield stream
    os.close(ours)


def test_the_size_is_that_of_the_window(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not that of a shell's variable; where the window knows none, that of the variable; of a pipe there is none."""
    monkeypatch.setenv("COLUMNS", "132")

    assert terminal_size(terminal) == (60, 20)
    termios.tcsetwinsize(terminal.fileno(), (0, 0))
    assert terminal_size(terminal) == (132, 24)
    assert terminal_size(io.StringIO()) is None


@pytest.mark.parametrize(
    ("environment", "on_a_terminal", "in_a_pipe"),
    [
        ({}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False, False),
    ],
)
def test_colours_are_where_they_are_wanted(
    terminal: TextIO,
    environment: dict[str, str],
    on_a_terminal: bool,
    in_a_pipe: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a terminal that has some, unless the user says otherwise."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert (has_colours(terminal), has_colours(io.StringIO())) == (on_a_terminal, in_a_pipe)


def test_only_a_terminal_that_can_is_painted_over(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where colour is forced into a pipe, or wanted nowhere."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert not can_be_repainted(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert can_be_repainted(terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not can_be_repainted(terminal)
