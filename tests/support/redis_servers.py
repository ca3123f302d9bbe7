"""Throwaway Redis servers and clusters for tests, on free ports, stopped by their own processes."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from slo_servers import HOST, free_port, require, wait_until

__all__ = ["RedisCluster", "RedisServer", "readme_rights", "start_redis", "start_redis_cluster"]


def readme_rights(*, is_cluster: bool = False) -> list[str]:
    """The user `slo`, and the rules that the README gives it."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    rules = re.search(r"^ACL SETUSER (.*)$", readme, re.MULTILINE)
    more = re.search(r"in a cluster also `(.*?)`", readme)
    assert rules is not None
    assert more is not None
    return [*rules[1].split(), *(more[1].split() if is_cluster else ())]


class RedisServer:
    """
    A Redis server of its own.

    Args:
        folder: Where it keeps its data.
        arguments: More of its command line.
    """

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._command = require("redis-server", package="redis-server")
        self._cli = require("redis-cli", package="redis-server")
        self.folder = folder
        self.port = free_port()
        self.arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its first database."""
        return f"redis://{HOST}:{self.port}/0"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start it, also again after it was killed."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._command, "--port", str(self.port), "--bind", HOST, "--dir", str(self.folder), "--save", "",
                    "--daemonize", "no", *self.arguments,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        wait_until(self._is_ready, message="Redis did not start")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
        return self.cli("ping") in ("PONG", "NOAUTH Authentication required.")

    def cli(self, *arguments: str) -> str:
        """What `redis-cli` prints; bytes that are no text, as blocks hold them, come out as marks."""
        done = subprocess.run(
            [self._cli, "-h", HOST, "-p", str(self.port), *arguments],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
        return done.stdout.strip()

    def grant(self, rules: Sequence[str]) -> None:
        """Make a user of these rules, and of no other."""
        user, *more = rules
        assert self.cli("acl", "setuser", user, "reset", *more) == "OK"

    def kill(self) -> None:
        """SIGKILL: nothing is written any more."""
        self.process.kill()
        self.process.wait()

    def empty(self) -> None:
        """Throw its data away, while it is not running."""
        for path in self.folder.iterdir():
            if path.name != "log":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, and nobody answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it, whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self._process.kill()
            self._process.wait()


@contextmanager
def start_redis(*arguments: str, durable: bool = False) -> Iterator[RedisServer]:
    """
    A Redis until the `with` block ends.

    Args:
        arguments: More of its command line.
        durable: Keep every write through a SIGKILL (`appendfsync always`).
    """
    with tempfile.TemporaryDirectory(prefix="slo-redis-") as folder:
        more = ("--appendonly", "yes", "--appendfsync", "always") if durable else ()
        server = RedisServer(Path(folder), *more, *arguments)
        try:
            server.start()
            yield server
        finally:
            server.stop()


class RedisCluster:
    """
    Some Redis servers that are one cluster.

    Attributes:
        nodes: Masters and replicas.
    """

    def __init__(self, nodes: Sequence[RedisServer]) -> None:
        self.nodes = list(nodes)

    @property
    def url(self) -> str:
        """By one of its nodes."""
        return f"redis+cluster://{HOST}:{self.nodes[0].port}/0"

    def node_ids(self) -> dict[int, str]:
        """The id of the node at each port."""
        lines = self.running.cli("cluster", "nodes").splitlines()
        return {int(line.split()[1].partition("@")[0].rpartition(":")[2]): line.split()[0] for line in lines}

    def masters(self) -> list[RedisServer]:
        """The nodes that are masters now."""
        return [node for node in self.nodes if node.process.poll() is None and node.cli("role").startswith("master")]

    @property
    def running(self) -> RedisServer:
        """One that runs."""
        return next(node for node in self.nodes if node.process.poll() is None)

    def wait_until_ok(self) -> None:
        """Every running node sees the cluster whole, and every replica its master."""
        for node in self.nodes:
            if node.process.poll() is None:
                wait_until(
                    lambda node=node: "cluster_state:ok" in node.cli("cluster", "info"),
                    message="no cluster",
                )
                wait_until(
                    lambda node=node: "master_link_status:down" not in node.cli("info", "replication"),
                    message="a replica has no master",
                )


@contextmanager
def start_redis_cluster(
    *, masters: int = 3, replicas: int = 0, node_timeout_seconds: int = 15
) -> Iterator[RedisCluster]:
    """
    A cluster until the `with` block ends.

    Args:
        masters: How many.
        replicas: Of each master.
        node_timeout_seconds: After how long a silent node is given up; a busy machine may keep one silent for a second.
    """
    with ExitStack() as stack:
        nodes = []
        for _ in range(masters * (1 + replicas)):
            # The default bus port (port + 10000) overflows for many free ports.
            arguments = (
                "--cluster-enabled", "yes", "--cluster-port", str(free_port()),
                "--cluster-node-timeout", str(1000 * node_timeout_seconds), "--cluster-config-file", "nodes.conf",
                "--repl-diskless-sync-delay", "0", "--appendonly", "no",
            )  # fmt: skip
            nodes.append(stack.enter_context(start_redis(*arguments)))
        addresses = [f"{HOST}:{node.port}" for node in nodes]
        create = ("--cluster", "create", *addresses, "--cluster-replicas", str(replicas), "--cluster-yes")
        wait_until(lambda: "All 16384 slots covered" in nodes[0].cli(*create), message="no cluster was made")
        cluster = RedisCluster(nodes)
        cluster.wait_until_ok()
        yield cluster
