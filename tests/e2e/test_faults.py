"""Stores that fail under load: no request fails or waits, nothing is lost, nothing counts twice."""

from __future__ import annotations

import json
import os
import random
import resource
import select
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from database_servers import MariaDB, PostgreSQL, start_mariadb, start_postgres
from django_databases import migrated
from fault_matrix import note_fault
from fleet_client import Clients, Totals, scrape, send, settled, totals, workers_up
from redis_servers import RedisServer, start_redis
from slo_servers import HOST, Server, free_port, python, soon, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"

OUTAGE_REQUESTS = 400

_NAMES = {"redis": "Redis", "postgres": "PostgreSQL", "mariadb": "MariaDB"}


@contextmanager
def served(
    store: str, *, server: str = "gthread", application: str = "flask_app", by_pipe: bool = False, **environment: str
) -> Iterator[Server]:
    """
    The service with two workers, of four threads where they have threads; its output goes through a pipe, if wanted.

    Both are up: a store that fails keeps a worker from starting, as a wrong setting would.
    """
    port = free_port()
    if server == "uvicorn":
        command = python(
            "-m",
            "uvicorn",
            "--no-access-log",
            "--port",
            str(port),
            "--workers",
            "2",
            "--timeout-keep-alive",
            "60",
            "--factory",
            "fleet_service:asgi_app",
        )
    else:
        threads = ["--threads", "4"] if server == "gthread" else []
        command = python(
            "-m", "gunicorn", "-b", f"{HOST}:{port}", "-w", "2", "-k", server, *threads, "--graceful-timeout", "10",
            "--keep-alive", "60", f"fleet_service:{application}()",
        )  # fmt: skip
    if by_pipe:
        command = ["bash", "-c", 'exec "$@" > >(exec cat) 2>&1', "bash", *command]
    env = {"SERVICE_STORE": store, "PYTHONPATH": str(SUPPORT), **environment}
    # Nothing is counted there: a worker that is starting may count a request and not get its answer through.
    with start_server(command, port=port, ready="/nowhere", env=env) as server:
        workers_up(port, 2)
        yield server


def suffer(running: Server, break_it: Callable[[], None], mend_it: Callable[[], None]) -> Clients:
    """Load before, in and after an outage; nobody notices."""
    port = running.port
    with Clients(port, pause=0.002) as clients:
        wait_until(lambda: clients.answers > 200, message="no answers")
        # Every worker has answered, and handed over what it counted: each knows the store that is about to go.
        counted = clients.seen.copy()
        wait_until(lambda: counted <= (totals(port) or Totals()), message="the first answers are not in the store")
        break_it()
        try:
            before = clients.answers
            wait_until(lambda: totals(port) is None, message="the outage is not on /metrics")
            wait_until(lambda: clients.answers > before + OUTAGE_REQUESTS, message="no answers in the outage")
        finally:
            mend_it()
        wait_until(lambda: totals(port) is not None, message="the store is still away")
        before = clients.answers
        wait_until(lambda: clients.answers > before + 200, message="no answers after it")
    unhurt(clients)
    return clients


def unhurt(clients: Clients) -> None:
    """
    Nobody got an error, and nobody waited for a store.

    A busy machine lets a few wait. A store lets everybody wait for as long as it is away: a third of these clients' answers.
    """
    print(f"{clients.answers} answers, {clients.slow} of them slow, the slowest {clients.slowest * 1000:.0f} ms")
    assert (clients.wrong, clients.broken) == ([], 0)
    assert clients.slow <= clients.answers // 10


def caught_up(running: Server, clients: Clients, fault: str) -> None:
    """Every worker comes to show what the clients saw, to the event; the row of this fault goes into the table."""
    held = Totals()
    try:
        comes_to_show(running, clients.seen)
    finally:
        held = totals(running.port) or held
        note_fault(fault, clients, held=held.total())


