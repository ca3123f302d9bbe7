"""Whether a Redis server can hold the store: its schema is known, and it throws nothing away."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from slo_core.conventions import LOGGER_NAME
from slo_core.errors import StoreError
from slo_core.stores.redis.blocks import STORE_KEY, text_of

__all__ = ["SCHEMA_VERSION", "check_server"]

logger = logging.getLogger(LOGGER_NAME)

# 2: names of blocks have the generation of their record. A store that a version before it has made stays as it is, and both
# use it side by side; one that this version has made is left alone by that.
SCHEMA_VERSION = 2


def check_server(redis: Any, client: Any, shown: str, *, is_cluster: bool) -> None:
    """
    Check a server, or every node of a cluster; one that may throw counts away is warned of.

    Args:
        redis: The package.
        client: A client.
        shown: The URL, without its password.
        is_cluster: Whether it is the client of a cluster.

    Raises:
        StoreError: The store was written by a newer version.
    """
    schema = client.hget(STORE_KEY, "schema")
    if schema is not None and int(schema) > SCHEMA_VERSION:
        raise StoreError(
            f"store {shown}: written by a newer slo-suite (schema {int(schema)}, this one knows {SCHEMA_VERSION}); "
            "upgrade slo-suite, or use another database"
        )
    for name, policy in _eviction_policies(redis, client, is_cluster=is_cluster):
        if policy != "noeviction":
            logger.warning(
                "the store %s may throw counts away when its memory is full (maxmemory-policy %s%s); set it to noeviction",
                shown,
                policy,
                f" at {name}" if name else "",
            )


def _eviction_policies(redis: Any, client: Any, *, is_cluster: bool) -> Iterator[tuple[str, str]]:
    """Of every node of a cluster; a replica may be a master tomorrow."""
    connections = [("", client)]
    if is_cluster:
        connections = [(node.name, client.get_redis_connection(node)) for node in client.get_nodes()]
    for name, connection in connections:
        try:
            policy = _eviction_policy(redis, connection)
        except redis.exceptions.ResponseError:  # both questions are forbidden
            continue
        except redis.RedisError:  # one that hangs costs a time-out; the others would cost theirs
            return
        yield name, policy


def _eviction_policy(redis: Any, connection: Any) -> str:
    try:
        settings = connection.config_get("maxmemory-policy")
    except redis.exceptions.ResponseError:  # managed servers forbid CONFIG, but most answer INFO
        settings = {"maxmemory-policy": connection.info("memory").get("maxmemory_policy", "noeviction")}
    return text_of(settings.get("maxmemory-policy", settings.get(b"maxmemory-policy", b"noeviction")))
