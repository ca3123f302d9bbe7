"""Many workers, one number: every server and every shared store, scraped all along, restarted with everything behind it."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from database_servers import PostgreSQL, start_postgres
from django_databases import migrated
from fleet_client import Clients, Highest, Scraper, Totals, send, settled, shown, totals, workers_up
from redis_servers import RedisServer, start_redis
from slo_servers import STOP_SECONDS, Server, fetch, free_port, python, soon, start_server, wait_until

SUPPORT = Path(__file__).parents[1] / "support"
LONG = bool(os.environ.get("SLO_LONG_TESTS"))
REQUESTS = 20_000 if LONG else 1_000

names = (f"fleet-{number}" for number in itertools.count())


@dataclass
class Backend:
    """
    A shared store, and the server behind it.

    Attributes:
        name: What it is.
        environment: How the service is told of it.
        wsgi: The service for gunicorn that uses it.
        asgi: The one for uvicorn.
        server: The process behind it; None for a file.
    """

    name: str
    environment: dict[str, str]
    wsgi: str = "flask_app"
    asgi: str = "asgi_app"
    server: RedisServer | PostgreSQL | None = None
    service: str = field(default_factory=lambda: next(names))

    def gunicorn(self, *arguments: str, workers: int = 4, **environment: str) -> AbstractContextManager[Server]:
        """The service under gunicorn, until the `with` block ends."""
        port = free_port()
        # gunicorn itself may wait in vain for a worker of gevent that was told to end while it was starting.
        command = python(
            "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-w", str(workers), "--graceful-timeout", "10", "--keep-alive", "60",
            *arguments, f"fleet_service:{self.wsgi}()",
        )  # fmt: skip
        return self._start(command, port, environment)

    def uvicorn(
        self, *arguments: str, factory: str | None = None, **environment: str
    ) -> AbstractContextManager[Server]:
        """The service under uvicorn."""
        port = free_port()
        command = python(
            "-m", "uvicorn", "--no-access-log", "--port", str(port), "--timeout-keep-alive", "60", "--factory", *arguments,
            f"fleet_service:{factory or self.asgi}",
        )  # fmt: skip
        return self._start(command, port, environment)

    def _start(self, command: list[str], port: int, environment: dict[str, str]) -> AbstractContextManager[Server]:
        env = {**self.environment, "SERVICE_NAME": self.service, "PYTHONPATH": str(SUPPORT), **environment}
        return start_server(command, port=port, ready="/metrics", env=env)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with start_redis("--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgreSQL]:
    with start_postgres() as server:
        migrated(server.settings)
        yield server


def backend_named(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    if name == "sqlite":
        return Backend(name, {"SERVICE_STORE": f"sqlite:///{tmp_path / 'slo.db'}"})
    if name == "redis":
        server: RedisServer = request.getfixturevalue("redis")
        return Backend(name, {"SERVICE_STORE": server.url}, server=server)
    database: PostgreSQL = request.getfixturevalue("postgres")
    environment = {"SERVICE_STORE": "django://default", "SERVICE_DATABASE": json.dumps(database.settings)}
    return Backend(name, environment, wsgi="django_wsgi", asgi="django_asgi", server=database)


STORES = ("sqlite", "redis", "postgres")


@pytest.fixture(params=STORES)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    """Each kind of shared store, with a service of its own in it."""
    return backend_named(request.param, request, tmp_path)


@pytest.fixture
def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return backend_named("sqlite", request, tmp_path)


GUNICORN = {
    "sync": ["-k", "sync"],
    "gthread": ["-k", "gthread", "--threads", "4"],
    "gevent": ["-k", "gevent"],
}
SERVERS = [*(f"{kind}{preload}" for kind in GUNICORN for preload in ("", "-preload")), "uvicorn"]


def cells(servers: list[str], **chosen: str) -> list[tuple[str, str]]:
    """Stores with servers: all of them with `SLO_LONG_TESTS`, else each store and each server in a few of the pairs."""
    if LONG:
        return [(store, server) for store in STORES for server in servers]
    pairs = [(store, server) for store in STORES for server in chosen[store].split()]
    assert {server for _, server in pairs} == set(servers)
    return pairs


RESTARTED = cells(
    SERVERS,
    sqlite="sync gevent-preload",
    redis="sync-preload gthread uvicorn",
    postgres="gthread-preload gevent",
)
STOPPED = cells(
    ["sync", "gthread", "gevent", "uvicorn", "uvicorn-alone"],
    sqlite="sync uvicorn-alone",
    redis="gevent uvicorn",
    postgres="gthread",
)

SCRAPERS = 3

# An interval of 0.2 s, the time one flush may take, and the scheduling of a busy machine.
MOST_LOST_SECONDS = 3.0


def serve(backend: Backend, server: str) -> AbstractContextManager[Server]:
    """The service with several workers, but for `uvicorn-alone`: uvicorn treats one worker as another thing."""
    if server == "uvicorn-alone":
        return backend.uvicorn()
    if server == "uvicorn":
        return backend.uvicorn("--workers", "2")
    kind, _, preload = server.partition("-")
    return backend.gunicorn(*GUNICORN[kind], *(["--preload"] if preload else []))


@pytest.mark.parametrize(("backend", "server"), RESTARTED, indirect=["backend"])
def test_every_worker_shows_the_one_number_before_and_after_a_restart(backend: Backend, server: str):
    """No scrape dips, however soon it comes; the total is what the clients saw; a restart of everything changes nothing."""
    with serve(backend, server) as running:
        port = running.port
        with ExitStack() as stack:
            highest = Highest()
            scrapers = [stack.enter_context(Scraper(port, highest=highest)) for _ in range(SCRAPERS)]
            clients = send(port, requests=REQUESTS)
            assert soon(lambda: totals(port), clients.seen) == clients.seen
            wait_until(lambda: sum(scraper.scrapes for scraper in scrapers) >= 60, message="nobody scraped")
        more = send(port, requests=40)  # and no scrape after these: what is left is handed over on the way out
    seen = clients.seen + more.seen

    assert (clients.wrong, clients.broken, more.broken) == ([], 0, 0)
    assert [scraper.dips for scraper in scrapers] == [[]] * SCRAPERS
    # A busy machine may keep a store from answering in time, once.
    assert sum(scraper.away for scraper in scrapers) <= 1
    if backend.server is not None:
        backend.server.kill()
        backend.server.start()
    with serve(backend, server) as running:
        port = running.port
        assert [shown(port) for _ in range(8)] == [seen] * 8  # whichever worker answers
        assert send(port, requests=40).broken == 0


@pytest.mark.skipif(not LONG, reason="twenty times what the test before does once")
@pytest.mark.parametrize("server", ["gthread", "uvicorn"])
@pytest.mark.parametrize("number", range(20))
def test_counters_never_dip(backend: Backend, server: str, number: int):
    """No scrape shows less than one that ended before it began, whichever worker answers: three scrapers, every 20 ms."""
    with ExitStack() as stack:
        running = stack.enter_context(
            backend.uvicorn("--workers", "4") if server == "uvicorn" else serve(backend, server)
        )
        clients, highest = stack.enter_context(Clients(running.port, pause=0.005)), Highest()
        scrapers = [stack.enter_context(Scraper(running.port, highest=highest)) for _ in range(SCRAPERS)]
        wait_until(lambda: all(scraper.scrapes >= 60 for scraper in scrapers), message="nobody scraped")
        clients.stop()

    print("scrapes", [scraper.scrapes for scraper in scrapers], "away", [scraper.away for scraper in scrapers])
    assert [scraper.dips for scraper in scrapers] == [[]] * SCRAPERS
    assert (clients.wrong, clients.broken) == ([], 0)


@pytest.mark.parametrize("kind", GUNICORN)
def test_workers_that_are_recycled_lose_and_double_nothing(sqlite: Backend, kind: str):
    """`--max-requests 20`: connections are dropped now and then, and a worker's last events are handed over."""
    with sqlite.gunicorn(*GUNICORN[kind], "--max-requests", "20", workers=2) as running:
        port = running.port
        clients = send(port, requests=400)
        recorded = settled(port)

    assert clients.wrong == []
    assert at_most(clients.seen, recorded, more=clients.broken)


