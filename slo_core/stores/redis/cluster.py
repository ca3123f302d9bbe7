"""Commands for the nodes of a Redis Cluster: one round trip to each; a node that hangs delays no other."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slo_core.stores.redis.pipeline import run_pipeline, seconds_of
from slo_core.stores.redis.script import Script

__all__ = ["ClusterSession", "Command"]


@dataclass(frozen=True, slots=True)
class Command:
    """
    A command whose keys all lie in one slot.

    Attributes:
        key: One of them.
        arguments: The command and all its arguments.
        script: The script that it calls; None when it calls none.
    """

    key: str | bytes
    arguments: tuple[object, ...]
    script: Script | None = None


class ClusterSession:
    """
    The commands that one call of the store sends to a cluster, within a bounded time.

    redis-py's own pipeline for clusters refuses scripts, and asks node after node for a command at a time.

    Args:
        redis: The package.
        client: The cluster's.
        timeout_seconds: How long a node has for an answer; nothing is begun after twice as long.
        failed_before: Names of nodes that did not answer the last time: they are asked last. Updated by `end`.

    Attributes:
        now: The clock of the first node that answered, in seconds since the epoch; None before.
    """

    def __init__(self, redis: Any, client: Any, *, timeout_seconds: float, failed_before: set[str]) -> None:
        self._redis = redis
        self._client = client
        self._deadline = time.monotonic() + 2 * timeout_seconds
        self._failed_before = failed_before
        self._failed: dict[str, Exception] = {}
        self._is_stale = False
        self.now: float | None = None

    def run(self, commands: Sequence[Command]) -> list[Any]:
        """The answer of each command; an exception in the place of an answer that is missing."""
        answers: list[Any] = [None] * len(commands)
        nodes: dict[str, tuple[Any, list[int]]] = {}
        for index, command in enumerate(commands):
            try:
                node = self._client.get_node_from_key(command.key)
            except self._redis.exceptions.RedisClusterException as exc:  # a slot that no node serves
                self._is_stale = True
                answers[index] = exc
            else:
                nodes.setdefault(node.name, (node, []))[1].append(index)
        for name, (node, indexes) in sorted(nodes.items(), key=lambda item: item[0] in self._failed_before):
            answers_of_node = self._answers_of(name, node, [commands[index] for index in indexes])
            for index, answer in zip(indexes, answers_of_node, strict=True):
                answers[index] = answer
        return answers

    def end(self) -> bool:
        """Ask the nodes that answer who holds which slots, if that may have changed; False when there is none."""
        self._failed_before.clear()
        self._failed_before.update(self._failed)
        if not (self._failed or self._is_stale):
            return True
        manager = self._client.nodes_manager
        known = manager.startup_nodes
        answering = {name: node for name, node in known.items() if name not in self._failed}
        if not answering:
            return False
        manager.startup_nodes = answering  # it would wait for the others
        try:
            manager.initialize()
        except (self._redis.RedisError, self._redis.exceptions.RedisClusterException, OSError):
            manager.startup_nodes = known
            return False
        return True

    def _answers_of(self, name: str, node: Any, commands: Sequence[Command]) -> list[Any]:
        if name in self._failed:
            return [self._failed[name]] * len(commands)
        if time.monotonic() > self._deadline:
            return [self._redis.exceptions.TimeoutError(f"no time was left for {name}")] * len(commands)
        try:
            answers = self._sent(self._client.get_redis_connection(node), commands)
        except (self._redis.RedisError, OSError) as exc:
            self._failed[name] = exc
            return [exc] * len(commands)
        return [self._followed(command, answer) for command, answer in zip(commands, answers, strict=True)]

    def _sent(self, connection: Any, commands: Sequence[Command]) -> list[Any]:
        """One round trip, and two more when the node does not know a script."""
        sending = [("TIME",), *(command.arguments for command in commands)]
        scripts = {command.script for command in commands if command.script is not None}
        clock, *answers = run_pipeline(self._redis, connection, sending, scripts)
        if isinstance(clock, Exception):  # so all of them: it is loading its data, or knows no such user
            raise clock
        if self.now is None:
            self.now = seconds_of(clock)
        return answers

    def _followed(self, command: Command, answer: Any) -> Any:
        """The answer, also where the slot has moved, is moving, or is split at this moment."""
        errors = self._redis.exceptions
        if isinstance(answer, errors.ClusterDownError):
            self._is_stale = True
        if not isinstance(answer, (errors.AskError, errors.TryAgainError)) or time.monotonic() > self._deadline:
            return answer
        try:
            try:
                followed: Any = self._client.execute_command(*command.arguments)
            except errors.NoScriptError:
                if command.script is None:
                    raise
                followed = self._client.eval(command.script.text, *command.arguments[2:])
        except (self._redis.RedisError, errors.RedisClusterException, OSError) as exc:
            return exc
        return followed
