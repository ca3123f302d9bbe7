"""A process takes over the spools of those that have ended, and only those."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slo_core.errors import StoreError
from slo_core.stores.buckets import Declaration
from slo_core.stores.spool.file_layout import COMMIT, FORMAT, HEADER_WORDS, Area
from slo_core.stores.spool.folder import SpoolFolder
from slo_core.stores.spool.header import SpoolHeader
from slo_core.stores.spool.heir import Heir
from slo_core.stores.spool.process_spool import ProcessSpool
from slo_core.stores.spool.slots import GOOD
from slo_core.stores.spool.spool_file import SpoolFile
from spool_memory import ModelStore

from .conftest import COUNTING

# Threads of other tests may be alive: the child calls nothing that needs them.
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

Run = Callable[..., subprocess.CompletedProcess[str]]


class Taker:
    """An heir, its store, and what it reports."""

    def __init__(self, folder: SpoolFolder, store: ModelStore | None = None) -> None:
        self.store = store or ModelStore()
        self.reports: list[str] = []
        self.heir = Heir(
            folder,
            self.store.apply,
            clock=lambda: 1000.0,
            report=lambda what, detail: self.reports.append(f"{what}: {detail}"),
        )

    def round(self) -> dict[str, tuple[int, int]]:
        self.heir.round()
        return self.store.events()


@pytest.fixture
def taker(folder: SpoolFolder) -> Taker:
    """An heir of the folder."""
    return Taker(folder)


def names(folder: SpoolFolder) -> list[str]:
    return sorted(name for name, _ in folder.files(""))


@pytest.mark.parametrize(
    "end",
    [
        "os.kill(os.getpid(), signal.SIGKILL)",
        "os._exit(0)",
        "os.abort()",
        "sys.exit()",
        "os.execv('/bin/true', ['true'])",
    ],
)
def test_events_of_an_ended_process_are_handed_over(
    run_counting: Run, taker: Taker, folder: SpoolFolder, end: str
) -> None:
    """However it ended; and no file is left."""
    run_counting(100, end)

    assert taker.round() == {"orders": (100, 1)}
    assert taker.round() == {"orders": (100, 1)}
    assert (names(folder), taker.reports) == ([], [])


def test_several_processes_add_up(run_counting: Run, taker: Taker) -> None:
    """One round takes all of them over."""
    for events in (3, 5, 7):
        run_counting(events)

    assert taker.round() == {"orders": (15, 3)}


def test_a_living_process_is_left_alone(place: str, taker: Taker, folder: SpoolFolder) -> None:
    """Its file is locked until it is killed."""
    command = [sys.executable, "-c", COUNTING, place, "4", "print('counted', flush=True); sys.stdin.read()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout is not None
        living.stdout.readline()
        assert taker.round() == {}
        assert len(names(folder)) == 1
        living.send_signal(signal.SIGKILL)
        living.wait(30)

        assert taker.round() == {"orders": (4, 1)}


def own_spool(folder: SpoolFolder) -> tuple[SpoolFile, ProcessSpool, Any]:
    """A spool of this process, with one event."""
    writer = os.urandom(16).hex()
    file = SpoolFile.create(folder, writer)
    spool = ProcessSpool(file, SpoolHeader(writer, 1000))
    number = spool.declare("orders", Declaration("{}", "f", 3600, 900.0))
    assert number is not None
    slot = spool.take_slot(number, 995)
    assert slot is not None
    slot.cells[GOOD] += 1
    return file, spool, slot


def test_a_second_registry_of_the_same_process_takes_nothing(folder: SpoolFolder, taker: Taker) -> None:
    """Nor does anyone who has opened and closed the file in between."""
    file, _, _ = own_spool(folder)
    os.close(os.open(file.name, os.O_RDONLY, dir_fd=folder.descriptor))

    assert taker.round() == {}
    file.let_go()
    assert taker.round() == {"orders": (1, 0)}


@FORKS
def test_a_forked_child_does_not_hold_the_parents_lock(folder: SpoolFolder, taker: Taker) -> None:
    """The parent has ended; the child lives on."""
    file, _, _ = own_spool(folder)
    ready, is_ready = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(is_ready, b"1")
        signal.pause()
        os._exit(0)
    try:
        os.read(ready, 1)
        file.let_go()  # as the kernel does when the parent ends
        assert taker.round() == {"orders": (1, 0)}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(is_ready)


@FORKS
def test_a_childs_end_gives_nothing_up(folder: SpoolFolder, taker: Taker) -> None:
    """The parent's file stays locked, also after a fork without hooks."""
    _file, _, slot = own_spool(folder)
    for fork in (os.fork, ctypes.CDLL(None).fork):
        child = fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert taker.round() == {}
    slot.cells[GOOD] += 1
    assert taker.round() == {}


