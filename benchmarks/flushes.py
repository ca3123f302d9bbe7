"""Flushes of a shared store: a second of twenty SLOs, beside what the store itself takes for it; and days that close."""

from __future__ import annotations

import gc
import random
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contest import Result, hold_to, print_table, result_of
from slo_core import SLODefinition
from slo_core.stores.buckets import Batch, BucketStore, Declaration
from slo_core.stores.layout import WIDTHS, spread
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.shared.ledger import SharedLedger
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.stored_definition import fingerprint_of, stored_definition

__all__ = ["closing_days", "flushing"]

# Fills a store with 30 days, and returns how many buckets that are.
Fill = Callable[..., int]

# A flush of one store after another's: caches are as cold as they are a second later. Wall and processor time, in seconds.
Measure = Callable[[], tuple[float, float]]

_GOOD, _BAD = 19, 1
_FLUSHES_A_ROUND = 40
_DAY = 86_400
_DAYS = 33


class _Clock:
    """Stands still, and is set on by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _timed(act: Callable[[], object]) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.thread_time()
    act()
    return time.perf_counter() - wall, time.thread_time() - processor


def _alternating(measures: Mapping[str, Measure], samples: int) -> tuple[dict[str, Result], dict[str, Result]]:
    """One call of each contender after the other, each time in another order: by wall and by processor time."""
    for measure in measures.values():
        for _ in range(20):
            measure()
    gc.collect()
    walls: dict[str, list[float]] = {name: [] for name in measures}
    processors: dict[str, list[float]] = {name: [] for name in measures}
    names, orders = list(measures), random.Random(1)  # no secret
    for _ in range(samples):
        orders.shuffle(names)
        for name in names:
            wall, processor = measures[name]()
            walls[name].append(wall)
            processors[name].append(processor)
    by_wall, by_processor = ({name: result_of(times) for name, times in taken.items()} for taken in (walls, processors))
    return by_wall, by_processor


class _Flushing:
    """
    A process with its SLOs, a second and a flush at a time.

    Its clocks go on by a second with each flush. So what it keeps of the last two minutes is as much as in a process that
    flushes once a second, and each second is a new bucket.
    """

    def __init__(self, buckets: BucketStore, definitions: Sequence[SLODefinition], *, now: float) -> None:
        self.clock = _Clock(now)
        self._store = WriteBehindStore(buckets, clock=self.clock, monotonic=self.clock, flush_interval=3600.0)
        self._ledgers: list[SharedLedger] = [self._store.ledger(definition) for definition in definitions]
        self._store.flush()

    def __call__(self) -> tuple[float, float]:
        self.clock.now += 1
        second = int(self.clock.now)
        for ledger in self._ledgers:
            ledger.add(second, _GOOD, _BAD, live=True)
        taken = _timed(self._store.flush)
        assert self._store.health().is_up
        assert not any(ledger.outbox.waiting for ledger in self._ledgers)
        return taken

    @property
    def looks_for_periods(self) -> Callable[[], None]:
        """What each flush does to see whether a period has ended."""
        return self._store._delivery.periods.run


def _declared(buckets: BucketStore, definitions: Sequence[SLODefinition], *, now: float) -> list[str]:
    """Declare SLOs straight to a store; the generation of each."""
    batches = [
        Batch(
            writer="b" * 32,
            slo=definition.name,
            number=0,
            declaration=Declaration(
                stored_definition(definition), fingerprint_of(definition), definition.longest_seconds, now
            ),
        )
        for definition in definitions
    ]
    return [note.generation if note is not None else "" for note in buckets.apply(batches).notes]


@contextmanager
def _bare_sqlite(path: Path, slos: int, *, now: int) -> Iterator[Measure]:
    """The rows of the same flushes, by the same statements, from a program that knows them beforehand."""
    from slo_core.stores.sql.sqlite_batches import _ADD_TO_BUCKET, _ADD_TO_SLO, _NOTE

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = normal")
        keys = [key for (key,) in connection.execute("SELECT id FROM slo")]
        assert len(keys) == slos
        number = iter(range(1, 10**9))

        def measure() -> tuple[float, float]:
            count = next(number)
            second = now + count
            buckets = [(key, width, second // width, _GOOD, _BAD) for key in keys for width in WIDTHS]
            totals = [
                (_GOOD, _BAD, 0, 0, float(now), second, count, int(count == 1), float(second), key) for key in keys
            ]
            notes = [("b" * 32, key, count, float(second), f"{count:016x}", count) for key in keys]

            def transaction() -> None:
                connection.execute("BEGIN IMMEDIATE")
                connection.executemany(_ADD_TO_BUCKET, buckets)
                connection.executemany(_ADD_TO_SLO, totals)
                connection.executemany(_NOTE, notes)
                connection.execute("COMMIT")

            return _timed(transaction)

        yield measure


def _bare_redis(client: Any, service: str, generations: Mapping[str, str], *, now: int) -> Measure:
    """The calls of the same flushes, by redis-py's pipeline, from a program that knows them beforehand."""
    from slo_core.stores.redis.batch_call import batch_call
    from slo_core.stores.redis.blocks import SCRIPT_CONSTANTS, STORE_KEY, Keys
    from slo_core.stores.redis.script import Script

    script, keys, number = Script.load("apply.lua", SCRIPT_CONSTANTS), Keys(service), iter(range(1, 10**9))

    def measure() -> tuple[float, float]:
        count = next(number)
        second = now + count
        pipeline = client.pipeline(transaction=False)
        pipeline.time()
        for slo, generation in generations.items():
            increments, nonce = spread([(second, _GOOD, _BAD)]), f"{count:016x}"
            batch = Batch("b" * 32, slo, count, nonce, increments, _GOOD, _BAD, second, second, is_live=True)
            names, arguments = batch_call(keys, batch, generation)
            pipeline.execute_command("EVALSHA", script.sha, len(names), *names, *arguments)
        pipeline.hmget(STORE_KEY, "id", "created", "schema")
        return _timed(pipeline.execute)

    return measure


