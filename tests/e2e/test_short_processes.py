"""
Ten short processes a second, half of them killed: what they leave in the store is next to nothing.

200 of them, one after the other, unless `SLO_LONG_TESTS` is set: then for an hour.
"""

from __future__ import annotations

import os
import subprocess
import sys

from redis_servers import start_redis
from slo_servers import HOST, PATIENCE_SECONDS

LONG = bool(os.environ.get("SLO_LONG_TESTS"))
PROCESSES, RATE = (36_000, 10.0) if LONG else (200, 100.0)

MOST_NOTES = 1_000
SLOW_MICROSECONDS = 2_000

# A parent that forks, as a task queue does: Python starts once.
_PARENT = """
import logging, os, random, signal, sys, time
from slo_core import SLODefinition, SLORegistry
import slo_core.stores.redis.store, slo_core.stores.shared.write_behind, redis
logging.disable(logging.CRITICAL)
url, processes, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
closed = 0
began = time.monotonic()
for number in range(processes):
    time.sleep(max(0.0, began + number / rate - time.monotonic()))
    child = os.fork()
    if child == 0:
        registry = SLORegistry(url, service="shop")
        trackers = [registry.define(SLODefinition(f"slo{index}", 0.99)) for index in range(5)]
        trackers[number % 5].record(True)
        if number % 2:
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(0 if registry.close() else 1)
    _, status = os.waitpid(child, 0)
    closed += status == 0
print(closed)
"""


def test_short_processes_leave_next_to_nothing() -> None:
    """Every event of those that closed counts; few notes stay, and no script of Redis takes long."""
    with start_redis() as server:
        server.cli("config", "set", "slowlog-log-slower-than", str(SLOW_MICROSECONDS))
        server.cli("config", "set", "slowlog-max-len", "100000")
        done = subprocess.run(
            [sys.executable, "-c", _PARENT, server.url, str(PROCESSES), str(RATE)],
            capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS + 10 * PROCESSES / RATE,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        closed = int(done.stdout)

        records = [key for key in server.cli("--scan", "--pattern", "slo:{*:record").split("\n") if key]
        fields = [field for key in records for field in server.cli("hkeys", key).split("\n")]
        good = sum(int(server.cli("hget", key, "good") or 0) for key in records)
        notes = sum(field.startswith("n:") for field in fields)
        slow = server.cli("slowlog", "get", "-1").count("EVALSHA")
        calls = server.cli("info", "commandstats").partition("cmdstat_evalsha:calls=")[2]
        scripts, average = int(calls.partition(",")[0]), float(calls.partition("usec_per_call=")[2].partition(",")[0])
        print(
            f"{PROCESSES} processes, {closed} closed: {good} events, {notes} notes, {scripts} scripts of {average:.0f} us, "
            f"{slow} of them over {SLOW_MICROSECONDS} us; {HOST}:{server.port}"
        )

    assert closed == PROCESSES // 2
    assert good == closed
    assert notes <= MOST_NOTES
    assert average < SLOW_MICROSECONDS / 4
    # Redis measures by the clock, also while a busy machine keeps it waiting.
    assert slow <= scripts // 100
