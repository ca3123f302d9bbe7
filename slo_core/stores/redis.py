"""`redis://`: Redis, Valkey and Redis Cluster, for a whole fleet."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any

from slo_core.conventions import DEFAULT_SERVICE, LOGGER_NAME
from slo_core.errors import StoreError
from slo_core.stores.base import Scope
from slo_core.stores.buckets import Applied, Batch, BucketRange, Identity, Increment, Query, Stored
from slo_core.stores.locate import redacted_url
from slo_core.stores.redis_blocks import BLOCK_BUCKETS, SERVICES_KEY, STORE_KEY, BlockPlan, Keys, counters_of, text_of

__all__ = ["RedisBucketStore", "open_redis"]

logger = logging.getLogger(LOGGER_NAME)

SCHEMA_VERSION = 1

# An hour longer than promised: clocks differ.
_NOTES_KEPT_SECONDS = 25 * 3600

_OPTIONS = frozenset(
    (
        "socket_timeout",
        "socket_connect_timeout",
        "username",
        "password",
        "sentinels",
        "sentinel_service_name",
        "sentinel_kwargs",
    )
)
_TIMEOUT_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Script:
    text: str
    sha: str

    @classmethod
    def load(cls, name: str) -> _Script:
        text = resources.files("slo_core.stores").joinpath(name).read_text(encoding="utf-8")
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


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
            takes them; `sentinels` (a list of (host, port)), `sentinel_service_name` and `sentinel_kwargs`.

    Raises:
        StoreError: The redis package is missing, or the URL or an option is wrong.
    """
    return RedisBucketStore(url, service=service, options=options)


