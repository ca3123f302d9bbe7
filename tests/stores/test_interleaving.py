"""Several processes, a network that fails, clocks that differ: nothing is lost or doubled in the stores of `make_store`."""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calm import UNTIMED
from database_servers import start_mariadb, start_postgres
from django_databases import django_database, set_up_django
from redis_servers import start_redis
from slo_core.stores.redis.store import open_redis
from slo_core.stores.shared import flush_round as handover
from slo_core.stores.shared import outbox
from slo_core.stores.shared.outbox import MOST_INCREMENTS
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from store_process import Process

set_up_django()

from slo_django.store.bucket_store import open_django  # noqa: E402  # after Django is configured

# Makes a store of a service of its own.
MakeStore = Callable[[str], Any]

# Each is up to sixty steps of three processes, on each of the servers.
EXAMPLES = 200 if os.environ.get("SLO_LONG_TESTS") else 20

CAUSES = ("charge_card", "reserve_stock", "send_receipt")

names = (f"service-{number}" for number in itertools.count())


@pytest.fixture(scope="module", params=["sqlite", "redis", "django-sqlite", "postgres", "mariadb"])
def make_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStore]:
    """Each shared store on its real server."""
    if request.param == "sqlite":
        path: Path = tmp_path_factory.mktemp("interleaving") / "slo.db"
        yield lambda service: SQLiteBucketStore(path, service=service)
    elif request.param == "redis":
        with start_redis() as redis:
            yield lambda service: open_redis(redis.url, service=service)
    elif request.param == "django-sqlite":
        file = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path_factory.mktemp("any") / "db.sqlite3")}
        with django_database("any-sqlite", file) as alias:
            yield lambda service: open_django(f"django://{alias}", service=service)
    else:
        start: Any = {"postgres": start_postgres, "mariadb": start_mariadb}[request.param]
        with start() as server, django_database(f"any-{request.param}", server.settings) as alias:
            yield lambda service: open_django(f"django://{alias}", service=service)


OPERATIONS = st.lists(
    st.tuples(
        st.integers(0, 2),  # which process
        st.sampled_from(["good", "bad", "past", "flush", "read", "lose", "no answer", "heal", "wait"]),
        st.integers(1, 4_000),
    ),
    max_size=60,
)


@settings(max_examples=EXAMPLES, suppress_health_check=[*UNTIMED, HealthCheck.function_scoped_fixture])
@given(operations=OPERATIONS, most=st.sampled_from((MOST_INCREMENTS, 12)))
def test_any_interleaving_counts_every_event_once(
    make_store: MakeStore, operations: list[tuple[int, str, int]], most: int
) -> None:
    """
    Three processes, batches and answers that are lost: in the end the windows, and the causes, are those of a list of events.

    Whatever fits into a batch: what was pending may go into one, or into many.
    """
    with pytest.MonkeyPatch.context() as patch:
        for module in (outbox, handover):
            patch.setattr(module, "MOST_INCREMENTS", most)
        interleave(make_store, operations)


def interleave(make_store: MakeStore, operations: list[tuple[int, str, int]]) -> None:
    # Servers have clocks of their own: this one must never be ahead of them.
    clock, monotonic = FakeClock(float(int(time.time()) - 8 * 3600)), FakeClock(0.0)
    service = next(names)
    processes = [Process(make_store(service), clock, monotonic) for _ in range(3)]
    events: list[tuple[int, bool]] = []
    causes: list[tuple[int, str]] = []
    for index, what, amount in operations:
        process = processes[index]
        if what in ("good", "bad", "past"):
            at = clock() - amount * 50 if what == "past" else None
            happened, cause = int(clock() if at is None else at), CAUSES[amount % len(CAUSES)]
            is_good = what == "good" or (what == "past" and amount % 2 == 0)
            if is_good:
                process.tracker.record_success(at=at)
            else:
                process.tracker.record_failure(at=at, cause=cause)
                causes.append((happened, cause))
            events.append((happened, is_good))
        elif what == "flush":
            process.store.flush()
        elif what == "read":
            if process.network.fails is None:
                process.tracker.snapshot()
        elif what == "wait":
            clock.advance(amount / 10)
            monotonic.advance(amount / 10)
        else:
            process.network.fails = {"lose": "before", "no answer": "after", "heal": None}[what]
    for process in processes:
        process.network.fails = None
        process.store.flush()

    now = clock()
    for process in processes:
        snapshot = process.tracker.snapshot()
        assert snapshot.lifetime_good == sum(good for _, good in events)
        assert snapshot.lifetime_bad == sum(not good for _, good in events)
        for sample in snapshot.window_samples:
            window = sample.window_seconds
            width = 1 if window <= 3600 else 60 if window <= 86_400 else 900
            first = (now - window) // width * width
            assert sample.sample_count == sum(second >= first for second, _ in events), window
            assert sample.failures == sum(second >= first and not good for second, good in events), window
        for seconds in (3600, 86_400, 30 * 86_400):
            breakdown = process.tracker.causes(seconds)
            shown = {row.where: row.bad for row in breakdown.causes}
            assert shown == Counter(cause for second, cause in causes if second >= breakdown.since), seconds
            assert sum(shown.values()) == breakdown.events.bad
            assert not any(row.is_lower_bound for row in breakdown.causes)
    for process in processes:
        process.network.close()


def test_clocks_that_differ_by_a_minute_and_a_half(make_store: MakeStore) -> None:
    """One host ahead, one behind: totals are exact, windows are off by no more than the clocks are."""
    right = FakeClock(float(int(time.time()) - 4 * 3600))
    skews = (0, 90, -90)
    clocks = [FakeClock(right() + skew) for skew in skews]
    monotonic = FakeClock(0.0)
    service = next(names)
    processes = [Process(make_store(service), clock, monotonic) for clock in clocks]
    recorded: list[float] = []  # when it really happened
    for second in range(0, 4200, 7):
        for clock, skew in zip(clocks, skews, strict=True):
            clock.now = right() + second + skew
        processes[second % 3].record(0, 1)
        recorded.append(right() + second)
        if second % 70 == 0:
            for process in processes:
                process.store.flush()
    for process in processes:
        process.store.flush()
    now = recorded[-1]

    for process, skew in zip(processes, skews, strict=True):
        assert process.totals() == (0, len(recorded))
        for sample in process.tracker.snapshot().window_samples:
            window = sample.window_seconds
            if window > 3600:
                continue  # these hold everything
            # Its own clock is off by `skew`, and those of the others by 90 s this way or that.
            off = abs(skew) + 90
            at_least = sum(now - window + off < at <= now - off for at in recorded)
            at_most = sum(now - window - 1 - off <= at <= now for at in recorded)
            assert at_least <= sample.sample_count <= at_most, (skew, window)
    for process in processes:
        process.network.close()


def test_a_clock_that_steps_back_changes_no_total(make_store: MakeStore) -> None:
    """Summer time set by hand, a virtual machine that is resumed: the events are in the other hour, and all there."""
    clock, monotonic = FakeClock(float(int(time.time()) - 8 * 3600)), FakeClock(0.0)
    process = Process(make_store(next(names)), clock, monotonic)
    for step in (30.0, -3600.0, 30.0, 7200.0, -45.0):
        process.record(3, 1)
        process.store.flush()
        clock.advance(step)
    process.record(3, 1)

    snapshot = process.tracker.snapshot()

    assert (snapshot.lifetime_good, snapshot.lifetime_bad) == (18, 6)
    # Whatever the clock says now, the longest window holds both hours.
    assert (snapshot.total, snapshot.failures) == (24, 6)
    process.network.close()
