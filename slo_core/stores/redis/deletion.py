"""Deletes one SLO from Redis."""

from __future__ import annotations

from typing import Any

from slo_core.stores.redis.blocks import SERVICES_KEY, Keys
from slo_core.stores.redis.script import Script

__all__ = ["delete_slo"]


def delete_slo(redis: Any, client: Any, keys: Keys, slo: str, *, not_seen_since: float) -> bool:
    """
    Delete all keys and the name of an SLO; False where a process was heard of later, and nothing goes.

    Args:
        redis: The package.
        client: Of a server or a cluster.
        keys: Of the service.
        slo: The SLO.
        not_seen_since: In seconds since the epoch, by the store's clock; infinity deletes it in any case.
    """
    script = Script.load("delete.lua")
    # "inf" is a number to Lua, too.
    own = (keys.record(slo), keys.periods(slo), keys.episodes(slo))
    arguments = (script.sha, len(own), *own, keys.tag(slo), repr(not_seen_since))
    try:
        is_deleted = client.evalsha(*arguments)
    except redis.exceptions.NoScriptError:
        client.script_load(script.text)
        is_deleted = client.evalsha(*arguments)
    if not is_deleted:
        return False
    client.srem(keys.names, slo)
    if not client.smembers(keys.names):
        client.srem(SERVICES_KEY, keys.service)
        # Another process may have declared one meanwhile.
        if client.smembers(keys.names):
            client.sadd(SERVICES_KEY, keys.service)
        else:
            client.unlink(keys.marks)
    return True