def at_most(seen: Totals, recorded: Totals, *, more: int) -> bool:
    """seen <= recorded <= seen + the requests whose answers did not arrive."""
    beyond = Counter(recorded)
    beyond.subtract(seen)
    print("seen", dict(seen), "recorded", dict(recorded), "broken", more)
    of_all = sum(count for (slo, _), count in beyond.items() if slo == "availability")
    return all(count >= 0 for count in beyond.values()) and of_all <= more


@pytest.mark.parametrize(("backend", "server"), STOPPED, indirect=["backend"])
def test_a_shutdown_under_load_loses_nothing(backend: Backend, server: str):
    """SIGTERM to all of it, while clients send: every answer that arrived was counted."""
    with serve(backend, server) as running:
        port = running.port
        with Clients(port) as clients:
            wait_until(lambda: clients.answers > 300, message="no answers")
            running.process.terminate()
            running.process.wait(STOP_SECONDS)
            clients.stop()
    with serve(backend, server) as running:
        recorded = shown(running.port)

    assert clients.wrong == []
    assert at_most(clients.seen, recorded, more=clients.broken)


def test_a_killed_worker_loses_at_most_its_last_interval(backend: Backend, tmp_path: Path):
    """SIGKILL: what it had answered since its last flush is all that may be missing."""
    log = tmp_path / "answers"
    with backend.gunicorn("-k", "gthread", "--threads", "2", workers=2, SERVICE_LOG=str(log)) as running:
        port = running.port
        with Clients(port, pause=0.01) as clients:
            worker = min(workers_up(port, 2))
            # Long enough for its last seconds to be a part of what it has answered.
            threading.Event().wait(3 * MOST_LOST_SECONDS)
            os.kill(worker, signal.SIGKILL)
            before = clients.answers
            wait_until(lambda: clients.answers > before + 300, message="no answers")
        recorded = settled(port)
    answered = [line.split() for line in log.read_text().splitlines()]
    its_own = [float(at) for at, pid in answered if int(pid) == worker]
    its_last = sum(at > max(its_own) - MOST_LOST_SECONDS for at in its_own)
    counted = recorded["availability", "good"] + recorded["availability", "bad"]

    print(f"{len(answered)} answered, {counted} counted, {its_last} were the worker's last")
    assert len(answered) - its_last <= counted <= len(answered)


