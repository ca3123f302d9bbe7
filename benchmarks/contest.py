"""Contenders measured one after the other in each round, so that other load on the machine hits all of them alike."""

from __future__ import annotations

import math
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

__all__ = [
    "TARGET_RESULTS",
    "Result",
    "TargetResult",
    "compete",
    "hold_to",
    "print_table",
    "ratio_of",
    "result_of",
    "seconds_per_call",
]


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds a call, over all rounds; `spread` is the distance between their quartiles, `times` has one for each round."""

    median: float
    minimum: float
    spread: float = math.nan
    times: tuple[float, ...] = ()

    def above(self, floor: Result) -> float:
        """What it adds to a contender that does nothing: the median of the differences within one round."""
        if self.times and len(self.times) == len(floor.times):
            return statistics.median(mine - theirs for mine, theirs in zip(self.times, floor.times, strict=True))
        return self.median - floor.median


@dataclass(frozen=True, slots=True)
class TargetResult:
    """A measured figure and its target."""

    what: str
    target: str
    measured: str
    is_met: bool


# Of this run, in the order in which they were reached.
TARGET_RESULTS: list[TargetResult] = []


def hold_to(what: str, target: str, measured: str, *, is_met: bool) -> None:
    """Print a figure with its target, and keep it for the summary."""
    TARGET_RESULTS.append(TargetResult(what, target, measured, is_met))
    print(f"  {what}: {measured} (target {target}): {'met' if is_met else 'MISSED'}")


def seconds_per_call(
    function: Callable[[], object], calls: int, *, timer: Callable[[], float] = time.perf_counter
) -> float:
    """The time of one call, measured over many."""
    each = range(calls)
    started = timer()
    for _ in each:
        function()
    return (timer() - started) / calls


def compete(measures: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Result]:
    """
    Measure every contender once a round, each round in another order: a contender pays for the garbage and the cold caches
    that the one before it leaves. The orders are random, and the same in every run.

    Args:
        measures: For each contender, a function that measures it once and returns seconds.
        rounds: How often.
    """
    for measure in measures.values():
        measure()  # warm up
    taken: dict[str, list[float]] = {name: [] for name in measures}
    names = list(measures)
    orders = random.Random(1)  # no secret
    for _ in range(rounds):
        orders.shuffle(names)
        for name in names:
            taken[name].append(measures[name]())
    return {name: result_of(times) for name, times in taken.items()}


def result_of(times: list[float]) -> Result:
    """The times of one contender, all rounds together."""
    first, _, third = statistics.quantiles(times, n=4) if len(times) > 1 else (math.nan,) * 3
    return Result(statistics.median(times), min(times), third - first, tuple(times))


def ratio_of(results: Mapping[str, Result], name: str, reference: str, *, floor: str | None = None) -> float:
    """The ratio of two minima; with a floor, of what two contenders add to it."""
    if floor is None:
        return results[name].minimum / results[reference].minimum
    return results[name].above(results[floor]) / results[reference].above(results[floor])


def print_table(
    title: str, results: Mapping[str, Result], *, reference: str, unit: str = "us", floor: str | None = None
) -> None:
    """
    Print medians, minima, the distance between the quartiles, and the ratio of minima to a reference.

    Args:
        title: What was measured.
        results: Of `compete`.
        reference: The contender that ratios are given to.
        unit: "ns", "us" or "ms".
        floor: A contender that does nothing; the others are shown as what they add to it.
    """
    scale = {"ns": 1e9, "us": 1e6, "ms": 1e3}[unit]
    base_minimum = results[floor].minimum if floor else 0.0
    print(f"\n{title}" + (f" (added to {floor})" if floor else ""))
    print(f"  {'':48}{'median ' + unit:>12}{'minimum ' + unit:>12}{'spread ' + unit:>12}{'ratio':>8}")
    for name, result in results.items():
        is_floor = name == floor
        median = (result.median if floor is None or is_floor else result.above(results[floor])) * scale
        minimum = (result.minimum - (0.0 if is_floor else base_minimum)) * scale
        ratio = "" if is_floor else f"{ratio_of(results, name, reference, floor=floor):.2f}"
        spread = "" if math.isnan(result.spread) else f"{result.spread * scale:.2f}"
        print(f"  {name:48}{median:12.2f}{minimum:12.2f}{spread:>12}{ratio:>8}")
