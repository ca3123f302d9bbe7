"""Numbers of a parent are 0 in its children."""

from __future__ import annotations

import ctypes
import os

import pytest

from slo_core.stores.spool.wiped_page import WipedPage

# Threads of other tests may be alive: the child calls nothing that needs them.
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@FORKS
@pytest.mark.parametrize("fork", [os.fork, ctypes.CDLL(None).fork])
def test_a_child_reads_zero(fork) -> None:
    """Also where the fork calls no hooks; the parent's number stays."""
    number = WipedPage().take()
    assert number is not None
    number[0] = 7.5
    child = fork()
    if child == 0:
        os._exit(int(number[0]))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert number[0] == 7.5


def test_numbers_are_apart() -> None:
    """Until none is left."""
    page = WipedPage()
    numbers = []
    while (number := page.take()) is not None:
        numbers.append(number)
    for place, number in enumerate(numbers):
        number[0] = place

    assert len(numbers) >= 512
    assert [number[0] for number in numbers] == list(range(len(numbers)))
