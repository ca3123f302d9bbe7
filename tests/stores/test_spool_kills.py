"""Processes are killed at any moment while they count and hand over to a real store: nothing is lost or doubled."""

from __future__ import annotations

import itertools
import mmap
import os
import random
import signal
import time
import traceback
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from redis_servers import start_redis
from slo_core.stores.buckets import Batch, Declaration, Note, Query
from slo_core.stores.layout import spread
from slo_core.stores.redis.store import open_redis
from slo_core.stores.spool.folder import SpoolFolder
from slo_core.stores.spool.header import SpoolHeader
from slo_core.stores.spool.heir import Heir
from slo_core.stores.spool.process_spool import ProcessSpool
from slo_core.stores.spool.slots import BAD, GOOD
from slo_core.stores.spool.spool_file import SpoolFile
from slo_core.stores.sql.sqlite import SQLiteBucketStore

# Threads of other tests may be alive: the child calls nothing that needs them.
FORKS = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")

KILLS = 200 if os.environ.get("SLO_LONG_TESTS") else 12

MakeStore = Callable[[], Any]


@pytest.fixture(params=["sqlite", "redis"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeStore]:
    """Opens the store, on a real file or server."""
    if request.param == "sqlite":
        yield lambda: SQLiteBucketStore(tmp_path / "slo.db", service="shop")
    else:
        with start_redis() as redis:
            yield lambda: open_redis(redis.url, service="shop")


def count_until_killed(folder: SpoolFolder, store: Any, witness: memoryview) -> None:
    """Count, hand over, and note in the witness each event of which the count has returned."""
    writer = os.urandom(16).hex()
    spool = ProcessSpool(SpoolFile.create(folder, writer), SpoolHeader(writer, int(time.time())))
    declaration = Declaration('{"name": "orders"}', "f", 3600, time.time())
    number = spool.declare("orders", declaration)
    assert number is not None
    applied = store.apply((Batch(writer, "orders", 0, declaration=declaration),))
    known: Note = applied.notes[0]._replace(swept_at=applied.now)
    seen = {0: 0, 1: 0}
    slot = spool.take_slot(number, int(time.time()))
    for batch_number in itertools.count(1):
        assert slot is not None
        for event in range(random.randrange(40)):
            slot.cells[BAD if event % 10 == 9 else GOOD] += 1
            witness[event % 10 == 9] += 1
        second, good, bad = slot.cells[1], slot.cells[GOOD] - seen[0], slot.cells[BAD] - seen[1]
        seen = {0: slot.cells[GOOD], 1: slot.cells[BAD]}
        if batch_number % 3:
            spool.settle(busy=[slot])
        else:
            spool.settle(left=[slot])
            slot = spool.take_slot(number, int(time.time()))
            assert slot is not None
            seen = {0: slot.cells[GOOD], 1: slot.cells[BAD]}
        counted = ((second, good, bad),)
        batch = Batch(
            writer, "orders", batch_number, os.urandom(8).hex(), spread(counted), good, bad, second, second,
            after=known if batch_number == 1 else None, is_live=True,
        )  # fmt: skip
        store_id = applied.identity.store_id
        assert spool.freeze(batch, counted, slo=number, at=time.time(), store_id=store_id, known=known)
        (note,) = store.apply((batch,)).notes
        assert (note.number, note.nonce) == (batch.number, batch.nonce)
        known = note
        assert spool.confirm(number, writer, batch_number)


@FORKS
def test_killed_processes_lose_and_double_nothing(make_store: MakeStore, tmp_path: Path) -> None:
    """What was counted when each was killed is in the store; at most the event that was being counted is there besides."""
    folder = SpoolFolder(str(tmp_path / "slo"), "shop")
    shared = mmap.mmap(-1, 4096)
    witness = memoryview(shared).cast("q")
    reports: list[str] = []
    drawn = random.Random(11)
    for _ in range(KILLS):
        child = os.fork()
        if child == 0:
            try:
                count_until_killed(folder, make_store(), witness)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        until = sum(witness[:2]) + drawn.randrange(400)
        end = time.monotonic() + 30
        while sum(witness[:2]) < until and time.monotonic() < end:
            time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    store = make_store()
    heir = Heir(folder, store.apply, clock=time.time, report=lambda *report: reports.append(str(report)))
    for _ in range(KILLS):
        heir.round()

    (stored,) = store.read([Query("orders")])
    assert reports == []
    assert os.listdir(folder.path) == []
    assert stored.record is not None
    counted = array("q", witness[:2])
    assert counted[0] > KILLS
    assert counted[0] <= stored.record.good <= counted[0] + KILLS
    assert counted[1] <= stored.record.bad <= counted[1] + KILLS
    assert sum(counted) <= stored.record.good + stored.record.bad <= sum(counted) + KILLS
    store.close()
