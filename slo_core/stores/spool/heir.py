"""Looks for spools of processes that have ended, and hands over what they hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Sequence
from itertools import chain

from slo_core.process.forks import in_forked_child
from slo_core.stores.buckets import Applied, Batch
from slo_core.stores.spool.adoption import Adopted, Adoption
from slo_core.stores.spool.entries import SpoolDamageError
from slo_core.stores.spool.folder import NoSpoolError, SpoolFolder
from slo_core.stores.spool.header import NewerSpoolError
from slo_core.stores.spool.log import SpoolFullError
from slo_core.stores.spool.spool_file import SPOOL_SUFFIX, SpoolFile

__all__ = ["Heir"]

# So many files are looked at in a round.
_FILES_IN_ROUND = 32

# What is added to the name of a file that cannot be read.
_DAMAGED = ".damaged"


class Heir:
    """
    Takes over the spools of a folder whose owners have ended; one process of the folder at a time does.

    Args:
        folder: The folder.
        apply: `BucketStore.apply`.
        clock: Returns seconds since the epoch.
        report: Is given what went wrong, and a detail.
    """

    __slots__ = ("__weakref__", "_apply", "_clock", "_file", "_folder", "_last", "_lock", "_report")

    def __init__(
        self,
        folder: SpoolFolder,
        apply: Callable[[Sequence[Batch]], Applied],
        *,
        clock: Callable[[], float],
        report: Callable[[str, str], None],
    ) -> None:
        self._folder = folder
        self._apply = apply
        self._clock = clock
        self._report = report
        self._last = ""  # the file that was looked at last
        self._file: SpoolFile | None = None
        self._lock = -1
        in_forked_child(self._let_go)

    def _let_go(self) -> None:
        """Close what is locked, which would stay locked for as long as a forked child has it open."""
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)
        file, self._file = self._file, None
        if file is not None:
            file.let_go()

    def round(self) -> Adopted:
        """
        Look at some of the files; what has become of those that were taken over, together.

        Raises:
            StoreError: The store is out of reach: what was not handed over stays in the files. It may raise anything.
        """
        total = Adopted(is_empty=True)
        # Of its own: a lock belongs to what one `open` has opened.
        self._lock = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._folder.descriptor)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for name in self._next_names():
                self._look_at(name, total)
                self._last = name
        except BlockingIOError:
            pass
        finally:
            self._let_go()
        return total

    def _next_names(self) -> list[str]:
        names = sorted(file.name for file in self._folder.files(SPOOL_SUFFIX))
        after = (name for name in names if name > self._last)
        before = (name for name in names if name <= self._last)
        return list(chain(after, before))[:_FILES_IN_ROUND]

    def _look_at(self, name: str, total: Adopted) -> None:
        where = f"{self._folder.path}/{name}"
        try:
            file = self._file = SpoolFile.adopt(self._folder, name)
        except OSError as exc:  # a link, a folder, another user's file
            self._report("a spool cannot be opened: it is left alone", f"{where}: {exc.strerror}")
            return
        except NoSpoolError as exc:
            self._report("a spool cannot be taken over now: it is left alone", str(exc))
            return
        if file is None:
            return
        try:
            self._take_over(file, where, total)
        except SpoolDamageError as exc:
            self._report("a spool is damaged: it is set aside, and its events are not counted", f"{where}: {exc}")
            file.set_aside(_DAMAGED)
        except (NewerSpoolError, SpoolFullError) as exc:
            self._report("a spool cannot be taken over now: it is left alone", f"{where}: {exc}")
        finally:
            self._file = None
            file.let_go()

    def _take_over(self, file: SpoolFile, where: str, total: Adopted) -> None:
        if file.segment_count == 0:
            file.delete()
            return
        adopted = Adoption(file, self._apply, now=self._clock()).run()
        total.events += adopted.events
        total.dropped += adopted.dropped
        total.damage += adopted.damage
        for damage in adopted.damage:
            self._report("a spool holds damaged counts: they are left out", f"{where}: {damage}")
        if adopted.is_empty and adopted.damage:
            file.set_aside(_DAMAGED)
        elif adopted.is_empty:
            file.delete()
