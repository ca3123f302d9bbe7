"""Incidents as people see them: the rules of one severity that fired at the same time are one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from slo_core.budgets.episodes import Episode
from slo_core.budgets.firing_spans import JOINED_SECONDS

__all__ = ["Incident", "incidents_of"]


@dataclass(frozen=True, slots=True)
class Incident:
    """
    Episodes of one SLO and one severity that overlap.

    Attributes:
        episodes: At least one, by their starts.
    """

    episodes: tuple[Episode, ...]

    @property
    def slo(self) -> str:
        """The SLO."""
        return self.episodes[0].slo

    @property
    def severity(self) -> str:
        """Of its rules."""
        return self.episodes[0].severity

    @property
    def start(self) -> int:
        """When the first rule began to fire, in seconds since the epoch."""
        return self.episodes[0].start

    @property
    def end(self) -> int | None:
        """When the last rule stopped; None while one fires."""
        ends = [episode.end for episode in self.episodes]
        known = [end for end in ends if end is not None]
        return max(known) if len(known) == len(ends) else None

    @property
    def main(self) -> Episode:
        """The episode with the most bad events: its numbers stand for the incident."""
        return max(self.episodes, key=lambda each: (each.bad, each.budget_share))


def incidents_of(episodes: Iterable[Episode]) -> list[Incident]:
    """Episodes as incidents, the newest first; a pause of less than five minutes is none."""
    groups: dict[tuple[str, str], list[list[Episode]]] = {}
    for episode in sorted(episodes, key=lambda each: (each.start, each.rule)):
        of_severity = groups.setdefault((episode.slo, episode.severity), [])
        if of_severity and _goes_on(of_severity[-1], episode.start):
            of_severity[-1].append(episode)
        else:
            of_severity.append([episode])
    incidents = [Incident(tuple(group)) for of_severity in groups.values() for group in of_severity]
    return sorted(incidents, key=lambda each: (-each.start, each.slo, each.severity == "ticket", each.severity))


def _goes_on(group: Sequence[Episode], start: int) -> bool:
    return any(each.end is None or start < each.end + JOINED_SECONDS for each in group)
