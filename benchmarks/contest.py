"""Contenders measured in turn, so that whatever else the machine does hits all of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = ["Result", "compete", "print_table", "seconds_per_call"]


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds a call, over all rounds."""

    median: float
    minimum: float


def seconds_per_call(function: Callable[[], object], calls: int) -> float:
    """The time of one call, measured over many."""
    each = range(calls)
    started = time.perf_counter()
    for _ in each:
        function()
    return (time.perf_counter() - started) / calls


def compete(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Result]:
    """
    Measure every contender once a round.

    Args:
        measures: For each contender, a function that measures it once and returns seconds.
        rounds: How often.
    """
    for measure in measures.values():
        measure()  # warm up
    taken: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            taken[name].append(measure())
    return {name: Result(statistics.median(times), min(times)) for name, times in taken.items()}


def print_table(
    title: str, results: Mapping[str, Result], *, reference: str, unit: str = "us", floor: str | None = None
) -> None:
    """
    Print medians, minima, and the ratio of minima to a reference.

    Args:
        title: What was measured.
        results: Of `compete`.
        reference: The contender that ratios are given to.
        unit: "ns", "us" or "ms".
        floor: A contender that does nothing; the others are shown as what they add to it.
    """
    scale = {"ns": 1e9, "us": 1e6, "ms": 1e3}[unit]
    base_median = results[floor].median if floor else 0.0
    base_minimum = results[floor].minimum if floor else 0.0
    reference_minimum = results[reference].minimum - base_minimum
    print(f"\n{title}" + (f" (added to {floor})" if floor else ""))
    print(f"  {'':48}{'median ' + unit:>12}{'minimum ' + unit:>12}{'ratio':>8}")
    for name, result in results.items():
        if name == floor:
            print(f"  {name:48}{result.median * scale:12.2f}{result.minimum * scale:12.2f}{'':>8}")
            continue
        median, minimum = (result.median - base_median) * scale, (result.minimum - base_minimum) * scale
        print(f"  {name:48}{median:12.2f}{minimum:12.2f}{minimum / scale / reference_minimum:8.2f}")
