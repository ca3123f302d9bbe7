"""Database servers for measurements: each on a free port in a folder of its own, stopped by its own process."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MissingServerError", "free_port", "mariadb_server", "postgres_server", "redis_server"]

HOST = "127.0.0.1"
_START_SECONDS = 30.0


class MissingServerError(Exception):
    """A server is not installed."""


def free_port() -> int:
    """A port that is free at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _command(name: str, *folders: str) -> str:
    path = os.pathsep.join([os.environ.get("PATH", ""), *folders])
    program = shutil.which(name, path=path)
    if program is None:
        raise MissingServerError(f"{name} is not installed")
    return program


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


@contextmanager
def _running(
    command: Sequence[str], *, port: int, folder: str, user: str | None = None, stop_with: int = signal.SIGTERM
) -> Iterator[subprocess.Popen[bytes]]:
    with (Path(folder) / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, start_new_session=True, user=user, group=user,
            extra_groups=None if user is None else [],
        )  # fmt: skip
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise MissingServerError(f"{command[0]} did not start: {(Path(folder) / 'log').read_text()[-500:]}")
            time.sleep(0.05)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.send_signal(stop_with)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def redis_server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its URL and its process; nothing is written to disk."""
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        port = free_port()
        command = [_command("redis-server"), "--port", str(port), "--bind", HOST, "--dir", folder, "--save", ""]
        with _running(command, port=port, folder=folder) as process:
            yield f"redis://{HOST}:{port}/0", process


@contextmanager
def _home(user: str) -> Iterator[tuple[str, str | None]]:
    """A folder that a server may use, and the user it runs as: these refuse, or need not, to run as root."""
    is_root = os.getuid() == 0
    home = tempfile.mkdtemp(prefix="slo-")
    if is_root:
        shutil.chown(home, user, user)
    try:
        yield home, user if is_root else None
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def postgres_server() -> Iterator[dict[str, object]]:
    """A PostgreSQL, as an entry of Django's `DATABASES`. It syncs each commit, as in production."""
    folders = sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    with _home("postgres") as (home, user):
        port = free_port()
        owner = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        init = [_command("initdb", *folders), "-D", f"{home}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        _run([*init, "--locale=C.UTF-8", "--no-sync", "--no-instructions"], home, **owner)
        command = [_command("postgres", *folders), "-D", f"{home}/data", "-p", str(port), "-h", HOST, "-k", home]
        with _running(command, port=port, folder=home, user=user, stop_with=signal.SIGQUIT):
            yield {
                "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres",
                "HOST": HOST, "PORT": port,
            }  # fmt: skip


@contextmanager
def mariadb_server() -> Iterator[dict[str, object]]:
    """A MariaDB, as an entry of Django's `DATABASES`. It syncs each commit, as in production."""
    with _home("mysql") as (home, user):
        port = free_port()
        owner = {} if user is None else {"user": user, "group": user, "extra_groups": []}
        name = user or Path(home).owner()
        install = [_command("mariadb-install-db"), "--no-defaults", f"--datadir={home}/data", f"--user={name}"]
        _run([*install, "--auth-root-authentication-method=normal", "--skip-test-db"], home, **owner)
        command = [
            _command("mariadbd", "/usr/sbin"), "--no-defaults", f"--user={name}", f"--datadir={home}/data",
            f"--port={port}", f"--bind-address={HOST}", f"--socket={home}/s", f"--pid-file={home}/pid", "--skip-log-bin",
        ]  # fmt: skip
        with _running(command, port=port, folder=home, user=user):
            client = [_command("mariadb"), "--no-defaults", "-u", "root", f"--socket={home}/s", "-e"]
            _wait(lambda: _succeeds([*client, "CREATE DATABASE IF NOT EXISTS slo CHARACTER SET utf8mb4"]))
            yield {
                "ENGINE": "django.db.backends.mysql", "NAME": "slo", "USER": "root", "HOST": HOST, "PORT": port,
                "OPTIONS": {"charset": "utf8mb4"},
            }  # fmt: skip


def _run(command: Sequence[str], folder: str, **options: object) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, **options)  # type: ignore[call-overload]
    if done.returncode:
        raise MissingServerError(f"{command[0]}: {done.stderr.decode(errors='replace')[-500:]}")


def _succeeds(command: Sequence[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise MissingServerError("a server does not answer")
        time.sleep(0.1)