class RedisBucketStore:
    """
    Buckets in Redis, packed into strings that expire by themselves.

    Args:
        url: As for `open_redis`.
        service: The namespace.
        options: As for `open_redis`.
    """

    backend = "redis"
    scope: Scope = "fleet"
    default_flush_interval = 1.0

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
        unknown = sorted(name for name in self._options if name not in _OPTIONS and not name.startswith("ssl_"))
        if unknown:
            known = ", ".join(sorted(_OPTIONS))
            raise StoreError(f"store {self._shown}: unknown options {', '.join(unknown)}; known: {known}, ssl_...")
        self._is_cluster = url.partition(":")[0].endswith("+cluster")
        self._client: Any = None
        self._is_checked = False
        self._apply_script = _Script.load("redis_apply.lua")
        self._read_script = _Script.load("redis_read.lua")
        if self._is_cluster:
            self._parsed_url()  # a cluster's client connects when it is made
        else:
            self._make_client()  # tells a bad URL or option at once; connects to nothing
        if service == DEFAULT_SERVICE:
            logger.warning(
                "the store %s is used without a service name: SLOs of the same name in another service would be mixed with "
                "this one's; set SLO_SERVICE (service=)",
                self._shown,
            )

    @property
    def _shown(self) -> str:
        return redacted_url(self._url)

    # --- the protocol

    def identity(self) -> Identity:
        """The store's; an empty one is given one."""
        with self._errors():
            return self._identity_of(self._ready())

    def apply(self, batches: Sequence[Batch]) -> Applied:
        """Add batches: one script call for each."""
        with self._errors():
            client = self._ready()
            calls = [self._call_of(batch) for batch in batches]
            declared = [batch.slo for batch in batches if batch.declaration is not None]
            if declared:
                # Before the batch: a name without a record does no harm, a record without a name would not be found.
                client.sadd(SERVICES_KEY, self.service)
                client.sadd(self._keys.names, *declared)
            if self._is_cluster:
                identity = self._identity_of(client)
                noted = [self._run(client, self._apply_script, *call) for call in calls]
                seconds, microseconds = client.time(target_nodes=client.get_random_node())
            else:
                answers = self._run_all(client, self._apply_script, calls)
                (store_id, created), (seconds, microseconds), *noted = answers
                identity = (
                    self._identity_of(client) if store_id is None else Identity(text_of(store_id), float(created))
                )
            return Applied(identity, seconds + microseconds / 1e6, tuple(int(number) for number in noted))

    def read(self, queries: Sequence[Query]) -> list[Stored]:
        """Records and sums: one script call for each SLO."""
        with self._errors():
            client = self._ready()
            plans = [BlockPlan(self._keys, query) for query in queries]
            calls = [(plan.keys, plan.offsets) for plan in plans]
            if self._is_cluster:
                answers = [self._run(client, self._read_script, *call) for call in calls]
            else:
                answers = self._run_all(client, self._read_script, calls)[2:]
            return [plan.stored(answer) for plan, answer in zip(plans, answers, strict=True)]

    def series(self, slo: str, buckets: BucketRange) -> list[Increment]:
        """Buckets with events, oldest first."""
        with self._errors():
            client = self._ready()
            width, first, last = buckets
            size = BLOCK_BUCKETS[width]
            found = []
            for block in range(first // size, last // size + 1):
                packed = client.get(self._keys.block(slo, width, block)) or b""
                counters = counters_of(packed)
                for place, (good, bad) in enumerate(zip(counters[::2], counters[1::2], strict=True)):
                    bucket = block * size + place
                    if (good or bad) and first <= bucket <= last:
                        found.append(Increment(width, bucket, good, bad))
            return found

    def names(self) -> list[str]:
        """The SLOs of this service whose records have not expired."""
        with self._errors():
            client = self._ready()
            names = sorted(text_of(name) for name in client.smembers(self._keys.names))
            return [name for name in names if client.exists(self._keys.record(name))]

    def services(self) -> list[str]:
        """Every service that has declared an SLO."""
        with self._errors():
            return sorted(text_of(service) for service in self._ready().smembers(SERVICES_KEY))

    def prune(self) -> int:
        """Nothing to do: keys expire by themselves."""
        return 0

    def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        self._is_checked = False
        if client is not None:
            client.close()

    def forget(self) -> None:
        """Leave the connections to the parent."""
        self._client = None
        self._is_checked = False

    def __repr__(self) -> str:
        return f"RedisBucketStore({self._shown!r})"

    def _call_of(self, batch: Batch) -> tuple[list[str], list[object]]:
        """Keys and arguments of the script that applies a batch."""
        tag = self._keys.tag(batch.slo)
        keys = [f"{tag}:record", f"{tag}:note:{batch.writer}"]
        index: dict[tuple[int, int], int] = {}
        declaration = batch.declaration
        numbers: list[int | bool] = [
            batch.number, batch.good, batch.bad, batch.dropped, batch.errors,
            False if batch.earliest is None else batch.earliest,
            False if batch.newest is None else batch.newest,
            _NOTES_KEPT_SECONDS,
            0 if declaration is None else declaration.keeps_seconds,
        ]  # fmt: skip
        for width, bucket, good, bad in batch.increments:
            block, place = divmod(bucket, BLOCK_BUCKETS[width])
            if (width, block) not in index:
                keys.append(f"{tag}:{width}:{block}")
                index[width, block] = len(keys)
            numbers += [index[width, block], width, bucket, place, good, bad]
        arguments: list[object] = [json.dumps(numbers)]
        if declaration is not None:
            arguments += [declaration.definition, declaration.fingerprint, repr(float(declaration.since))]
        return keys, arguments

    # --- talking to the server

    def _ready(self) -> Any:
        if self._client is None:
            self._client = self._make_client()
        if not self._is_checked:
            self._check(self._client)
            self._is_checked = True
        return self._client

    def _parsed_url(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._redis.connection.parse_url(self._url.replace("+cluster", "", 1))
        except ValueError as exc:
            raise StoreError(f"store {self._shown}: expected redis://host:port/database") from exc
        return found

    def _make_client(self) -> Any:
        redis = self._redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        options: dict[str, Any] = {
            "socket_timeout": _TIMEOUT_SECONDS,
            "socket_connect_timeout": _TIMEOUT_SECONDS,
            **self._options,
        }
        sentinels = options.pop("sentinels", None)
        sentinel_name = options.pop("sentinel_service_name", "mymaster")
        sentinel_options = options.pop("sentinel_kwargs", None)
        # A failed attempt is repeated by the writer, with pauses in between; not here.
        retry = Retry(NoBackoff(), 0)
        try:
            if self._is_cluster:
                return redis.RedisCluster.from_url(self._url.replace("+cluster", "", 1), **options)
            if sentinels:
                parsed = self._parsed_url()
                options.update((name, parsed[name]) for name in ("db", "username", "password") if name in parsed)
                found: Any = redis.Sentinel(sentinels, sentinel_kwargs=sentinel_options, retry=retry, **options)
                return found.master_for(sentinel_name)
            return redis.Redis.from_url(self._url, retry=retry, **options)
        except (ValueError, TypeError) as exc:
            raise StoreError(
                f"store {self._shown}: expected redis://host:port/database, and options of redis-py"
            ) from exc

    def _check(self, client: Any) -> None:
        """Once for each connection: the schema is one we know, and the server throws nothing away."""
        schema = client.hget(STORE_KEY, "schema")
        if schema is not None and int(schema) > SCHEMA_VERSION:
            raise StoreError(
                f"store {self._shown}: written by a newer slo-suite (schema {int(schema)}, this one knows {SCHEMA_VERSION}); "
                "upgrade slo-suite, or use another database"
            )
        try:
            policies = client.config_get("maxmemory-policy")
        except self._redis.RedisError:  # managed servers forbid the question
            return
        policy = text_of(policies.get("maxmemory-policy", policies.get(b"maxmemory-policy", b"noeviction")))
        if policy != "noeviction":
            logger.warning(
                "the store %s may throw counts away when its memory is full (maxmemory-policy %s); set it to noeviction",
                self._shown,
                policy,
            )

    def _identity_of(self, client: Any) -> Identity:
        store_id, created = client.hmget(STORE_KEY, "id", "created")
        if store_id is None:
            seconds, microseconds = client.time(**self._anywhere(client))
            client.hsetnx(STORE_KEY, "schema", SCHEMA_VERSION)
            client.hsetnx(STORE_KEY, "created", f"{seconds}.{microseconds:06d}")
            client.hsetnx(STORE_KEY, "id", secrets.token_hex(16))
            store_id, created = client.hmget(STORE_KEY, "id", "created")
        return Identity(text_of(store_id), float(created))

    def _anywhere(self, client: Any) -> dict[str, Any]:
        return {"target_nodes": client.get_random_node()} if self._is_cluster else {}

    def _run_all(
        self, client: Any, script: _Script, calls: Sequence[tuple[Sequence[str], Sequence[object]]]
    ) -> list[Any]:
        """Which store it is, its clock, and the answer of each call; in one round trip."""
        for attempt in range(2):
            pipeline = client.pipeline(transaction=False)
            pipeline.hmget(STORE_KEY, "id", "created")
            pipeline.time()
            for keys, arguments in calls:
                pipeline.evalsha(script.sha, len(keys), *keys, *arguments)
            answers: list[Any] = pipeline.execute(raise_on_error=False)
            failures = [answer for answer in answers if isinstance(answer, Exception)]
            if not failures:
                return answers
            if attempt or not isinstance(failures[0], self._redis.exceptions.NoScriptError):
                raise failures[0]
            client.script_load(script.text)
        raise AssertionError("unreachable")

    def _run(self, client: Any, script: _Script, keys: Sequence[str], arguments: Sequence[object]) -> Any:
        """In a cluster a pipeline cannot carry scripts; the client follows slots that move, and waits for split ones."""
        try:
            return client.evalsha(script.sha, len(keys), *keys, *arguments)
        except self._redis.exceptions.NoScriptError:
            return client.eval(script.text, len(keys), *keys, *arguments)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turns whatever redis-py raises into a `StoreError` fit for a log."""
        try:
            yield
        except (self._redis.RedisError, OSError) as exc:
            self._client = None  # the next attempt connects anew
            self._is_checked = False
            raise StoreError(f"store {self._shown}: {type(exc).__name__}: {exc}") from exc
