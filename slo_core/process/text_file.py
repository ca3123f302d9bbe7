"""The output of a command, and writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from slo_core.errors import SLOError

__all__ = ["write_output", "write_text_file"]


def write_output(out: str | None, text: str, *, show: Callable[[str], object]) -> None:
    """
    Write the output of a command to where `--out` says.

    Args:
        out: The file; None, or "-", is standard output.
        text: The output.
        show: Writes text to standard output as it is.

    Raises:
        SLOError: The file cannot be written.
    """
    if out is None or out == "-":
        show(text)
    else:
        write_text_file(out, text)


def write_text_file(name: str | Path, text: str) -> None:
    """
    Write a file, or leave the one that is there as it was.

    Args:
        name: The file; its folder must be there. A symbolic link is followed. An older file's permissions are kept.
        text: Its content.

    Raises:
        SLOError: It cannot be written.
    """
    path = Path(name)
    try:
        path = path.resolve()
        if path.is_dir():
            raise SLOError(f"{name}: cannot be written: it is a directory")
        if path.exists() and not path.is_file():
            raise SLOError(
                f"{name}: cannot be written: it is no regular file; without a file the text goes to standard output"
            )
        _replace(path, text)
    except (OSError, ValueError) as exc:  # ValueError: a null byte in the name
        raise SLOError(f"{name}: cannot be written: {getattr(exc, 'strerror', None) or exc}") from exc


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    # Not tempfile, whose files nobody else may read: Prometheus runs as another user.
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            beside.chmod(path.stat().st_mode & 0o777)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
