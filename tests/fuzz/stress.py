"""
Threads that count as fast as they can while others read: run by the tests, in this interpreter or in another one.

    python stress.py STORE RECORDS THREADS

Prints what was recorded and what was counted, as JSON. Needs nothing but slo_core and prometheus_client.
"""

from __future__ import annotations

import json
import sys
import sysconfig
import threading
from itertools import count

from slo_core import PrometheusExporter, SLODefinition, SLORegistry

# Threads that come and go: identifiers are used again, and shards go on with another thread.
RECORDS_OF_A_THREAD = 20_000


def main(store: str, records: int, threads: int) -> dict[str, object]:
    """Count, and read all along."""
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        sys.setswitchinterval(1e-5)  # two hundred times as often as usual
    registry = SLORegistry(store, service="stress", flush_interval=0.02)
    trackers = [registry.define(SLODefinition(f"slo-{number}", 0.999)) for number in range(3)]
    exporter = PrometheusExporter(registry)
    turns = count()  # one for each short-lived thread; next() of it is atomic
    rounds = records // (RECORDS_OF_A_THREAD)
    over = threading.Event()
    troubles: list[str] = []
    reads = [0] * 3

    def record() -> None:
        for number in range(RECORDS_OF_A_THREAD):
            trackers[number % 3].record(number % 10 != 0)

    def keep_recording() -> None:
        try:
            while next(turns) < rounds:
                thread = threading.Thread(target=record)
                thread.start()
                thread.join()
        except Exception as exc:
            troubles.append(repr(exc))

    def keep_reading(which: int) -> None:
        last = 0
        try:
            while not over.is_set():
                if which == 0:
                    exporter.render()
                elif which == 1:
                    registry.flush()
                else:
                    found = [snapshot for snapshot in registry.snapshot_all() if snapshot.name == "slo-0"][0]
                    total = found.lifetime_good + found.lifetime_bad
                    if total < last or found.failures > found.total:
                        troubles.append(f"{last} events, then {total}")
                    last = total
                reads[which] += 1
                over.wait(0.002)
        except Exception as exc:
            troubles.append(repr(exc))

    readers = [threading.Thread(target=keep_reading, args=(which,)) for which in range(3)]
    recorders = [threading.Thread(target=keep_recording) for _ in range(threads)]
    for thread in (*readers, *recorders):
        thread.start()
    for thread in recorders:
        thread.join()
    over.set()
    for thread in readers:
        thread.join()
    counted = [
        [snapshot.lifetime_good, snapshot.lifetime_bad, snapshot.total, snapshot.failures]
        for snapshot in registry.snapshot_all()
    ]
    registry.close()
    one = [(number % 3, number % 10 != 0) for number in range(RECORDS_OF_A_THREAD)]
    expected = []
    for slo in range(3):
        good, bad = (rounds * one.count((slo, outcome)) for outcome in (True, False))
        expected.append([good, bad, good + bad, bad])
    return {
        "python": sys.version,
        "gil": getattr(sys, "_is_gil_enabled", lambda: True)(),
        "recorded": expected,
        "counted": counted,
        "reads": reads,
        "troubles": troubles,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
