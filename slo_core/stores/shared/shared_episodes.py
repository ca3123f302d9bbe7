"""The episodes behind a store that writes behind, and what those that last are worked out from."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slo_core.objectives.definition import SLODefinition
from slo_core.stores.shared.shared_marks import SharedMarks

if TYPE_CHECKING:
    from slo_core.budgets.causes import Cause
    from slo_core.budgets.episodes import Episode

__all__ = ["SharedEpisodes"]


class SharedEpisodes(SharedMarks):
    """The part of `WriteBehindStore` that is about episodes, and about marks."""

    _clock: Callable[[], float] = time.time

    def episodes(self, definitions: Sequence[SLODefinition], since: float) -> list[tuple[Episode, ...]]:
        """
        For each SLO the episodes that have ended and began at or after an instant, in order of time.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.shared.episode_reader import read_kept_episodes

        self.notice_fork()
        names = [definition.name for definition in definitions]
        return self._delivery.read(lambda: read_kept_episodes(self._buckets, names, since), sends_first=False)

    def past_causes(
        self, definition: SLODefinition, spans: Sequence[tuple[float, float]]
    ) -> list[list[tuple[Cause, int]]]:
        """
        What bad events were caused by in several stretches of time.

        Raises:
            StoreError: The store is out of reach.
        """
        from slo_core.stores.shared.episode_reader import read_past_causes

        self.notice_fork()
        return self._delivery.read(lambda: read_past_causes(self._buckets, definition.name, spans, now=self._clock()))
