"""Client, service and Prometheus agree to the last event: real servers, real HTTP, a real Prometheus."""

from __future__ import annotations

import http.client
import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from slo_servers import HOST, Prometheus, Server, fetch, free_port, python, require, start_prometheus, start_server, wait_until

EXAMPLES = Path(__file__).resolve().parents[2] / "example_projects"
REQUESTS = 3_000
CLIENTS = 4


@dataclass(frozen=True)
class Kind:
    """
    One kind of request and what it is to each SLO: True good, False bad.

    Attributes:
        method: Its method.
        path: Its path and query.
        status: What the client must see.
        outcomes: What the service must count.
    """

    method: str
    path: str
    status: int
    outcomes: Mapping[str, bool]


@dataclass(frozen=True)
class Service:
    """
    An example project under a real server.

    Attributes:
        folder: Where it runs.
        command: Its command line for a port.
        kinds: What it is sent.
        prepare: Commands to run before.
    """

    folder: Path
    command: Callable[[int], list[str]]
    kinds: tuple[Kind, ...]
    prepare: tuple[tuple[str, ...], ...] = ()


def gunicorn(application: str) -> Callable[[int], list[str]]:
    return lambda port: python(
        "-m", "gunicorn", application, "--bind", f"{HOST}:{port}", "--workers", "1", "--threads", "4", "--no-control-socket"
    )
