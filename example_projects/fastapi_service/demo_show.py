"""What the demo shows: the table of `slo status`, and the story of the incident."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

from demo_pager import Pager
from demo_traffic import FIRST_SECONDS, INCIDENT_SECONDS, REQUESTS_PER_SECOND, Traffic

from slo_core import SLOSnapshot
from slo_core.budgets.wording import percent, rule_text
from slo_core.cli.colours import paint_of
from slo_core.errors import SLOError
from slo_core.status.causes import cause_text, share_text, top_cause
from slo_core.status.columns import Paint, folded
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.open import open_status_source
from slo_core.status.state import burning_now
from slo_core.status.table import status_lines

__all__ = ["Show"]

# How many lines of the story stand below the table.
STORY_LINES = 7


@dataclass
class Show:
    """What is seen while the demo runs, and what of it the end tells again."""

    url: str
    traffic: Traffic
    pager: Pager
    before: dict[str, SLOSnapshot] = field(default_factory=dict)
    now: list[ServiceStatus] = field(default_factory=list)
    story: list[tuple[str, str]] = field(default_factory=list)
    paged: tuple[float, str] | None = None
    is_over: bool = False
    has_heading: bool = True
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._source = open_status_source(f"{self.url}/slo.json")
        self._paint: Paint = paint_of(sys.stdout)
        self._read()
        self.before = self.slos

    @property
    def slos(self) -> dict[str, SLOSnapshot]:
        """The state of each SLO by its name."""
        return {snapshot.name: snapshot for status in self.now for _, snapshot in status.snapshots}

    def look(self) -> list[tuple[str, str]]:
        """Read the page's JSON, as `slo status` does; returns what is new in the story: the style of a line, and its text."""
        self._read()
        known = len(self.story)
        self._tell("traffic", f"four clients send {REQUESTS_PER_SECOND} requests a second")
        if not self.pager.is_real:
            self._tell("pager", "prometheus and alertmanager are not installed: nothing will ring, see NOW and ALERTS")
        if self.traffic.age >= FIRST_SECONDS:
            self._tell("incident", "the incident begins: the payment provider fails, or is slow")
        for name, snapshot in self.slos.items():
            if burning_now(snapshot) == "paging":
                if self.paged is None:
                    self.paged = time.monotonic(), name
                first = next(alert for alert in snapshot.alerts if alert.is_firing)
                burn = f"{first.long.burn_rate:.1f} times the allowed rate"
                if f"page {name}" not in self._told:
                    self._tell(
                        f"page {name}", f"{name} pages: {rule_text(first)}, at {burn}{self._why(name)}", "paging"
                    )
        for index, call in enumerate(self.pager.calls):
            if call.severity == "page":
                self._tell(f"call {index}", f"Alertmanager rings: {call.summary}", "paging", at=call.at)
        if self.traffic.age >= FIRST_SECONDS + INCIDENT_SECONDS:
            self._tell(
                "over", "the payment provider is back; a page lasts until the 5 or 30 minutes of its rule are good"
            )
        return self.story[known:]

    def look_last(self) -> None:
        """Read what the service counted when the clients have stopped, and it has handed its last events over."""
        time.sleep(1.2)
        self.look()
        self.is_over = True

    def _why(self, name: str) -> str:
        """What most of its bad events were, as `slo status --why` has it."""
        (breakdown,) = self._source.causes([(self.now[0].service, name)])
        top = None if isinstance(breakdown, str) else top_cause(breakdown)
        return "" if top is None else f"; {share_text(top)} of what failed is {cause_text(top)}"

    def _read(self) -> None:
        try:
            self.now = self._source.read()
        except SLOError as exc:
            raise RuntimeError(f"the service does not answer any more ({exc})") from exc

    def _tell(self, key: str, text: str, style: str = "", *, at: float | None = None) -> None:
        if key not in self._told:
            self._told.add(key)
            self.story.append((style, f"{(at or time.monotonic()) - self.traffic.started:4.0f} s  {text}"))

    def table(self, width: int | None) -> list[str]:
        """What `slo status` prints."""
        return status_lines([(status.service, status.snapshots) for status in self.now], width=width, paint=self._paint)

    def picture(self, width: int) -> tuple[list[str], list[str]]:
        """The addresses, the table, what pages first, and below it the story and what the clients saw."""
        heading = [f"in a browser: {self.url}/slo", f"the metrics:  {self.url}/metrics", ""]
        story = [self.painted(style, line) for style, text in self.story[-STORY_LINES:] for line in folded(text, width)]
        below = ["", *story, "", *folded(self.seen(), width)]
        return [*(heading if self.has_heading else []), *self.table(width)], below

    def seen(self) -> str:
        """What the clients saw, and at the end what the service counted meanwhile."""
        seen = self.traffic.seen
        text = f"clients saw {seen.total()} requests, {seen['failed']} failed"
        if seen["lost"]:
            text += f", {seen['lost']} lost"
        if self.is_over:
            now, before = self.slos["availability"], self.before["availability"]
            text += f"; availability counted {now.total - before.total} events, {now.failures - before.failures} bad"
        return text

    def summary(self) -> str:
        """Three lines: the incident, who was woken, what is left."""
        seen = self.traffic.seen
        began = self.traffic.started + FIRST_SECONDS
        requests = f"{seen.total()} requests in {self.traffic.age:.0f} s, {seen['failed']} of them failed"
        lines = [f"{requests}: the payment provider had a bad time."]
        if self.paged is None:
            lines.append("No rule paged: the incident was too short.")
        else:
            at, name = self.paged
            line = f"{name} paged {max(0.0, at - began):.0f} s after the incident began"
            if self.pager.calls:
                line += f", and the telephone rang after {max(0.0, self.pager.calls[0].at - began):.0f} s"
            elif not self.pager.is_real:
                line += " (with prometheus and alertmanager installed, a telephone would have rung)"
            lines.append(f"{line}.")
        budgets = ", ".join(
            f"{name} {percent(self.before[name].error_budget_remaining, 0)} -> {percent(now.error_budget_remaining, 0)}"
            for name, now in self.slos.items()
        )
        lines.append(f"Budgets of thirty days: {budgets}.")
        return "\n".join(lines)

    def painted(self, style: str, text: str) -> str:
        """A line of the story in its colour."""
        return self._paint(style, text) if style else text
