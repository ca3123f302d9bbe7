"""What changed in the service, on the page of one SLO and in its JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, tzinfo
from typing import Any
from xml.etree import ElementTree as ET

from slo_core.budgets.changes import LastRelease, MarkBefore, last_release, mark_before_burn
from slo_core.budgets.history import History
from slo_core.budgets.marks import Mark
from slo_core.budgets.snapshot import SLOSnapshot
from slo_core.budgets.timeline import Timeline
from slo_core.objectives.definition import SLODefinition
from slo_core.status_page.markup import Node, element, timestamp

__all__ = ["change_list", "changes_json", "mark_nodes", "marks_in"]

# More lines than this are hard to read.
_MOST_LINES = 10


def marks_in(past: History, snapshot: SLOSnapshot, marks: Sequence[Mark]) -> list[Mark]:
    """The marks in the range of the charts, in order of time."""
    since = snapshot.at - past.range_seconds
    return [mark for mark in marks if mark.at >= since]


def mark_nodes(mark: Mark) -> tuple[Node, ...]:
    """A mark as `mark_text` writes it; its text may be written from right to left."""
    if mark.kind == "note":
        return '"', element("bdi", mark.text), '"'
    return f"{mark.kind} ", element("bdi", mark.text)


def change_list(marks: Sequence[Mark], release: LastRelease | None, zone: tzinfo = UTC) -> ET.Element | None:
    """
    The last changes, the newest first; the last release with what failed since and before. None without any.

    Args:
        marks: Those of the charts' range, in order of time.
        release: The last one.
        zone: The time zone that times are written in.
    """
    if not marks and release is None:
        return None
    shown = list(reversed(marks[-_MOST_LINES:]))
    if release is not None and release.mark not in shown:
        shown.append(release.mark)
    lines = []
    for mark in shown:
        is_release = release is not None and mark == release.mark
        counts = element("span", f", {release.counts_text}", class_="slo-release") if release and is_release else None
        lines.append(element("li", timestamp(mark.at, zone), " ", *mark_nodes(mark), counts))
    return element("section", element("h2", "Changes"), element("ul", *lines, class_="slo-lines"))


def changes_json(
    definition: SLODefinition, snapshot: SLOSnapshot, timeline: Timeline, past: History, marks: Sequence[Mark]
) -> dict[str, Any]:
    """
    The marks of the range, and what they say of the SLO, ready for `json.dumps`.

    Returns:
        `marks`, oldest first: `at` (seconds since the epoch), `kind` and `text`. `burn_began_after`: the last mark of the hour
        before the burn that fires or waits now began, with `seconds` between them; None without one. `last_release`: a mark
        with `seconds` since then, and `total` and `failures` in `after`, since then, and in `before`, as long before, to the
        bucket; None where the events of that time are not all kept.
    """
    before = mark_before_burn(definition, snapshot, timeline, marks)
    release = last_release(snapshot, timeline, marks, most_seconds=definition.window_seconds)
    return {
        "marks": [_mark_json(mark) for mark in marks_in(past, snapshot, marks)],
        "burn_began_after": None if before is None else _before_json(before),
        "last_release": None if release is None else _release_json(release),
    }


def _mark_json(mark: Mark) -> dict[str, Any]:
    return {"at": mark.at, "kind": mark.kind, "text": mark.text}


def _before_json(before: MarkBefore) -> dict[str, Any]:
    return {**_mark_json(before.mark), "seconds": before.seconds}


def _release_json(release: LastRelease) -> dict[str, Any]:
    return {
        **_mark_json(release.mark),
        "seconds": release.seconds,
        **{
            name: None if counts is None else {"total": counts.total, "failures": counts.bad}
            for name, counts in (("after", release.after), ("before", release.before))
        },
    }