def test_a_store_out_of_reach_loses_nothing(run_counting: Run, folder: SpoolFolder) -> None:
    """The file stays, and the next round hands it over."""
    run_counting(9)
    taker = Taker(folder)
    fails = [True]
    apply = taker.store.apply

    def sometimes(batches: Any) -> Any:
        if fails:
            raise StoreError("away")
        return apply(batches)

    heir = Heir(folder, sometimes, clock=lambda: 1000.0, report=lambda *_: None)
    with pytest.raises(StoreError):
        heir.round()
    fails.clear()
    heir.round()

    assert taker.store.events() == {"orders": (9, 1)}


def test_copies_of_a_folder_count_once(run_counting: Run, folder: SpoolFolder, place: str) -> None:
    """A baked image, a restored backup: the same file is taken over on two hosts."""
    run_counting(9)
    run_counting(3)
    shutil.copytree(place, f"{place}-copy")
    copy = SpoolFolder(f"{place}-copy", "shop")
    taker = Taker(folder)

    taker.round()
    Taker(copy, taker.store).round()

    assert taker.store.events() == {"orders": (12, 2)}
    assert (names(folder), names(copy)) == ([], [])


def changed(folder: SpoolFolder, index: int, word: int) -> None:
    (name,) = names(folder)
    file = SpoolFile.adopt(folder, name)
    assert file is not None
    file.cells(Area(0, 0, HEADER_WORDS))[index] = word
    file.let_go()


def test_a_newer_format_is_left_alone(run_counting: Run, taker: Taker, folder: SpoolFolder) -> None:
    """A process of the newer version will take it over."""
    run_counting(9)
    before = names(folder)
    changed(folder, FORMAT, 2)

    assert taker.round() == {}
    assert names(folder) == before
    assert len(taker.reports) == 1


@pytest.mark.parametrize("word", [0, COMMIT, FORMAT])
def test_a_damaged_file_is_set_aside(run_counting: Run, taker: Taker, folder: SpoolFolder, word: int) -> None:
    """It is said once, and hides no other file."""
    run_counting(9)
    changed(folder, word, -1)
    (damaged,) = names(folder)
    run_counting(5)

    assert taker.round() == {"orders": (5, 1)}
    assert taker.round() == {"orders": (5, 1)}
    assert names(folder) == [f"{damaged}.damaged"]
    assert len(taker.reports) == 1


def test_anything_may_lie_in_the_folder(run_counting: Run, taker: Taker, folder: SpoolFolder) -> None:
    """A link, a folder, a pipe, an empty file, a text, zeros: they are left or deleted, and hide no spool."""
    path = Path(folder.path)
    (path / "secret").write_text("not a spool")
    (path / "1.spool").symlink_to(path / "secret")
    (path / "2.spool").mkdir()
    os.mkfifo(path / "3.spool")
    (path / "4.spool").touch()
    (path / "5.spool").write_text("x" * 20_000)
    (path / "6.spool").write_bytes(bytes(16 * 1024))
    run_counting(9)

    assert taker.round() == {"orders": (9, 1)}
    assert names(folder) == ["1.spool", "2.spool", "3.spool", "5.spool.damaged", "secret"]
    assert (path / "secret").read_text() == "not a spool"


def test_nonsense_in_a_slot_hides_no_other_slot(folder: SpoolFolder, taker: Taker) -> None:
    """What can be read is handed over; the file is kept, under another name."""
    file, spool, _ = own_spool(folder)
    nonsense = spool.take_slot(0, 995)
    assert nonsense is not None
    nonsense.cells[GOOD] = -5
    file.let_go()

    assert taker.round() == {"orders": (1, 0)}
    assert names(folder) == [f"{file.name}.damaged"]
    assert len(taker.reports) == 1


def test_one_heir_at_a_time(folder: SpoolFolder, taker: Taker) -> None:
    """Another one that looks meanwhile takes nothing, also no other file, and waits for nothing."""
    for _ in range(2):
        own_spool(folder)[0].let_go()
    second = Taker(folder)
    seen: list[object] = []
    taker.store.on_apply = lambda _: seen.append(second.round())

    assert taker.round() == {"orders": (2, 0)}
    assert seen
    assert not any(seen)


def test_many_files_are_looked_at_in_turn(folder: SpoolFolder, taker: Taker) -> None:
    """Forty processes live, and one that has ended is found among them."""
    living = [own_spool(folder) for _ in range(40)]
    living[37][0].let_go()

    assert any(taker.round() for _ in range(2))
