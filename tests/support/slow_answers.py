"""The examples promise 300 ms, and count what takes longer as bad: a busy machine may make a good answer slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

__all__ = ["DOUBTFUL_SECONDS", "in_good_time"]

# What a client has waited for this long may have taken the service itself 300 ms.
DOUBTFUL_SECONDS = 0.2


def in_good_time(
    counted: Mapping[tuple[str, bool], int], expected: Mapping[tuple[str, bool], int], doubtful: Mapping[str, int]
) -> Counter[tuple[str, bool]]:
    """
    What a service would have counted on a machine of its own.

    Args:
        counted: Events by SLO, and whether they were good.
        expected: What they should be.
        doubtful: By SLO: good answers that the client waited for longer than `DOUBTFUL_SECONDS`.
    """
    events = Counter(dict(counted))
    for slo, answers in doubtful.items():
        late = events[slo, False] - expected.get((slo, False), 0)
        if 0 < late <= answers:
            events[slo, False] -= late
            events[slo, True] += late
    return +events
