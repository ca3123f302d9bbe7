"""A mapped file with one owner, whose space is there before it is used."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from slo_core.stores.spool.file_layout import HEADER_WORDS, WORD_BYTES, Area, file_words, segment_words
from slo_core.stores.spool.folder import FOLDER_BYTES, NoSpoolError, SpoolFolder
from slo_core.stores.spool.spool_file import SpoolFile

WRITER = "a" * 32


def test_a_new_file_is_small_and_holds_zeros(folder: SpoolFolder) -> None:
    """16 KiB, all of it allocated, for this user alone."""
    file = SpoolFile.create(folder, WRITER)

    found = os.stat(f"{folder.path}/{WRITER}.spool")
    assert (found.st_size, found.st_blocks * 512 >= 16 * 1024, found.st_mode & 0o777) == (16 * 1024, True, 0o600)
    assert file.segment_count == 1
    assert not any(file.cells(Area(0, 0, segment_words(0)))[0 : segment_words(0)])


def test_a_file_doubles(folder: SpoolFolder) -> None:
    """What was in it stays, and the next owner sees all of it."""
    file = SpoolFile.create(folder, WRITER)
    file.cells(Area(0, 0, HEADER_WORDS))[5] = 7
    for segments in (2, 3, 4):
        assert file.grow()
        assert os.stat(f"{folder.path}/{file.name}").st_size == file_words(segments) * WORD_BYTES
        file.cells(Area(segments - 1, 3, 1))[0] = segments
    file.let_go()

    again = SpoolFile.adopt(folder, file.name)
    assert again is not None
    assert again.segment_count == 4
    assert again.cells(Area(0, 0, HEADER_WORDS))[5] == 7
    assert [again.cells(Area(segment, 3, 1))[0] for segment in (1, 2, 3)] == [2, 3, 4]


def test_half_a_segment_is_none(folder: SpoolFolder) -> None:
    """A process has ended while it added one."""
    file = SpoolFile.create(folder, WRITER)
    file.let_go()
    os.truncate(f"{folder.path}/{file.name}", 20_000)

    again = SpoolFile.adopt(folder, file.name)
    assert again is not None
    assert again.segment_count == 1
    assert again.grow()


def test_a_full_folder_takes_no_file(folder: SpoolFolder) -> None:
    """The message says so, and nothing is left; a file that is there does not grow."""
    file = SpoolFile.create(folder, WRITER)
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=folder.descriptor))
    os.truncate(f"{folder.path}/x", FOLDER_BYTES)

    assert not file.grow()
    with pytest.raises(NoSpoolError, match="no room"):
        SpoolFile.create(folder, "b" * 32)
    assert sorted(os.listdir(folder.path)) == [file.name, "x"]


def test_a_vanished_folder_takes_no_file(folder: SpoolFolder) -> None:
    """It was deleted while the process ran."""
    file = SpoolFile.create(folder, WRITER)
    assert file.is_there
    os.unlink(f"{folder.path}/{file.name}")
    assert not file.is_there
    os.rmdir(folder.path)

    with pytest.raises(NoSpoolError, match="No such file"):
        SpoolFile.create(folder, "b" * 32)


def test_it_has_one_owner(folder: SpoolFolder) -> None:
    """Until that gives it up."""
    file = SpoolFile.create(folder, WRITER)
    assert SpoolFile.adopt(folder, file.name) is None

    file.let_go()
    again = SpoolFile.adopt(folder, file.name)
    assert again is not None
    assert SpoolFile.adopt(folder, file.name) is None
    again.delete()
    assert SpoolFile.adopt(folder, file.name) is None
    assert os.listdir(folder.path) == []


def test_descriptors_are_closed(folder: SpoolFolder) -> None:
    """As many are open as before."""
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        file = SpoolFile.create(folder, WRITER)
        file.grow()
        file.delete()
        del file

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_file_that_was_replaced_is_not_taken(folder: SpoolFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was deleted and made again after it was opened: what is locked then is nobody's file any more."""
    file = SpoolFile.create(folder, WRITER)
    file.let_go()
    flock = fcntl.flock

    def replaced(descriptor: int, operation: int) -> None:
        os.unlink(f"{folder.path}/{file.name}")
        (Path(folder.path) / file.name).touch()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", replaced)

    assert SpoolFile.adopt(folder, file.name) is None