def _hincrby(client: Any, slos: Sequence[str], *, now: int) -> Measure:
    """The same buckets as fields of hashes: counted twice where an answer is lost, and nothing is noted."""
    number = iter(range(1, 10**9))

    def measure() -> tuple[float, float]:
        second = now + next(number)
        pipeline = client.pipeline(transaction=False)
        for slo in slos:
            for width in WIDTHS:
                pipeline.hincrby(f"bare:{slo}:{width}", f"{second // width}:good", _GOOD)
                pipeline.hincrby(f"bare:{slo}:{width}", f"{second // width}:bad", _BAD)
        return _timed(pipeline.execute)

    return measure


def flushing(
    stores: Mapping[str, BucketStore], url: str | None, definitions: Sequence[SLODefinition], fill: Fill, rounds: int
) -> None:
    """
    Print what a flush takes.

    Args:
        stores: By name, full of data.
        url: Of the Redis; None without one.
        definitions: Of the SLOs, all in the stores.
        fill: See there.
        rounds: Of some dozen flushes of each store.
    """
    now = int(time.time()) - 3000
    slos = [definition.name for definition in definitions]
    samples = rounds * _FLUSHES_A_ROUND
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="slo-")))
        measures: dict[str, Measure] = {}
        for name in ("slo", "bare"):
            buckets = bucket_store_from_url(f"sqlite:///{folder}/{name}.db", service="flush")
            opened.callback(buckets.close)
            fill(buckets, now=now)
            measures["SQLite"] = _Flushing(buckets, definitions, now=now) if name == "slo" else measures["SQLite"]
        measures[BARE_SQLITE] = opened.enter_context(_bare_sqlite(folder / "bare.db", len(slos), now=now))
        if url is not None:
            import redis

            client = redis.Redis.from_url(url)
            opened.callback(client.close)
            for service in ("flush", "bare"):
                buckets = bucket_store_from_url(url, service=service)
                opened.callback(buckets.close)
                fill(buckets, now=now)
                if service == "flush":
                    measures["Redis"] = _Flushing(buckets, definitions, now=now)
                else:
                    generations = [each.removeprefix("g") for each in _declared(buckets, definitions, now=now)]
                    measures[BARE_REDIS] = _bare_redis(
                        client, service, dict(zip(slos, generations, strict=True)), now=now
                    )
            measures["Redis: 160 HINCRBY in its pipeline"] = _hincrby(client, slos, now=now)
        # Not beside the databases, which go on writing to the same disk when they have answered.
        walls, processors = _alternating(measures, samples)
    title = f"a flush of {len(slos)} SLOs, 80 increments, {samples} of them one by one"
    print_table(f"{title}: wall time", walls, reference=BARE_SQLITE, unit="ms")
    print_table(f"{title}: processor time of this process", processors, reference=BARE_SQLITE, unit="ms")
    for name in ("SQLite", "Redis"):
        if name in walls:
            result, what = walls[name], f"a flush of {len(slos)} SLOs, {name}, wall time"
            measured = f"{result.minimum * 1e3:.2f} ms (median {result.median * 1e3:.2f} ms)"
            hold_to(what, "<= 1 ms", measured, is_met=result.minimum <= 1e-3)
    databases = {name: buckets for name, buckets in stores.items() if name not in ("SQLite", "Redis")}
    if databases:
        walls, processors = _alternating(
            {name: _Flushing(buckets, definitions, now=now) for name, buckets in databases.items()}, samples // 4
        )
        print_table("the same into databases of Django: wall time", walls, reference=next(iter(walls)), unit="ms")
        print_table("the same: processor time of this process", processors, reference=next(iter(walls)), unit="ms")