def comes_to_show(running: Server, seen: Totals) -> None:
    """It stays there, too: what counts twice stays too much."""

    def all_shown() -> list[Totals | None]:
        return [totals(running.port) for _ in range(6)]

    assert soon(all_shown, [seen] * 6) == [seen] * 6
    threading.Event().wait(0.55)  # as old as what another worker has read may be
    assert soon(all_shown, [seen] * 6) == [seen] * 6


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """One that has on the disk what it has confirmed."""
    with start_redis("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    with start_postgres() as server:
        migrated(server.settings)
        yield server


@pytest.fixture(scope="module")
def mariadb() -> Iterator[MariaDB]:
    with start_mariadb() as server:
        migrated(server.settings)
        yield server


def django(database: PostgreSQL | MariaDB, **settings: object) -> dict[str, str]:
    """How the service is told of a database."""
    return {"application": "django_wsgi", "SERVICE_DATABASE": json.dumps({**database.settings, **settings})}


def test_a_redis_that_is_killed(redis: RedisServer):
    """And comes back with its data."""
    with served(redis.url) as running:
        clients = suffer(running, redis.kill, redis.start)
        caught_up(running, clients, "Redis, killed and restarted")


@pytest.mark.parametrize("server", ["gthread", "gevent", "uvicorn"])
def test_a_redis_that_is_paused(redis: RedisServer, server: str):
    """It may apply what it was sent long after the writer has given up waiting; no greenlet and no loop waits for it."""
    with served(redis.url, server=server) as running:
        clients = suffer(running, redis.pause, redis.resume)
        caught_up(running, clients, f"Redis, hangs ({server})")


def test_a_redis_that_comes_back_empty(redis: RedisServer):
    """Its history is lost: another store_id, totals that start anew, and a line in the log. What comes then is exact."""

    def store_id() -> str | None:
        ids = {dict(labels)["store_id"] for name, labels in scrape(running.port) if name == "slo_target" and labels}
        # None while the store is away: some worker may not have noticed yet that it is back.
        return ids.pop() if len(ids) == 1 else None

    def come_back_empty() -> None:
        redis.empty()
        redis.start()

    with served(redis.url) as running:
        port = running.port
        send(port, requests=200)
        wait_until(lambda: (totals(port) or Totals())["availability", "good"] > 0, message="nothing was counted")
        before = wait_until(store_id, message="no store_id is shown")
        clients = suffer(running, redis.kill, come_back_empty)
        wait_until(lambda: store_id() not in (before, None), message="the store has the same store_id")
        at_rest = settled(port)
        more = send(port, requests=200)
        comes_to_show(running, at_rest + more.seen)

        assert 0 < at_rest["availability", "good"] < clients.seen["availability", "good"] + 200
        assert "its history is lost, totals start over" in running.output()


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_that_is_killed(kind: str, request: pytest.FixtureRequest):
    """And restarted."""
    database = request.getfixturevalue(kind)
    with served("django://default", SERVICE_NAME="killed", **django(database)) as running:
        clients = suffer(running, database.kill, database.start)
        caught_up(running, clients, f"{_NAMES[kind]}, killed and restarted")


@pytest.mark.parametrize("kind", ["postgres", "mariadb"])
def test_a_database_that_hangs(kind: str, request: pytest.FixtureRequest):
    """Its connections stay open, and its transactions too."""
    database = request.getfixturevalue(kind)
    with served("django://default", SERVICE_NAME="paused", **django(database)) as running:
        clients = suffer(running, database.pause, database.resume)
        caught_up(running, clients, f"{_NAMES[kind]}, hangs")


class Proxy:
    """
    Passes bytes on, and may be told to throw answers away.

    Attributes:
        port: Where it listens.
        cut: How many connections it cut, after the request had gone through and before the answer had.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self.cut = 0
        self._share = 0.0
        self._chooser = random.Random(0)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_share(self, share: float) -> None:
        """This share of all answers is thrown away, each with its connection."""
        self._share = share

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(client,), daemon=True).start()

    def _pass(self, client: socket.socket) -> None:
        with client, socket.create_connection((HOST, self._target)) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                try:
                    data = ready[0].recv(65536)
                    if not data:
                        return
                    if ready[0] is client:
                        server.sendall(data)
                        continue
                    if self._chooser.random() < self._share:
                        self.cut += 1
                        return
                    client.sendall(data)
                except OSError:
                    return

    def close(self) -> None:
        self._listener.close()


@pytest.mark.parametrize("kind", ["redis", "postgres", "mariadb"])
def test_answers_that_are_cut_off(kind: str, request: pytest.FixtureRequest):
    """The write was applied, and nobody was told so: it is sent again, and counts once."""
    server = request.getfixturevalue(kind)
    with closing(Proxy(server.port)) as proxy:
        if kind == "redis":
            # One answer for each interval, and so there are many.
            service = served(f"redis://{HOST}:{proxy.port}/0", SERVICE_INTERVAL="0.05")
        else:
            service = served("django://default", SERVICE_NAME="cut", **django(server, PORT=str(proxy.port)))
        with service as running, Clients(running.port, pause=0.002) as clients:
            proxy.cut_share(0.1)
            wait_until(lambda: proxy.cut > 10 and clients.answers > 1000, message="no answer was cut")
            proxy.cut_share(0.0)
            clients.stop()
            caught_up(running, clients, f"{_NAMES[kind]}, one answer in ten is lost")
            print(f"{proxy.cut} answers were cut")

            unhurt(clients)


def workers(running: Server) -> list[int]:
    """Their processes."""
    pid = running.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in children if Path(f"/proc/{child}/comm").read_text(encoding="ascii") != "cat\n"]


def test_a_disk_that_is_full(tmp_path: Path):
    """No file of the workers may grow: SQLite cannot write, and says so."""
    path = tmp_path / "slo.db"
    with served(f"sqlite:///{path}", by_pipe=True) as running:

        def limit(size: int) -> None:
            for pid in workers(running):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        clients = suffer(running, lambda: limit(1), lambda: limit(resource.RLIM_INFINITY))
        caught_up(running, clients, "SQLite, no file may grow")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("server", ["gthread", "gevent"])
def test_a_file_that_somebody_locks(tmp_path: Path, server: str):
    """A backup, or a person with a shell. Under gevent all requests of a worker would wait with whoever waits in C."""
    path = tmp_path / "slo.db"
    store = f"sqlite:///{path}"
    outage: list[float] = []
    with (
        served(store, server=server) as running,
        closing(sqlite3.connect(path, timeout=60, check_same_thread=False)) as connection,
    ):

        def lock() -> None:
            connection.execute("BEGIN EXCLUSIVE")
            outage.append(time.monotonic())

        def unlock() -> None:
            threading.Event().wait(6)
            outage.append(time.monotonic())
            connection.rollback()

        clients = suffer(running, lock, unlock)
        caught_up(running, clients, f"SQLite, locked ({server})")
    # The writer waits for a second, time after time: if requests waited with it, then in most of these seconds.
    seconds = int(outage[1] - outage[0])
    slow = {int(at - outage[0]) for at in clients.slow_at if outage[0] <= at < outage[0] + seconds}
    print(f"{len(slow)} of {seconds} seconds had a slow answer")
    assert len(slow) <= seconds // 3


def test_a_file_that_cannot_be_read_any_more(tmp_path: Path):
    """A slip of the hand: requests go on, and the store is down until somebody moves aside what stands in its place."""
    folder, broken = tmp_path / "store", tmp_path / "broken"
    folder.mkdir()
    (broken / "slo.db").mkdir(parents=True)  # root may read any file

    def break_it() -> None:
        # The whole folder, at once: SQLite keeps further files in it, which come and go, and a worker that found the file
        # missing would make a new one.
        folder.rename(tmp_path / "moved")
        broken.rename(folder)

    def mend_it() -> None:
        (folder / "slo.db").rename(folder / "trouble")

    with served(f"sqlite:///{folder / 'slo.db'}") as running:
        clients = suffer(running, break_it, mend_it)
        wait_until(lambda: "its history is lost, totals start over" in running.output(), message="nobody says so")
        recorded = settled(running.port)

    # Nothing that came while it was broken is lost, and nothing of before comes again.
    assert OUTAGE_REQUESTS < recorded["availability", "good"] + recorded["availability", "bad"] < clients.answers


def test_a_file_that_is_damaged_while_it_is_used(tmp_path: Path):
    """Under the open connections of the workers: no request fails, and no number is shown that may be wrong."""
    path = tmp_path / "slo.db"
    with served(f"sqlite:///{path}") as running, Clients(running.port, pause=0.002) as clients:
        wait_until(lambda: totals(running.port), message="nothing is counted")
        with closing(sqlite3.connect(path)) as connection:
            # Not while a worker reads it; what stays in the log beside the file would stand in for it.
            checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)"
            wait_until(lambda: connection.execute(checkpoint).fetchone()[0] == 0, message="no checkpoint was made")
        with path.open("r+b") as file:
            file.write(b"no database, " * (path.stat().st_size // 13))
        wait_until(lambda: totals(running.port) is None, message="the damage is not on /metrics")
        before = clients.answers
        wait_until(lambda: clients.answers > before + OUTAGE_REQUESTS, message="no answers")
    unhurt(clients)


def test_a_store_that_is_away_at_the_start(redis: RedisServer):
    """The application starts, says so, and catches up."""
    redis.kill()
    with served(redis.url) as running:
        clients = send(running.port, requests=200)
        assert totals(running.port) is None
        assert (clients.wrong, clients.broken) == ([], 0)
        redis.start()
        caught_up(running, clients, "Redis, away at the start")


def test_a_wrong_password_is_said_without_it():
    """In one line a minute; once it is right, everything is there."""
    with start_redis("--requirepass", "sesame") as server:
        with served(f"redis://:hunter2@{HOST}:{server.port}/0") as running:
            clients = send(running.port, requests=200)
            assert totals(running.port) is None
            output = wait_until(lambda: "cannot be reached" in running.output() and running.output())
            assert server.cli("-a", "sesame", "config", "set", "requirepass", "hunter2") == "OK"
            caught_up(running, clients, "Redis, wrong password")

        assert (clients.wrong, clients.broken) == ([], 0)
        assert "hunter2" not in output
        lines = [line for line in output.splitlines() if "cannot be reached" in line]
        assert 1 <= len(lines) <= 2  # one of each worker


def test_a_file_that_may_only_be_read(tmp_path: Path):
    """It says so at the start, as it would of a wrong setting. Root may write anything: then it runs as nobody."""
    path = tmp_path / "slo.db"
    code = (
        "import os, sys; from slo_core import SLORegistry, StoreError; import slo_core.stores.sql.sqlite\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try: SLORegistry(sys.argv[1])\n"
        "except StoreError as exc: print(exc)\n"
    )

    def said() -> str:
        done = subprocess.run(
            python("-c", code, f"sqlite:///{path}"), capture_output=True, text=True, check=True, cwd="/"
        )
        return done.stdout

    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == os.geteuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o005)
    tmp_path.chmod(0o555)
    try:
        assert str(path) in said()  # the folder may not be written to
    finally:
        tmp_path.chmod(0o777)
    path.touch(mode=0o444)
    assert str(path) in said()
