"""The recent failures of an SLO in Redis: a hash of so many places, which are filled in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from slo_core.budgets.recent_failures import RecentFailure, stored_failure
from slo_core.stores.recent_failures import FAILURES_KEPT_SECONDS, newest_first
from slo_core.stores.redis.blocks import Keys
from slo_core.stores.redis.cluster import Command
from slo_core.stores.redis.script import Script

__all__ = ["RedisFailures"]


class RedisFailures:
    """The part of the store that keeps recent failures."""

    _keys: Keys

    def _errors(self) -> AbstractContextManager[None]:
        raise NotImplementedError

    def _answers(self, commands: Sequence[Command]) -> list[Any]:
        raise NotImplementedError

    def add_recent_failures(self, failures: Mapping[str, Sequence[RecentFailure]], *, most: int) -> None:
        """Add failures: one script call for each SLO."""
        script = Script.load("failures.lua")
        commands = []
        for slo, added in failures.items():
            key = self._keys.failures(slo)
            texts = [stored_failure(failure) for failure in added[-most:]]
            arguments = (most, FAILURES_KEPT_SECONDS, *texts)
            commands.append(Command(key, ("EVALSHA", script.sha, 1, key, *arguments), script))
        with self._errors():
            for answer in self._answers(commands):
                if isinstance(answer, Exception):
                    raise answer

    def recent_failures(self, slos: Sequence[str], *, most: int) -> list[tuple[RecentFailure, ...]]:
        """The newest failures: one script call for each SLO."""
        script = Script.load("read_periods.lua")  # as for marks
        keys = [self._keys.failures(slo) for slo in slos]
        with self._errors():
            answers = self._answers([Command(key, ("EVALSHA", script.sha, 1, key), script) for key in keys])
        return [_failures(answer, most) for answer in answers]


def _failures(answer: Any, most: int) -> tuple[RecentFailure, ...]:
    if isinstance(answer, Exception):  # another program's
        return ()
    texts = [_text(value) for value in answer[1::2]]
    failures = newest_first(texts, most=len(texts))
    if not failures:
        return ()
    return tuple(failure for failure in failures[:most] if failure.at >= failures[0].at - FAILURES_KEPT_SECONDS)


def _text(value: Any) -> str | None:
    try:
        return value.decode("ascii") if isinstance(value, bytes) else str(value)
    except UnicodeDecodeError:
        return None