BARE_SQLITE = "SQLite: the same rows, bare sqlite3"
BARE_REDIS = "Redis: the same calls, bare redis-py"

_NOTHING, _CLOSES_DAYS, _CLOSES_MONTHS = "nothing closes", "days close", "days and months close"


def closing_days(stores: Mapping[str, BucketStore], definitions: Sequence[SLODefinition]) -> None:
    """
    Print what a flush takes in which days and months close.

    Args:
        stores: By name, each of a service that has no SLOs yet.
        definitions: Of the SLOs, with a calendar window.
    """
    midnight = int(time.time()) // _DAY * _DAY - _DAYS * _DAY
    running: dict[str, tuple[_Flushing, list[str]]] = {}
    for name, buckets in stores.items():
        kinds = _watched(buckets)
        running[name] = _Flushing(buckets, definitions, now=midnight - 3600), kinds
    names, orders = list(running), random.Random(1)  # no secret
    walls: dict[tuple[str, str], list[float]] = {}
    processors: dict[tuple[str, str], list[float]] = {}
    flushes: dict[str, list[int]] = {name: [] for name in names}
    gc.collect()
    for day in range(_DAYS):
        orders.shuffle(names)
        for name in names:
            flush, kinds = running[name]
            closed = 0
            for at in (6, 12, 18, 23.9, 24.3):  # 18 minutes after midnight
                flush.clock.now = midnight + day * _DAY + (at - 24) * 3600
                for _ in range(26):
                    kinds.clear()
                    wall, processor = flush()
                    kind = _NOTHING if not kinds else _CLOSES_MONTHS if set(kinds) != {"day"} else _CLOSES_DAYS
                    closed += bool(kinds)
                    if at > 23 and day > 1:
                        walls.setdefault((name, kind), []).append(wall)
                        processors.setdefault((name, kind), []).append(processor)
            flushes[name].append(closed)
    for what, taken in (("wall time", walls), ("processor time of this process", processors)):
        results = {f"{name}: {kind}": result_of(times) for (name, kind), times in sorted(taken.items(), key=str)}
        reference = next(each for each in results if each.endswith(_NOTHING))
        title = f"a flush of {len(definitions)} SLOs in which days and months close: {what}"
        print_table(title, results, reference=reference, unit="ms")
    for name in stores:
        for kind in (_CLOSES_DAYS, _CLOSES_MONTHS):
            if (name, kind) in processors:
                by_processor, by_wall = (
                    (result_of(taken[name, kind]), result_of(taken[name, _NOTHING])) for taken in (processors, walls)
                )
                more, longer = (closing.median - nothing.median for closing, nothing in (by_processor, by_wall))
                what = f"a flush in which {kind}, {name}: processor time more than where nothing does, medians"
                measured = f"{more * 1e3:.2f} ms (wall time {longer * 1e3:.2f} ms)"
                hold_to(what, "< 1 ms", measured, is_met=more < 1e-3)
        print(f"  {name}: the days of {len(definitions)} SLOs are closed with {max(flushes[name][2:])} flushes at most")
    looks = next(iter(running.values()))[0].looks_for_periods
    each = min(_timed(lambda: [looks() for _ in range(1000)])[0] for _ in range(20))
    hold_to("a flush with nothing to close, to see that", "<= 1 us", f"{each * 1e3:.2f} us", is_met=each <= 1e-3)


def _watched(buckets: BucketStore) -> list[str]:
    """The kinds of the periods that a store is given to keep, as they come."""
    kinds: list[str] = []
    keep: Callable[..., None] = getattr(buckets, "keep_periods")  # noqa: B009  # of stores that have it: all of these

    def keep_periods(periods: Sequence[Any]) -> None:
        kinds.extend(period.kind for period in periods)
        keep(periods)

    setattr(buckets, "keep_periods", keep_periods)  # noqa: B010
    return kinds
