"""What the tests of the spool share: a folder of a service, and processes that count in it and are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slo_core.stores.spool.folder import SpoolFolder

# Counts `argv[2]` good events and 1 bad one in a spool under the folder `argv[1]`, and then does what `argv[3]` says.
COUNTING = """
import os, signal, sys
from slo_core.stores.buckets import Declaration
from slo_core.stores.spool.folder import SpoolFolder
from slo_core.stores.spool.header import SpoolHeader
from slo_core.stores.spool.process_spool import ProcessSpool
from slo_core.stores.spool.slots import BAD, GOOD
from slo_core.stores.spool.spool_file import SpoolFile
folder = SpoolFolder(sys.argv[1], "shop")
writer = os.urandom(16).hex()
file = SpoolFile.create(folder, writer)
spool = ProcessSpool(file, SpoolHeader(writer, 1000))
orders = spool.declare("orders", Declaration('{"name": "orders"}', "f", 3600, 900.0))
slot = spool.take_slot(orders, 995)
for _ in range(int(sys.argv[2])):
    slot.cells[GOOD] += 1
slot.cells[BAD] += 1
exec(sys.argv[3])
"""


@pytest.fixture
def place(tmp_path: Path) -> str:
    """Where the folders of services are."""
    return str(tmp_path / "slo")


@pytest.fixture
def folder(place: str) -> Iterator[SpoolFolder]:
    """The folder of one service."""
    folder = SpoolFolder(place, "shop")
    yield folder
    folder.close()


@pytest.fixture
def run_counting(place: str):
    """Runs a process that counts; see `COUNTING`."""

    def run(events: int, end: str = "os.kill(os.getpid(), signal.SIGKILL)") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", COUNTING, place, str(events), end]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=os.environ)

    return run
