"""The episodes of alert rules in Redis: a hash of each SLO, written where it has not changed since it was read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.episodes import Episode, with_episodes
from slo_core.errors import StoreError
from slo_core.stores.episodes import episode_key, episode_text, kept_episodes
from slo_core.stores.redis.blocks import text_of
from slo_core.stores.redis.cluster import Command
from slo_core.stores.redis.marks import RedisMarks
from slo_core.stores.redis.script import Script

__all__ = ["RedisEpisodes"]

# Others write when an episode ends.
_ATTEMPTS = 20

_VERSION = "version"


class RedisEpisodes(RedisMarks):
    """The part of the store that keeps episodes, and marks."""

    def keep_episodes(self, slo: str, episodes: Sequence[Episode]) -> None:
        """Add episodes of one SLO, in one step."""
        # It writes any hash that has a version.
        script = Script.load("marks.lua")
        key = self._keys.episodes(slo)
        with self._errors():
            for _ in range(_ATTEMPTS):
                (answer,) = self._answers([self._reading(key)])
                version, kept = _content(slo, answer)
                before, after = set(kept), set(with_episodes(kept, episodes))
                if before == after:
                    return
                gone = {_field(row) for row in before - after} - {_field(row) for row in after}
                values = [text for row in after - before for text in (_field(row), episode_text(row))]
                arguments = (version, int(KEPT_SECONDS), len(gone), *gone, *values)
                if self._whole(Command(key, ("EVALSHA", script.sha, 1, key, *arguments), script)) == 1:
                    return
        raise StoreError(f"the episodes of SLO {slo!r} were changed again and again; nothing was written")

    def read_episodes(self, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
        """Episodes since an instant: one script call for each SLO."""
        with self._errors():
            answers = self._answers([self._reading(self._keys.episodes(slo)) for slo in slos]) if slos else []
        return [
            () if isinstance(answer, Exception) else _content(slo, answer, since)[1]
            for slo, answer in zip(slos, answers, strict=True)
        ]

    def _reading(self, key: str) -> Command:
        # The script that reads a hash without HGETALL, which users of the store may not have the right to.
        script = Script.load("read_periods.lua")
        return Command(key, ("EVALSHA", script.sha, 1, key), script)


def _content(slo: str, answer: Any, since: float = 0.0) -> tuple[str, tuple[Episode, ...]]:
    """The version of the hash, and its episodes."""
    if isinstance(answer, Exception):
        raise answer
    fields = {text_of(answer[index]): text_of(answer[index + 1]) for index in range(0, len(answer), 2)}
    version = fields.pop(_VERSION, "")
    return version, kept_episodes(slo, ((_start(field), text) for field, text in fields.items()), since)


def _field(episode: Episode) -> str:
    start, rule = episode_key(episode)
    return f"{start}:{rule}"


def _start(field: str) -> int | None:
    start = field.partition(":")[0]
    return int(start) if start.isascii() and start.isdigit() and len(start) < 20 else None
