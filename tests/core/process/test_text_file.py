"""Files that are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slo_core.errors import SLOError
from slo_core.process import text_file
from slo_core.process.text_file import write_text_file


def test_a_new_file_can_be_read_by_others(tmp_path: Path) -> None:
    """Prometheus runs as another user: the permissions are those that any new file gets."""
    before = os.umask(0o022)
    try:
        write_text_file(tmp_path / "rules.yml", "é\n")
    finally:
        os.umask(before)

    assert (tmp_path / "rules.yml").read_bytes() == "é\n".encode()
    assert (tmp_path / "rules.yml").stat().st_mode & 0o777 == 0o644
    assert [file.name for file in tmp_path.iterdir()] == ["rules.yml"]


def test_an_older_file_keeps_its_permissions(tmp_path: Path) -> None:
    """They were restricted on purpose."""
    file = tmp_path / "rules.yml"
    file.write_text("old")
    file.chmod(0o640)

    write_text_file(file, "new")

    assert file.read_text() == "new"
    assert file.stat().st_mode & 0o777 == 0o640


def test_a_link_is_followed(tmp_path: Path) -> None:
    """It stays a link."""
    (tmp_path / "real.yml").write_text("old")
    link = tmp_path / "rules.yml"
    link.symlink_to("real.yml")

    write_text_file(link, "new")

    assert link.is_symlink()
    assert (tmp_path / "real.yml").read_text() == "new"


def test_a_failure_leaves_the_older_file_and_nothing_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when the last byte is written."""
    file = tmp_path / "rules.yml"
    file.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(text_file.os, "fsync", full)

    with pytest.raises(SLOError, match=r"rules\.yml: cannot be written: No space left on device"):
        write_text_file(file, "new")

    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["rules.yml"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "it is a directory"),
        ("no/such/folder.yml", "No such file or directory"),
        ("fifo", "it is no regular file"),
        ("a\0b", "null"),
    ],
)
def test_what_cannot_be_written_is_told(name: str, message: str, tmp_path: Path) -> None:
    """And is left as it is."""
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(SLOError, match=message):
        write_text_file(tmp_path / name, "text")

    assert [file.name for file in tmp_path.iterdir()] == ["fifo"]
