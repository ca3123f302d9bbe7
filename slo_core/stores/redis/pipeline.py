"""Many commands for one Redis server in one round trip."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

from slo_core.stores.redis.script import Script

__all__ = ["is_damage", "run_pipeline", "seconds_of"]

# What our script says, and what Redis says of any script, when a value is not what it calculates with.
_ERROR_IN_SCRIPT = re.compile(r"DAMAGED|WRONGTYPE|user_script:\d+: (attempt to|bad argument)")


def is_damage(exc: Exception) -> bool:
    """Whether a key of one SLO is not of the type that this package gives it, or a field no number; others are whole."""
    return _ERROR_IN_SCRIPT.search(str(exc)) is not None


def run_pipeline(
    redis: Any, client: Any, commands: Sequence[Sequence[object]], scripts: Collection[Script] = ()
) -> list[Any]:
    """
    The answer of each command; an error of the server stands in the place of the answer.

    Args:
        redis: The package.
        client: A client of one server, not of a cluster.
        commands: Each with its arguments.
        scripts: The scripts that the commands call. They are loaded, and the commands are sent again, if the server does
            not know them.

    Raises:
        redis.RedisError: The connection failed.
        OSError: The connection failed.
    """
    answers = _answers_of(redis, client, commands)
    unknown = [index for index, answer in enumerate(answers) if isinstance(answer, redis.exceptions.NoScriptError)]
    if unknown:
        for script in scripts:
            client.script_load(script.text)
        repeated = _answers_of(redis, client, [commands[index] for index in unknown])
        for index, answer in zip(unknown, repeated, strict=True):
            answers[index] = answer
    return answers


def _answers_of(redis: Any, client: Any, commands: Sequence[Sequence[object]]) -> list[Any]:
    # Not by redis-py's own pipeline, whose looks at each command and each answer take an eighth of a flush.
    pool = client.connection_pool
    try:
        connection = pool.get_connection()
    except TypeError:  # before redis-py 5.3
        connection = pool.get_connection("EVALSHA")
    try:
        connection.send_packed_command(connection.pack_commands(commands))
        return [_answer_on(redis, connection) for _ in commands]
    except BaseException:
        connection.disconnect()  # what comes next on it is the answer to something else
        raise
    finally:
        pool.release(connection)


def _answer_on(redis: Any, connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.exceptions.ResponseError as exc:
        return exc


def seconds_of(clock: Sequence[Any]) -> float:
    """The answer of TIME, in seconds since the epoch."""
    seconds, microseconds = clock
    return int(seconds) + int(microseconds) / 1e6
