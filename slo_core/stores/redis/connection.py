"""How a Redis is reached: from a URL and options to a client of redis-py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slo_core.errors import StoreError
from slo_core.stores.url import redacted_url

__all__ = ["DEFAULT_TIMEOUT_SECONDS", "make_client", "parsed_url"]

DEFAULT_TIMEOUT_SECONDS = 0.5

# The parts of a URL that are an address, and how redis-py connects to it: a sentinel names the address.
_OF_THE_ADDRESS = frozenset(("host", "port", "path", "connection_class"))


def parsed_url(redis: Any, url: str) -> dict[str, Any]:
    """
    The parts of a URL, as arguments of redis-py.

    Args:
        redis: The package.
        url: As for `open_redis`.

    Raises:
        StoreError: The URL is wrong. The error of redis-py may quote a part of the password, so it is not chained.
    """
    shown = redacted_url(url)
    if shown.endswith("://..."):
        # Taken as it is, a part of the password would be the host or the port that errors name.
        raise StoreError(
            f"store {shown}: expected redis://host:port/database; in a user, a password or an option write / as %2F, "
            "? as %3F, # as %23 and @ as %40"
        )
    try:
        arguments: dict[str, Any] = redis.connection.parse_url(_without_cluster(url))
    except ValueError:
        raise StoreError(
            f"store {shown}: expected redis://host:port/database, and numbers where options are numbers"
        ) from None
    if _is_cluster(url) and arguments.get("db"):
        raise StoreError(f"store {shown}: a cluster has only database 0; leave the number out")
    return arguments


def make_client(redis: Any, url: str, options: Mapping[str, object]) -> Any:
    """
    A client; that of a cluster connects here, every other when it is first used.

    A failed attempt is repeated by the writer, with pauses in between; so nothing is repeated here.

    Args:
        redis: The package.
        url: As for `open_redis`.
        options: As for `open_redis`. What the URL says comes first.

    Raises:
        StoreError: The URL or an option is wrong.
    """
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    arguments: dict[str, Any] = {
        "socket_timeout": DEFAULT_TIMEOUT_SECONDS,
        "socket_connect_timeout": DEFAULT_TIMEOUT_SECONDS,
        **options,
        "retry": Retry(NoBackoff(), 0),
    }
    sentinels = arguments.pop("sentinels", None)
    sentinel_name = arguments.pop("sentinel_service_name", "mymaster")
    sentinel_arguments = arguments.pop("sentinel_kwargs", None) or {}
    parsed = parsed_url(redis, url)
    try:
        if _is_cluster(url):
            if int(redis.__version__.split(".")[0]) < 6:  # it is the retry's business from then on
                arguments["cluster_error_retry_attempts"] = 0
            return redis.RedisCluster.from_url(_without_cluster(url), **arguments)
        if not sentinels:
            return redis.Redis.from_url(url, **arguments)
        arguments.update((name, value) for name, value in parsed.items() if name not in _OF_THE_ADDRESS)
        if url.startswith("rediss:"):
            arguments["ssl"] = True
        shared = {
            name: value
            for name, value in arguments.items()
            if name in ("retry", "ssl") or name.startswith(("socket_", "ssl_"))
        }
        sentinel = redis.Sentinel(sentinels, sentinel_kwargs={**shared, **sentinel_arguments}, **arguments)
        return sentinel.master_for(sentinel_name)
    except (ValueError, TypeError):
        raise StoreError(
            f"store {redacted_url(url)}: expected redis://host:port/database, and options of redis-py"
        ) from None


def _is_cluster(url: str) -> bool:
    return url.partition(":")[0].endswith("+cluster")


def _without_cluster(url: str) -> str:
    return url.replace("+cluster", "", 1)