def test_django_without_a_lifespan_loses_at_most_an_interval(sqlite: Backend, tmp_path: Path):
    """uvicorn ends without a word to whoever does not listen: `with_lifespan` is there for that."""
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "unused.db")}
    log = tmp_path / "answers"
    environment = {"SERVICE_DATABASE": json.dumps(database), "SERVICE_LOG": str(log)}
    with sqlite.uvicorn(factory="django_asgi_without_lifespan", **environment) as running:
        # Over three times as many seconds as may be lost.
        with Clients(running.port, requests=400, pause=3 * MOST_LOST_SECONDS / 100) as clients:
            clients.join()
        running.process.terminate()
        running.process.wait(STOP_SECONDS)
    with sqlite.uvicorn(factory="django_asgi", **environment) as running:
        recorded = shown(running.port)
        again = send(running.port, requests=400)
        running.process.terminate()
        running.process.wait(STOP_SECONDS)
    with sqlite.uvicorn(factory="django_asgi", **environment) as running:
        assert shown(running.port) == recorded + again.seen

    times = [float(line.split()[0]) for line in log.read_text().splitlines()]
    its_last = sum(at > times[clients.answers - 1] - MOST_LOST_SECONDS for at in times[: clients.answers])
    counted = recorded["availability", "good"] + recorded["availability", "bad"]
    assert clients.answers - its_last <= counted <= clients.answers


