"""
The file of our own beside an SQLite database of the project.

SQLite has one writer for each file. A transaction of the project that reads first and then writes fails at once, without
waiting, when another connection has written in between: so we write into another file.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["database_file", "obstacle_to", "own_file"]

# What is mounted where, on Linux.
_MOUNTS = Path("/proc/self/mountinfo")


def database_file(database: Mapping[str, Any]) -> Path:
    """
    The file of an SQLite database, absolute and without symbolic links.

    Args:
        database: As in `settings.DATABASES`; not one in memory.
    """
    name = str(database["NAME"])
    if name.startswith("file:"):  # a URI of SQLite's
        name = unquote(urlsplit(name).path)
    return Path(os.path.realpath(name))


def own_file(database: Path) -> Path:
    """Our file beside a database: `db.sqlite3` has `db.slo.sqlite3`."""
    return database.with_name(f"{database.stem}.slo{database.suffix}")


def obstacle_to(database: Path) -> str:
    """
    Why there cannot be a file of our own beside a database; empty where there can be one.

    A folder that does not exist is none: there the project has no database yet, as in the build of an image.

    Args:
        database: The database's file.
    """
    folder, own = database.parent, own_file(database)
    if database in _mount_points():
        return f"{database} itself is mounted, and another file in its folder would be lost with the container"
    if not os.path.isdir(folder):  # noqa: PTH112  # Path.is_dir() raises in a folder that may not be entered
        return ""
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"no file can be made in {folder} by this process"
    return f"{own} cannot be written by this process" if own.exists() and not os.access(own, os.W_OK) else ""


def _mount_points() -> set[Path]:
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # another system
        return set()
    return {Path(_unescaped(line.split(" ")[4])) for line in lines if line.count(" ") > 4}


def _unescaped(path: str) -> str:
    """A path of `mountinfo`: blanks, tabs, line ends and backslashes in it are octal numbers."""
    for character in " \t\n\\":
        path = path.replace(f"\\{ord(character):03o}", character)
    return path
