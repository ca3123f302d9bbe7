"""A spool file, mapped into memory and locked by the process that owns it."""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import stat

from slo_core.process.forks import in_forked_child
from slo_core.stores.spool.file_layout import (
    MOST_SEGMENTS,
    WORD_BYTES,
    Area,
    Cells,
    file_words,
    segment_start,
    segment_words,
)
from slo_core.stores.spool.folder import NoSpoolError, SpoolFolder

__all__ = ["SPOOL_SUFFIX", "SpoolFile"]

SPOOL_SUFFIX = ".spool"

_OPEN_FILE = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_ATTEMPTS = 3


class SpoolFile:
    """
    A file of which this process is the owner: `SpoolMemory`.

    The lock is `flock` on a descriptor of its own: the one that is mapped would carry it into forked children, and locks of
    `fcntl` are given twice in one process, and lost when any descriptor closes.

    Attributes:
        name: Its name in the folder.
    """

    __slots__ = ("__weakref__", "_folder", "_lock", "_segments", "name")

    def __init__(self, folder: SpoolFolder, name: str, lock: int) -> None:
        self._folder = folder
        self.name = name
        self._lock = lock
        self._segments: list[memoryview] = []

    @classmethod
    def create(cls, folder: SpoolFolder, writer: str) -> SpoolFile:
        """
        A new file of zeros.

        Args:
            folder: Its folder.
            writer: Id of the process.

        Raises:
            NoSpoolError: There is no room, or the system cannot do it.
        """
        for attempt in range(_ATTEMPTS):
            name = f"{writer}{f'-{attempt}' if attempt else ''}{SPOOL_SUFFIX}"
            try:
                os.close(os.open(name, _OPEN_FILE | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder.descriptor))
                file = cls.adopt(folder, name)
            except OSError as exc:
                raise NoSpoolError(f"no file can be made in {folder.path}: {exc.strerror}") from exc
            # Between the two another process may have taken the empty file for a dead one's, and deleted it.
            if file is not None:
                if file.grow():
                    in_forked_child(file.let_go)
                    return file
                file.delete()
                raise NoSpoolError(f"there is no room in {folder.path}")
        raise NoSpoolError(f"files in {folder.path} vanish as soon as they are made")

    @classmethod
    def adopt(cls, folder: SpoolFolder, name: str) -> SpoolFile | None:
        """
        A file that exists, whose owner has ended; None where it lives, or the file is gone or is none of ours.

        Raises:
            NoSpoolError: The file cannot be mapped.
            OSError: It cannot be opened.
        """
        try:
            lock = os.open(name, _OPEN_FILE, dir_fd=folder.descriptor)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held, there = os.fstat(lock), os.stat(name, dir_fd=folder.descriptor, follow_symlinks=False)
            # It may have been deleted, and made again, since it was opened.
            if os.path.samestat(held, there) and stat.S_ISREG(held.st_mode) and held.st_uid == os.geteuid():
                file = cls(folder, name, lock)
                file._map(held.st_size)
                lock = -1
                return file
        except (BlockingIOError, FileNotFoundError):
            pass
        finally:
            if lock >= 0:
                os.close(lock)
        return None

    def _map(self, size: int) -> None:
        """Map as many segments as are whole."""
        while len(self._segments) < MOST_SEGMENTS:
            segment = len(self._segments)
            if size < file_words(segment + 1) * WORD_BYTES:
                break
            descriptor = os.open(self.name, _OPEN_FILE, dir_fd=self._folder.descriptor)
            try:
                mapped = mmap.mmap(
                    descriptor, segment_words(segment) * WORD_BYTES, offset=segment_start(segment) * WORD_BYTES
                )
            except (OSError, ValueError) as exc:
                raise NoSpoolError(f"{self._folder.path}/{self.name} cannot be mapped: {exc}") from exc
            finally:
                os.close(descriptor)
            self._segments.append(memoryview(mapped).cast("q"))

    @property
    def segment_count(self) -> int:
        """How many segments there are; 0 in a file whose process has ended before it had any."""
        return len(self._segments)

    def cells(self, area: Area) -> Cells:
        """The words of an area."""
        return self._segments[area.segment][area.start : area.start + area.size]

    def grow(self) -> bool:
        """Add a segment; False where there is no room. The space is there before it is mapped."""
        segment = len(self._segments)
        start, size = segment_start(segment) * WORD_BYTES, segment_words(segment) * WORD_BYTES
        if segment >= MOST_SEGMENTS or not self._folder.has_room(size):
            return False
        try:
            os.posix_fallocate(self._lock, start, size)
            self._map(start + size)
        except (OSError, NoSpoolError):
            return False
        return len(self._segments) > segment

    @property
    def is_there(self) -> bool:
        """Whether the file can still be found under its name, so that another process would find it."""
        try:
            held = os.fstat(self._lock)
            there = os.stat(self.name, dir_fd=self._folder.descriptor, follow_symlinks=False)
        except OSError:
            return False
        return os.path.samestat(held, there) and self._folder.is_there

    def set_aside(self, suffix: str) -> None:
        """Rename the file, so that it is not looked at again."""
        descriptor = self._folder.descriptor
        with contextlib.suppress(FileNotFoundError):
            os.rename(self.name, self.name + suffix, src_dir_fd=descriptor, dst_dir_fd=descriptor)
        self.let_go()

    def delete(self) -> None:
        """Delete the file, and give it up. Only its owner may."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.name, dir_fd=self._folder.descriptor)
        self.let_go()

    def let_go(self) -> None:
        """
        Give the file up without a change: its owner has ended from now on.

        In a forked child too: closing leaves the parent's lock alone, unlocking would not. A process does that for its own
        file there by itself.
        """
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def __del__(self) -> None:
        self.let_go()