@pytest.mark.parametrize("command", ["runserver", "flask"])
def test_a_reloader_has_one_flusher(command: str, sqlite: Backend, tmp_path: Path):
    """The process that watches the files counts nothing and starts nothing."""
    port = free_port()
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path / "unused.db")}
    environment = {
        **sqlite.environment, "PYTHONPATH": str(SUPPORT), "SERVICE_DATABASE": json.dumps(database), "SERVICE_DEBUG": "1",
    }  # fmt: skip
    commands = {
        "runserver": python(str(SUPPORT / "fleet_service.py"), "runserver", str(port)),
        "flask": python("-m", "flask", "--app", "fleet_service:flask_app", "run", "--debug", "--port", str(port)),
    }
    with start_server(commands[command], port=port, ready="/metrics", env=environment) as running:
        fetch(f"{running.url}/ok")
        assert soon(lambda: totals(port), {("availability", "good"): 1}) == {("availability", "good"): 1}
        serving = json.loads(fetch(f"{running.url}/threads"))

        assert serving["threads"].count("slo-flusher") == 1
        assert serving["pid"] != running.process.pid
        assert not open_files(running.process.pid) & {sqlite.environment["SERVICE_STORE"].removeprefix("sqlite:///")}


def open_files(pid: int) -> set[str]:
    """What a process holds open."""
    return {os.path.realpath(link) for link in Path(f"/proc/{pid}/fd").iterdir()}


def test_nothing_is_dropped_when_a_client_asks_for_metrics_only(sqlite: Backend):
    """A worker that counts nothing shows what the others count."""
    with sqlite.gunicorn("-k", "sync") as running:
        assert [shown(running.port) for _ in range(8)] == [Totals()] * 8
        connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        connection.request("GET", "/bad")
        assert connection.getresponse().status == 500
        connection.close()
        wait_until(
            lambda: all(totals(running.port) == {("availability", "bad"): 1} for _ in range(8)),
            message="some worker does not show the event",
        )


@pytest.mark.parametrize("configured_by", ["command line", "file"])
def test_memory_says_that_it_is_of_one_process(configured_by: str, tmp_path: Path):
    """Each worker says it once: at its start where it can tell, else when it is first scraped."""
    config = tmp_path / "gunicorn.conf.py"
    config.write_text("workers = 2\n")
    port = free_port()
    arguments = ["-w", "2"] if configured_by == "command line" else ["-c", str(config)]
    command = python("-m", "gunicorn", "-b", f"127.0.0.1:{port}", *arguments, "fleet_service:flask_app()")
    environment = {"SERVICE_STORE": "memory://", "PYTHONPATH": str(SUPPORT)}
    with start_server(command, port=port, ready="/metrics", env=environment) as running:
        for _ in range(20):
            totals(port)
        said = running.output().count("several workers (")

    assert 1 <= said <= 2


def test_a_server_that_is_started_by_its_bare_name(tmp_path: Path):
    """Its configuration file says the rest; the application starts, answers and is scraped."""
    port = free_port()
    (tmp_path / "gunicorn.conf.py").write_text(
        f'wsgi_app = "fleet_service:flask_app()"\nbind = "127.0.0.1:{port}"\nworkers = 2\n'
    )
    environment = {"SERVICE_STORE": "memory://", "PYTHONPATH": str(SUPPORT)}
    # Not `python -m gunicorn`: to that, the file is an argument.
    command = [str(Path(sys.executable).with_name("gunicorn"))]
    with start_server(command, port=port, ready="/ok", cwd=tmp_path, env=environment) as running:
        wait_until(lambda: totals(port)[("availability", "good")] > 0, message="nothing is counted")
        assert "several workers (the server says wsgi.multiprocess)" in running.output()
