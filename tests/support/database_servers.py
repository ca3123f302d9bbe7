"""
Throwaway PostgreSQL and MariaDB servers for tests, on free ports, stopped by their own processes.

Before they confirm a transaction they hand it to the kernel, where it outlives their SIGKILL; they do not wait for the disk,
which only matters to a machine that loses its power.
"""

from __future__ import annotations

import getpass
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from slo_servers import HOST, free_port, require, wait_until

__all__ = ["MariaDB", "PostgreSQL", "start_mariadb", "start_postgres"]


class _Database:
    """A server process with a folder of its own, which it is run as the owner of."""

    user = ""

    def __init__(self) -> None:
        # Not pytest's folder: only root may enter that, and these servers refuse to run as root. Socket paths are short.
        self.folder = Path(tempfile.mkdtemp(prefix="slo-db-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.run_as: dict[str, Any] = {}
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user, self.user)
            self.run_as = {"user": self.user, "group": self.user, "extra_groups": []}
        self.account = self.user if self.run_as else getpass.getuser()

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **self.run_as)

    def _start(self, *command: str) -> None:
        log = (self.folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder,
                start_new_session=True, **self.run_as,
            )  # fmt: skip

    def _wait_until(self, is_ready: Callable[[], bool]) -> None:
        def is_up() -> bool:
            assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")[-2000:]
            return is_ready()

        wait_until(is_up, message=f"{type(self).__name__} did not start")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def _signal(self, number: int) -> list[int]:
        # Each process of PostgreSQL leads a session of its own. The first one is stopped, so that it makes no more of them
        # while they are looked up.
        pid = self.process.pid
        os.kill(pid, signal.SIGSTOP)
        children = [*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split())]
        for process in (pid, *children):
            with suppress(ProcessLookupError):
                os.kill(process, number)
        return children

    def kill(self) -> None:
        """SIGKILL to the server and its children; what it has confirmed is in its files."""
        children = self._signal(signal.SIGKILL)
        self.process.wait()
        # A server that is started again refuses to share its memory with one of them.
        wait_until(lambda: not any(map(_is_alive, children)), message="a process of the server lives on")

    def pause(self) -> None:
        """SIGSTOP to all of it: connections stay open, and nobody answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, whatever state it is in, and remove its data."""
        if self._process is not None and self._process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgreSQL(_Database):
    """A PostgreSQL server with one empty database, `postgres`."""

    user = "postgres"

    def __init__(self, binaries: Path) -> None:
        super().__init__()
        self._binaries = binaries
        done = self._run(
            str(binaries / "initdb"), "-D", str(self.folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start it, also again after it was killed."""
        self._start(
            str(self._binaries / "postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-h", HOST,
            "-k", str(self.folder), "-c", "fsync=off",
        )  # fmt: skip
        ready = (str(self._binaries / "pg_isready"), "-h", HOST, "-p", str(self.port))
        self._wait_until(lambda: self._run(*ready).returncode == 0)

    def query(self, sql: str) -> str:
        """What `psql` prints, without decoration."""
        return self._run(
            str(self._binaries / "psql"), "-h", HOST, "-p", str(self.port), "-U", "postgres", "-Atc", sql
        ).stdout.strip()

    @property
    def settings(self) -> dict[str, object]:
        """For `settings.DATABASES`."""
        return {
            "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": HOST,
            "PORT": str(self.port),
        }  # fmt: skip


class MariaDB(_Database):
    """A MariaDB server with one empty database, `slo`."""

    user = "mysql"

    def __init__(self) -> None:
        super().__init__()
        done = self._run(
            require("mariadb-install-db", package="mariadb-server"), "--no-defaults", f"--datadir={self.folder / 'data'}",
            f"--user={self.account}", "--auth-root-authentication-method=normal", "--skip-test-db",
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it, also again after it was killed."""
        self._start(
            shutil.which("mariadbd") or "/usr/sbin/mariadbd", "--no-defaults", f"--user={self.account}",
            f"--datadir={self.folder / 'data'}", f"--port={self.port}", f"--bind-address={HOST}",
            f"--socket={self.folder / 's'}", f"--pid-file={self.folder / 'pid'}", "--skip-log-bin",
            "--innodb-flush-log-at-trx-commit=2",
        )  # fmt: skip
        self._wait_until(lambda: self.query("SELECT 1") == "1")
        self.query("CREATE DATABASE IF NOT EXISTS slo")

    def query(self, sql: str) -> str:
        """What the client prints, without decoration."""
        client = require("mariadb", package="mariadb-server")
        arguments = ("--no-defaults", "-h", HOST, "-P", str(self.port), "-u", "root", "-N", "-B", "-e", sql)
        return self._run(client, *arguments).stdout.strip()

    @property
    def settings(self) -> dict[str, object]:
        """
        For `settings.DATABASES`; the driver is PyMySQL in mysqlclient's place.

        Without TLS: PyMySQL would read the system's certificates for each connection, which takes it longer than all else.
        """
        return {
            "ENGINE": "django.db.backends.mysql", "NAME": "slo", "USER": "root", "HOST": HOST, "PORT": str(self.port),
            "OPTIONS": {"ssl_disabled": True},
        }  # fmt: skip


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0]
    except OSError:  # it is gone
        return False
    return state not in "ZX"  # ended, and not collected by its parent yet


def _account_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _postgres_binaries() -> Path:
    """Debian leaves them off the path."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"), key=lambda path: int(path.split("/")[4]))
    if found:
        return Path(found[-1]).parent
    return Path(require("postgres", package="postgresql")).resolve().parent


@contextmanager
def start_postgres() -> Iterator[PostgreSQL]:
    """A PostgreSQL until the `with` block ends."""
    binaries = _postgres_binaries()
    if os.geteuid() == 0 and not _account_exists("postgres"):
        pytest.skip("missing server: postgres (apt install postgresql)")
    server = PostgreSQL(binaries)
    try:
        server.start()
        yield server
    finally:
        server.stop()


@contextmanager
def start_mariadb() -> Iterator[MariaDB]:
    """A MariaDB until the `with` block ends."""
    require("mariadb-install-db", package="mariadb-server")
    server = MariaDB()
    try:
        server.start()
        yield server
    finally:
        server.stop()
