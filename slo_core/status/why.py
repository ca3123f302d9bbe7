"""What fails, in lines for a terminal: the same in `slo status --why`, `manage.py slo_status` and `flask slo status`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from slo_core.budgets.cause_shares import CauseBreakdown, CauseShare
from slo_core.budgets.latencies import Latencies
from slo_core.budgets.notation import number
from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.budgets.wording import percent, printable
from slo_core.errors import SLOError, described, nearest
from slo_core.objectives.window import HOUR
from slo_core.status.causes import NOT_KEPT, UNKNOWN_BECAUSE, cause_text, is_named
from slo_core.status.failures import FailureReader, failure_lines
from slo_core.status.latencies import latency_lines
from slo_core.status.state import burning_now, most_urgent_first
from slo_core.tracking.registry import SLORegistry

__all__ = ["CauseReader", "LatencyReader", "causes_in", "latencies_in", "why_lines"]

# For services and the names of their SLOs: the causes of the last hour, or why they are not known.
CauseReader = Callable[[Sequence[tuple[str, str]]], Sequence[CauseBreakdown | str]]

# For the same: how long their events took in the last hour; None for an SLO without a threshold, or where that is not known.
LatencyReader = Callable[[Sequence[tuple[str, str]]], Sequence[Latencies | None]]

_MOST_ROWS = 5


def why_lines(
    services: Sequence[tuple[str, SLOSnapshots]],
    read: CauseReader,
    *,
    slo: str = "",
    latencies: LatencyReader | None = None,
    failures: FailureReader | None = None,
) -> list[str]:
    """
    The largest causes of the last hour, a line each, below a line for their SLO; the most urgent SLO first.

    Of an SLO with a latency threshold there is also how long its events took, and below one that was asked for by its name its
    last bad events.

    Args:
        services: The name of each service, and its snapshots.
        read: Reads the causes.
        slo: The only SLO to show, whether it burns or not; empty shows each that burns.
        latencies: Reads how long events took; None shows nothing of it.
        failures: Reads the last bad events; None shows none.

    Raises:
        SLOError: No service has that SLO.
    """
    entries = [(service, snapshot) for service, snapshots in services for _, snapshot in snapshots]
    if not entries:
        return []  # the reason stands elsewhere
    entries.sort(key=lambda entry: most_urgent_first(entry[1]))
    asked = [entry for entry in entries if (entry[1].name == slo if slo else burning_now(entry[1]) is not None)]
    if not asked and slo:
        near = nearest(slo, [snapshot.name for _, snapshot in entries])
        raise SLOError(f"--why: expected the name of an SLO, got {slo!r}; {near}")
    if not asked:
        return ["Nothing burns."]
    lines: list[str] = []
    names = [(service, snapshot.name) for service, snapshot in asked]
    answers, times = read(names), [None] * len(names) if latencies is None else latencies(names)
    for (service, snapshot), answer, timed in zip(asked, answers, times, strict=True):
        owner = f"{printable(service)} " if len(services) > 1 else ""
        lines.append(
            f"{owner}{printable(snapshot.name)}, {burning_now(snapshot) or 'no alert fires'}: {_summary(answer)}"
        )
        if not isinstance(answer, str):
            lines += _rows(answer)
        if timed is not None and timed.known:
            lines += [f"  {line}" for line in latency_lines(timed, snapshot.target)]
        if slo and failures is not None:
            lines += failure_lines(failures(service, slo))
    return lines


def causes_in(registry: SLORegistry) -> CauseReader:
    """A reader of the causes of a registry's SLOs, with one read for all of them."""

    def read(asked: Sequence[tuple[str, str]]) -> list[CauseBreakdown | str]:
        trackers = [(registry[name], HOUR) for _, name in asked]
        try:
            answers = registry.internals.causes(trackers)
        except SLOError as exc:
            return [described(exc)] * len(asked)
        return [
            NOT_KEPT if answer is None else described(answer) if isinstance(answer, Exception) else answer
            for answer in answers
        ]

    return read


def latencies_in(registry: SLORegistry) -> LatencyReader:
    """A reader of how long the events of a registry's SLOs took, SLO by SLO: few have a threshold."""

    def read(asked: Sequence[tuple[str, str]]) -> list[Latencies | None]:
        answers: list[Latencies | None] = []
        for _, name in asked:
            try:
                answers.append(registry[name].latency(HOUR))
            except SLOError:  # the causes of the same store say why
                answers.append(None)
        return answers

    return read


def _summary(answer: CauseBreakdown | str) -> str:
    if isinstance(answer, str):
        return f"no causes to show: {printable(answer)}"
    if not answer.causes:
        return "no bad event in the last hour"
    events = answer.events
    return f"{number(events.bad)} bad of {number(events.good + events.bad)} events in the last hour"


def _rows(breakdown: CauseBreakdown) -> list[str]:
    shown, left = breakdown.causes[:_MOST_ROWS], breakdown.causes[_MOST_ROWS:]
    cells = [(_share(each), f"{number(each.bad)}{_bound(each)}", _text(each)) for each in shown]
    if left:
        causes = "1 smaller cause" if len(left) == 1 else f"{number(len(left))} smaller causes"
        cells.append(("", number(sum(each.bad for each in left)), causes))
    widths = [max((len(row[column]) for row in cells), default=0) for column in (0, 1)]
    lines = [f"  {share:>{widths[0]}}  {bad:>{widths[1]}}  {text}" for share, bad, text in cells]
    if any(each.is_lower_bound for each in shown):
        lines.append("  + is at least: only the largest causes are kept apart")
    return lines if breakdown.trouble is None else [*lines, f"  {printable(breakdown.trouble)}"]


def _share(cause: CauseShare) -> str:
    return f"{percent(cause.share, 1)}{_bound(cause)}"


def _bound(cause: CauseShare) -> str:
    return "+" if cause.is_lower_bound else ""


def _text(cause: CauseShare) -> str:
    text = printable(cause_text(cause))
    return text if is_named(cause) or cause.outcome != "unknown" else f"{text}: {UNKNOWN_BECAUSE}"
