"""Text files written in one step, so that no reader sees half of one, and the output of commands."""

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
    Write the output of a command to the file of its `--out`, or to standard output.

    Args:
        out: The file; None, or "-", is standard output.
        text: The output.
        show: Writes text to standard output without changes.

    Raises:
        SLOError: The file cannot be written.
    """
    if out is None or out == "-":
        show(text)
    else:
        write_text_file(out, text)


def write_text_file(name: str | Path, text: str) -> None:
    """
    Write a file in one step; after an error an existing file is unchanged.

    Args:
        name: The file; its folder must exist. A symbolic link is followed. The permissions of an existing file are kept.
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
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    # Not tempfile, whose files only their owner may read: Prometheus runs as another user.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            temporary.chmod(path.stat().st_mode & 0o777)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
