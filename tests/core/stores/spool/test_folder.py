"""A folder that only this user can use, on a file system that fits, under a name that tells nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from slo_core.stores.spool import folder as folder_module
from slo_core.stores.spool.folder import FOLDER_BYTES, NoSpoolError, SpoolFolder, default_folder, spool_key

MOUNTS = """\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /dev rw - devtmpfs none rw
24 23 0:21 / /dev/shm rw - {shm} shm rw
25 22 0:30 / /var/lib/on\\040nfs rw - nfs4 server:/ rw
26 22 0:31 / /var/lib/shop rw - xfs /dev/vdb rw
"""


def mounted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, shm: str = "tmpfs") -> None:
    table = tmp_path / "mountinfo"
    table.write_text(MOUNTS.format(shm=shm))
    monkeypatch.setattr(folder_module, "_MOUNTS", str(table))


def test_shared_memory_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where it is a tmpfs."""
    mounted(monkeypatch, tmp_path)

    assert default_folder() == f"/dev/shm/slo-{os.geteuid()}"


def test_then_the_state_of_the_unit_and_the_temporary_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Systemd names the first of them."""
    mounted(monkeypatch, tmp_path, shm="overlay")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/shop:/var/lib/other")
    assert default_folder() == f"/var/lib/shop/slo-{os.geteuid()}"

    monkeypatch.delenv("STATE_DIRECTORY")
    monkeypatch.setattr(folder_module.tempfile, "tempdir", "/var/tmp")
    assert default_folder() == f"/var/tmp/slo-{os.geteuid()}"


def test_a_network_file_system_has_to_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is not taken by itself."""
    mounted(monkeypatch, tmp_path, shm="overlay")
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/on nfs")

    with pytest.raises(NoSpoolError, match=r"nfs4; name a folder with SLO_SPOOL"):
        default_folder()


def test_keys_tell_services_and_stores_apart() -> None:
    """And nothing else: they are hashes."""
    keys = {
        spool_key(service=service, address=address)
        for service, address in [
            ("a", "redis host 6379 0"),
            ("a", "redis host 6379 1"),
            ("b", "redis host 6379 0"),
            ("a r", "edis"),
        ]
    }

    assert len(keys) == 4
    assert all(len(key) == 32 and key.isalnum() for key in keys)


def test_it_is_made_for_this_user_alone(place: str) -> None:
    """Both folders, whatever the umask."""
    SpoolFolder(place, "shop")

    assert [os.stat(path).st_mode & 0o777 for path in (place, f"{place}/shop")] == [0o700, 0o700]


@pytest.mark.parametrize("inner", ["", "/shop"])
def test_a_folder_that_others_can_use_is_refused(place: str, inner: str) -> None:
    """Also the one inside."""
    SpoolFolder(place, "shop")
    os.chmod(place + inner, 0o770)

    with pytest.raises(NoSpoolError, match=r"mode 0700.*with mode 0770"):
        SpoolFolder(place, "shop")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
def test_another_users_folder_is_refused(place: str) -> None:
    """Somebody has made it before us, in a directory for all."""
    os.mkdir(place, 0o700)
    os.chown(place, 12345, 12345)

    with pytest.raises(NoSpoolError, match="of user 12345"):
        SpoolFolder(place, "shop")


@pytest.mark.parametrize("inner", ["", "/shop"])
def test_a_link_is_not_followed(place: str, tmp_path: Path, inner: str) -> None:
    """Wherever it leads."""
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    if inner:
        os.mkdir(place, 0o700)
    os.symlink(tmp_path / "elsewhere", place + inner)

    with pytest.raises(NoSpoolError, match="cannot be used"):
        SpoolFolder(place, "shop")


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "file").touch()

    with pytest.raises(NoSpoolError, match=r"file/slo/shop cannot be used: Not a directory"):
        SpoolFolder(f"{tmp_path}/file/slo", "shop")


def test_it_holds_so_much_and_no_more(folder: SpoolFolder) -> None:
    """Of all files together."""
    os.close(os.open("x", os.O_CREAT | os.O_WRONLY, dir_fd=folder.descriptor))
    os.truncate(f"{folder.path}/x", FOLDER_BYTES - 100)

    assert folder.has_room(100)
    assert not folder.has_room(101)


def test_a_vanished_folder_is_noticed(folder: SpoolFolder) -> None:
    """Another one of the same name is not it."""
    assert folder.is_there
    os.rename(folder.path, f"{folder.path}-old")
    assert not folder.is_there
    os.mkdir(folder.path, 0o700)
    assert not folder.is_there
