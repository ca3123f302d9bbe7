"""Stores that keep the episodes of alert rules, and how they write them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from slo_core.budgets.cause_shares import CauseShare
from slo_core.budgets.episodes import Episode
from slo_core.budgets.marks import Mark
from slo_core.objectives.window import LATEST_TIME

__all__ = ["EpisodeKey", "EpisodeStore", "episode_key", "episode_text", "kept_episodes", "parse_episode"]

_TOO_LARGE = 2**63


class EpisodeKey(NamedTuple):
    """
    What tells the rows of one SLO apart.

    Attributes:
        start: Of the episode.
        rule: A digest of its rule: severities are texts of any length.
    """

    start: int
    rule: str


@runtime_checkable
class EpisodeStore(Protocol):
    """
    The part of a `BucketStore` that keeps episodes which have ended; a store of your own may be without it.

    `slo_core.budgets.episodes.with_episodes` says which are kept.
    """

    def keep_episodes(self, slo: str, episodes: Sequence[Episode]) -> None:
        """
        Add episodes of one SLO, some 100 at most, in one step; one that is there already stays as it is, or takes late events.

        At most 1,000 of an SLO are kept, the newest, for 25 months, whatever is pruned. Those of an SLO that was never
        declared may be left out.
        """

    def read_episodes(self, slos: Sequence[str], since: float) -> list[tuple[Episode, ...]]:
        """For each SLO the episodes that began at or after an instant, in order of time; damaged rows are left out."""


def episode_key(episode: Episode) -> EpisodeKey:
    """The key of an episode among those of its SLO."""
    rule = json.dumps(episode.rule)
    return EpisodeKey(episode.start, hashlib.sha256(rule.encode()).hexdigest()[:32])


def episode_text(episode: Episode) -> str:
    """An episode as a store holds it, with its key: JSON, in ASCII. The shares of causes follow from their events."""
    return json.dumps(
        {
            "rule": episode.rule,
            "end": episode.end,
            "good": episode.good,
            "bad": episode.bad,
            "budget_share": episode.budget_share,
            "causes": [(each.where, each.outcome, each.bad, each.is_lower_bound) for each in episode.causes],
            "marks": [(each.at, each.kind, each.text) for each in episode.marks],
        },
        separators=(",", ":"),
    )


def parse_episode(slo: str, start: Any, text: Any) -> Episode | None:
    """
    A row of a store; None for one that no version of this package has written.

    Args:
        slo: Its SLO.
        start: Of its key.
        text: As `episode_text` writes it.
    """
    try:
        content = json.loads(text)
        severity, long, short = content["rule"]
        good, bad, share, end = content["good"], content["bad"], content["budget_share"], content["end"]
        is_whole = (
            all(type(each) is int and 0 <= each < _TOO_LARGE for each in (good, bad))
            and all(type(each) is int and 0 < each <= LATEST_TIME for each in (long, short))
            and type(start) is type(end) is int
            and 0 <= start <= end <= LATEST_TIME
            and isinstance(severity, str)
            and isinstance(share, (int, float))
            and 0 <= share < math.inf
        )
        if not is_whole:
            return None
        causes = tuple(_cause(*row, of_all=bad) for row in content["causes"])
        marks = tuple(Mark(at, kind, mark) for at, kind, mark in content["marks"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Episode(slo, severity, long, short, start, end, good, bad, float(share), causes, marks)


def _cause(where: Any, outcome: Any, bad: Any, is_lower_bound: Any, *, of_all: int) -> CauseShare:
    is_named = where is None or isinstance(where, str)
    if not (is_named and isinstance(outcome, str) and type(bad) is int and 0 < bad <= of_all):
        raise ValueError("no cause of an episode")
    return CauseShare(where, outcome, bad, bad / of_all, bool(is_lower_bound))


def kept_episodes(slo: str, rows: Iterable[tuple[Any, Any]], since: float = -math.inf) -> tuple[Episode, ...]:
    """
    The episodes in the rows of one SLO, in order of time.

    Args:
        slo: The SLO.
        rows: Of each the start and the text.
        since: Only those that began at or after this instant.
    """
    parsed = (parse_episode(slo, start, text) for start, text in rows)
    episodes = [each for each in parsed if each is not None and each.start >= since]
    return tuple(sorted(episodes, key=lambda each: (each.start, each.rule)))
