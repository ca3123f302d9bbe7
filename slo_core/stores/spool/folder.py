"""The folder in which the processes of one service and store keep their spools."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["FOLDER_BYTES", "NoSpoolError", "SpoolFolder", "default_folder", "spool_key"]

# All files of one folder together hold no more.
FOLDER_BYTES = 64 * 1024 * 1024

_SHARED_MEMORY = "/dev/shm"  # noqa: S108  # a folder of our own in it, which belongs to this user
_MOUNTS = "/proc/self/mountinfo"

# Where allocated space stays allocated, and a mapped file is one for all processes of the host: not copy-on-write and
# network file systems. Those have to be named.
_FILE_SYSTEMS = frozenset(("tmpfs", "ext2", "ext3", "ext4", "xfs", "f2fs", "overlay"))

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NoSpoolError(Exception):
    """There can be no spool here; the text says why, fit for a log."""


def spool_key(*, service: str, address: str) -> str:
    """
    The name of the folder for one service and store.

    Args:
        service: Name of the service.
        address: The scheme, host, port and database of the store, or its absolute path: no password, no option.
    """
    return hashlib.sha256(f"{len(service)} {service} {address}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def default_folder() -> str:
    """
    Where the folders are, if the user names no place.

    Raises:
        NoSpoolError: There is no suitable place.
    """
    name = f"slo-{os.geteuid()}"
    if _file_system_of(_SHARED_MEMORY) == "tmpfs" and os.access(_SHARED_MEMORY, os.W_OK):
        return f"{_SHARED_MEMORY}/{name}"
    state = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    place = state if state.startswith("/") else tempfile.gettempdir()
    file_system = _file_system_of(place)
    if file_system not in _FILE_SYSTEMS:
        raise NoSpoolError(
            f"{place} is on a file system of type {file_system or 'unknown'}; name a folder with SLO_SPOOL"
        )
    return f"{place}/{name}"


def _file_system_of(path: str) -> str:
    """The type of the file system of a path; empty where it cannot be known."""
    try:
        real = os.path.realpath(path)
        with open(_MOUNTS, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123  # pathlib takes 3 ms to import
            lines = file.readlines()
    except OSError:
        return ""
    found, found_type = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, types = before.split(" "), after.split(" ")
        if len(fields) > 4 and types[0]:
            point = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape")
            # The last of those that are mounted at one point counts.
            if (real == point or real.startswith(point.rstrip("/") + "/")) and len(point) >= len(found):
                found, found_type = point, types[0]
    return found_type


class _File(NamedTuple):
    name: str
    size: int


class SpoolFolder:
    """
    One folder, open: its files are reached through its descriptor, so that no link leads elsewhere.

    Args:
        place: Where the folders of all services and stores are; it is made where it does not exist.
        key: See `spool_key`.

    Attributes:
        path: The folder, for messages.
        descriptor: Of the folder.

    Raises:
        NoSpoolError: It cannot be made, or others can write there.
    """

    __slots__ = ("__weakref__", "descriptor", "path")

    def __init__(self, place: str, key: str) -> None:
        self.path = f"{place}/{key}"
        self.descriptor = -1
        try:
            outer = _opened(place, None)
            try:
                self.descriptor = _opened(key, outer)
            finally:
                os.close(outer)
        except OSError as exc:
            raise NoSpoolError(f"the folder {self.path} cannot be used: {exc.strerror}") from exc

    def files(self, suffix: str) -> Iterator[_File]:
        """The files of a kind, with their sizes; a vanished one is left out."""
        with os.scandir(self.descriptor) as entries:
            for entry in entries:
                if entry.name.endswith(suffix):
                    try:
                        yield _File(entry.name, entry.stat(follow_symlinks=False).st_size)
                    except FileNotFoundError:
                        continue

    def has_room(self, more: int) -> bool:
        """Whether so many bytes more may be used."""
        return sum(size for _, size in self.files("")) + more <= FOLDER_BYTES

    @property
    def is_there(self) -> bool:
        """Whether the folder can still be found under its path."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.lstat(self.path))
        except OSError:
            return False

    def close(self) -> None:
        """Let go of the folder."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __del__(self) -> None:
        self.close()


def _opened(name: str, outer: int | None) -> int:
    """
    A folder of this user alone, made where it does not exist.

    Raises:
        NoSpoolError: It is another user's, or others may use it.
        OSError: It cannot be made or opened.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o700, dir_fd=outer)
    descriptor = os.open(name, _OPEN_FOLDER, dir_fd=outer)
    found = os.fstat(descriptor)
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        os.close(descriptor)
        mode = stat.S_IMODE(found.st_mode)
        raise NoSpoolError(
            f"the folder {name}: expected one of user {os.geteuid()} that nobody else can use (mode 0700), "
            f"got one of user {found.st_uid} with mode {mode:04o}"
        )
    return descriptor
