"""`redis://`: Redis, Valkey and Redis Cluster, for a whole fleet."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from slo_core.budgets.closed_period import ClosedPeriod
from slo_core.conventions import DEFAULT_SERVICE, LOGGER_NAME
from slo_core.errors import DamagedError, StoreError
from slo_core.stores.base import StoreScope
from slo_core.stores.buckets import Applied, Batch, Query, Series, Stored, StoreIdentity
from slo_core.stores.causes import CauseQuery, StoredCauses
from slo_core.stores.closed_periods import PeriodQuery, StoredPeriods
from slo_core.stores.redis.answers import explained, series_of, stored_of
from slo_core.stores.redis.applied import applied_of
from slo_core.stores.redis.batch_call import batch_call, other_generation
from slo_core.stores.redis.blocks import (
    SCRIPT_CONSTANTS,
    SERVICES_KEY,
    STORE_KEY,
    BlockCover,
    BlockPlan,
    Keys,
    text_of,
)
from slo_core.stores.redis.causes import CausePlan
from slo_core.stores.redis.cluster import ClusterSession, Command
from slo_core.stores.redis.connection import DEFAULT_TIMEOUT_SECONDS, make_client, parsed_url
from slo_core.stores.redis.deletion import delete_slo
from slo_core.stores.redis.episodes import RedisEpisodes
from slo_core.stores.redis.failures import RedisFailures
from slo_core.stores.redis.generations import Generations
from slo_core.stores.redis.options import check_options
from slo_core.stores.redis.periods import PeriodScripts, keep_commands, read_commands, stored_periods
from slo_core.stores.redis.pipeline import is_damage, run_pipeline, seconds_of
from slo_core.stores.redis.script import Script
from slo_core.stores.redis.server_check import SCHEMA_VERSION, check_server
from slo_core.stores.url import redacted_url

__all__ = ["RedisBucketStore", "open_redis"]

Q = TypeVar("Q", Query, CauseQuery)
P = TypeVar("P", BlockPlan, CausePlan)

logger = logging.getLogger(LOGGER_NAME)

_IDENTITY = ("HMGET", STORE_KEY, "id", "created", "schema")


def open_redis(
    url: str, *, service: str = DEFAULT_SERVICE, clock: Callable[[], float] = time.time, **options: object
) -> RedisBucketStore:
    """
    The store on a Redis server, a Valkey server or a cluster; nothing is reached out for yet.

    Args:
        url: `redis://user:password@host:6379/0`, `rediss://` for TLS, `redis+cluster://` and `rediss+cluster://` for a
            cluster.
        service: The namespace.
        clock: Not asked: the store's clock is the server's.
        options: `socket_timeout` and `socket_connect_timeout` (seconds, 0.5), `username`, `password`, `ssl_...` as redis-py
            takes them; `sentinels` (a list of (host, port)), `sentinel_service_name` and `sentinel_kwargs`. What the
            query of the URL says comes first. With `rediss://` the sentinels are spoken to by TLS too, unless
            `sentinel_kwargs` says `{"ssl": False}`.

    Raises:
        StoreError: The redis package is missing, or the URL or an option is wrong.
    """
    return RedisBucketStore(url, service=service, options=options)


class RedisBucketStore(RedisEpisodes, RedisFailures):
    """
    Buckets in Redis, packed into strings that expire by themselves.

    Args:
        url: As for `open_redis`.
        service: The namespace.
        options: As for `open_redis`.
    """

    backend = "redis"
    scope: StoreScope = "fleet"
    default_flush_interval = 1.0
    keeps_latencies = True

    def __init__(
        self, url: str, *, service: str = DEFAULT_SERVICE, options: Mapping[str, object] | None = None
    ) -> None:
        try:
            import redis
        except ImportError as exc:
            raise StoreError(
                f'{url.partition(":")[0]}:// needs the redis package; pip install "slo-suite[redis]"'
            ) from exc
        self._redis: Any = redis
        self._keys = Keys(service)
        self.service = service
        self._url = url
        self._options = dict(options or {})
        parsed = parsed_url(redis, url)
        check_options(redis, url, self._options)
        self._is_cluster = url.partition(":")[0].endswith("+cluster")
        self._client: Any = None
        self._is_checked = False
        self._timeout_seconds = DEFAULT_TIMEOUT_SECONDS
        self._last_identity: StoreIdentity | None = None
        self._generations = Generations()
        self._failed_nodes: set[str] = set()
        self._apply_script = Script.load("apply.lua", SCRIPT_CONSTANTS)
        self._read_script = Script.load("read.lua")
        self._period_scripts = PeriodScripts.load()
        if self._is_cluster:  # its client connects when it is made
            given = parsed.get("socket_timeout", self._options.get("socket_timeout"))
            if isinstance(given, (int, float)):
                self._timeout_seconds = float(given)
        else:
            make_client(redis, url, self._options)  # raises for a bad URL or option; connects to nothing
        if service == DEFAULT_SERVICE:
            logger.warning(
                "the store %s is used without a service name: SLOs of the same name in another service would be mixed with "
                "this one's; set SLO_SERVICE (service=)",
                self._shown,
            )

    @property
    def _shown(self) -> str:
        return redacted_url(self._url)

    def identity(self) -> StoreIdentity:
        """The store's; an empty one is given one."""
        with self._errors():
            return self._identity_of(self._ready())

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches: one script call for each."""
        with self._errors():
            client = self._ready()
            if self._is_cluster:
                return self._apply_in_cluster(client, batches)
            declared = [batch.slo for batch in batches if batch.declaration is not None]
            if declared:
                self._settle(client)
                # Before the batch: a name without a record does no harm, a record without a name would not be listed.
                client.sadd(SERVICES_KEY, self.service)
                client.sadd(self._keys.names, *declared)
            stored, clock, *answers = self._run_all(client, self._apply_script, map(self._call_of, batches))

            def repeat(indexes: Iterable[int]) -> list[Any]:
                nonlocal stored
                calls = [self._call_of(batches[index]) for index in indexes]
                stored, _, *repeated = self._run_all(client, self._apply_script, calls)
                return repeated

            self._generations.repeat([batch.slo for batch in batches], answers, repeat)
            identity = self._identity_of(client) if stored[0] is None else self._identified(stored)
            return applied_of(identity, seconds_of(clock), batches, answers, self._generations)

    def _call_of(self, batch: Batch) -> tuple[list[bytes], list[object]]:
        return batch_call(self._keys, batch, self._generations.proposed(batch.slo))

    def _settle(self, client: Any) -> None:
        """Learn whether names have generations, before a record may be made; an empty store is given an identity."""
        if self._generations.are_used is None:
            self._identity_of(client)

    def _apply_in_cluster(self, client: Any, batches: Sequence[Batch]) -> Applied:
        """An SLO whose node does not answer delays no other: its batch comes again."""
        session = self._session(client)
        trouble: Exception | None = None
        declared = [batch.slo for batch in batches if batch.declaration is not None]
        if declared and self._generations.are_used is None:
            (stored,) = session.run([Command(STORE_KEY, _IDENTITY)])
            if not isinstance(stored, Exception):
                self._last_identity = self._identity_of(client) if stored[0] is None else self._identified(stored)
        if declared:
            names = [(SERVICES_KEY, self.service), (self._keys.names, *declared)]
            answers = session.run([Command(names[0], ("SADD", *names)) for names in names])
            trouble = next((answer for answer in answers if isinstance(answer, Exception)), None)
        # A record without a name would not be listed.
        sending = [batch for batch in batches if trouble is None or batch.declaration is None]
        if self._generations.are_used is None:
            sending = [batch for batch in sending if batch.declaration is None]

        def send(indexes: Iterable[int]) -> list[Command]:
            return [self._command_of(self._apply_script, *self._call_of(sending[index])) for index in indexes]

        stored, *answers = session.run([Command(STORE_KEY, _IDENTITY), *send(range(len(sending)))])
        self._generations.repeat([batch.slo for batch in sending], answers, lambda indexes: session.run(send(indexes)))
        self._end(session)
        answer_of = {batch.slo: answer for batch, answer in zip(sending, answers, strict=True)}
        answers = [answer_of.get(batch.slo, trouble) for batch in batches]
        failures = [answer for answer in answers if isinstance(answer, Exception)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        if not isinstance(stored, Exception):
            self._last_identity = self._identity_of(client) if stored[0] is None else self._identified(stored)
        if self._last_identity is None or session.now is None:
            raise stored
        return applied_of(self._last_identity, session.now, batches, answers, self._generations)

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums: one script call for each SLO."""
        return [stored_of(plan, answer) for plan, answer in self._answered(queries)]

    def series(self, queries: Sequence[Query]) -> list[Series]:
        """Buckets with events, oldest first: one script call for each SLO."""
        return [series_of(plan, answer) for plan, answer in self._answered(queries)]

    def _answered(self, queries: Sequence[Query]) -> list[tuple[BlockPlan, Any]]:
        """The plan of each query, with the answer of the script that reads."""
        covers = {ranges: BlockCover(ranges) for ranges in {query.ranges for query in queries}}

        def plan(query: Query, generation: str) -> BlockPlan:
            cover, totals = covers[query.ranges], query.cause_totals
            return BlockPlan(self._keys, query.slo, cover, generation=generation, cause_totals=totals)

        return self._planned(queries, plan)

    def read_causes(self, queries: Sequence[CauseQuery]) -> list[StoredCauses]:
        """Causes or latencies: one script call for each SLO."""

        def plan(query: CauseQuery, generation: str) -> CausePlan:
            return CausePlan(self._keys, query, generation=generation)

        return [planned.stored(answer) for planned, answer in self._planned(queries, plan)]

    def _planned(self, queries: Sequence[Q], plan_of: Callable[[Q, str], P]) -> list[tuple[P, Any]]:
        """The plan of each query, with the answer of the script that reads; in one round trip, one to each node."""
        with self._errors():
            plans: list[P] = []

            def ask(indexes: Sequence[int]) -> list[Any]:
                for index in indexes:
                    query = queries[index]
                    plans[index : index + 1] = [plan_of(query, self._generations.known(query.slo))]
                script = self._read_script
                calls = [(plans[index].keys, plans[index].offsets) for index in indexes]
                return self._answers([self._command_of(script, *call) for call in calls])

            answers = ask(range(len(queries)))
            self._generations.repeat([query.slo for query in queries], answers, ask)
            for query, answer in zip(queries, answers, strict=True):
                if other_generation(answer) is not None:
                    raise StoreError(f"store {self._shown}: the record of SLO {query.slo!r} is made again and again")
            return list(zip(plans, answers, strict=True))

    def keep_periods(self, periods: Sequence[ClosedPeriod]) -> None:
        """Write closed periods: one script call for each SLO."""
        with self._errors():
            for answer in self._answers(keep_commands(self._keys, self._period_scripts, periods)):
                if isinstance(answer, Exception):
                    raise answer

    def read_periods(self, queries: Sequence[PeriodQuery]) -> list[StoredPeriods]:
        """Closed periods: one command for each SLO."""
        with self._errors():
            answers = self._answers(read_commands(self._keys, self._period_scripts, queries))
            return [stored_periods(query, answer) for query, answer in zip(queries, answers, strict=True)]

    def _answers(self, commands: Sequence[Command]) -> list[Any]:
        """The answer of each command, in one round trip, one to each node; an error where an SLO is damaged."""
        client = self._ready()
        if self._is_cluster:
            session = self._session(client)
            answers = session.run(commands)
            self._end(session)
        else:
            scripts = {command.script for command in commands if command.script is not None}
            answers = run_pipeline(self._redis, client, [command.arguments for command in commands], scripts)
        for answer in answers:
            if isinstance(answer, Exception) and not is_damage(answer):
                raise answer
        return answers

    def names(self) -> list[str]:
        """The SLOs of this service, those among them whose records have expired: each read of them finds nothing."""
        with self._errors():
            return sorted(text_of(name) for name in self._ready().smembers(self._keys.names))

    def services(self) -> list[str]:
        """Every service that has declared an SLO."""
        with self._errors():
            return sorted(text_of(service) for service in self._ready().smembers(SERVICES_KEY))

    def prune(self) -> int:
        """Nothing to do: keys expire by themselves."""
        return 0

    def delete_slo(self, slo: str, *, not_seen_since: float) -> bool:
        """Delete everything of an SLO, unless a process was heard of since."""
        with self._errors():
            return delete_slo(self._redis, self._ready(), self._keys, slo, not_seen_since=not_seen_since)

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        self._is_checked = False
        if client is not None:
            if self._is_cluster:
                client.disconnect_connection_pools()  # which it leaves open
            client.close()

    def forget(self) -> None:
        """Leave the connections to the parent."""
        self._drop()

    def __repr__(self) -> str:
        return f"RedisBucketStore({self._shown!r})"

    def _ready(self) -> Any:
        if self._client is None:
            self._client = make_client(self._redis, self._url, self._options)
        if not self._is_checked:
            check_server(self._redis, self._client, self._shown, is_cluster=self._is_cluster)
            self._is_checked = True
        return self._client

    def _drop(self) -> None:
        self._client = None
        self._is_checked = False
        self._generations.are_used = None

    def _disconnect(self) -> None:
        """Have the next attempt make new connections."""
        if self._is_cluster or self._client is None:
            self._drop()
            return
        # The client stays: its parts refer to each other, so one for each attempt would pile up in an outage.
        self._is_checked = False
        with suppress(Exception):  # redis-py closes sockets that may be broken
            self._client.connection_pool.disconnect()

    def _session(self, client: Any) -> ClusterSession:
        return ClusterSession(
            self._redis, client, timeout_seconds=self._timeout_seconds, failed_before=self._failed_nodes
        )

    def _end(self, session: ClusterSession) -> None:
        if not session.end():  # no node answers that is known: ask the one in the URL again
            self._drop()

    @staticmethod
    def _command_of(script: Script, keys: Sequence[str | bytes], arguments: Sequence[object]) -> Command:
        return Command(keys[0], ("EVALSHA", script.sha, len(keys), *keys, *arguments), script)

    def _identity_of(self, client: Any) -> StoreIdentity:
        stored = client.hmget(STORE_KEY, "id", "created", "schema")
        if stored[0] is None:
            anywhere = {"target_nodes": client.get_random_node()} if self._is_cluster else {}
            seconds, microseconds = client.time(**anywhere)
            client.hsetnx(STORE_KEY, "schema", SCHEMA_VERSION)
            client.hsetnx(STORE_KEY, "created", f"{seconds}.{microseconds:06d}")
            client.hsetnx(STORE_KEY, "id", secrets.token_hex(16))
            stored = client.hmget(STORE_KEY, "id", "created", "schema")
        return self._identified(stored)

    def _identified(self, stored: Sequence[Any]) -> StoreIdentity:
        """From the three fields of the store."""
        store_id, created, schema = stored
        self._generations.are_used = int(schema or 1) > 1
        return StoreIdentity(text_of(store_id), float(created))

    def _run_all(
        self,
        client: Any,
        script: Script,
        calls: Iterable[tuple[Sequence[str | bytes], Sequence[object]]],
    ) -> list[Any]:
        """Which store it is, its clock, and the answer of each call; in one round trip."""
        evaluated = (("EVALSHA", script.sha, len(keys), *keys, *arguments) for keys, arguments in calls)
        # Its identity last: a store that is emptied in between is another one, for which nothing of before is meant.
        *answers, stored = run_pipeline(self._redis, client, [("TIME",), *evaluated, _IDENTITY], [script])
        answers.insert(0, stored)
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns whatever redis-py raises into a `StoreError` fit for a log."""
        errors = self._redis.exceptions
        try:
            yield
        except (self._redis.RedisError, errors.RedisClusterException, OSError) as exc:
            if is_damage(exc):
                raise DamagedError(f"store {self._shown}: {explained(exc)}") from exc
            # The next attempt makes new connections; but a cluster's client knows more nodes than the URL names, of which one
            # may answer when that one does not.
            if not (self._is_cluster and isinstance(exc, (errors.ConnectionError, errors.TimeoutError))):
                self._disconnect()
            raise StoreError(f"store {self._shown}: {explained(exc)}") from exc
