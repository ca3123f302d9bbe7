"""PromQL for silence that is news: no event comes, though so many were to be expected that it cannot be chance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from slo_core.conventions import Label
from slo_core.objectives.window import DAY, HOUR
from slo_core.rules.names import Record, RuleLabel
from slo_core.rules.promql import bracketed, duration_text, one_of, selected
from slo_core.rules.section import Section

__all__ = ["SILENCES", "Silence", "silence_expression"]

# Compared is what came at the same time before, and an hour earlier and later: on that day clocks may have been changed.
_AROUND_SECONDS = HOUR
# People do not begin and end their day to the minute.
_MARGIN_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Silence:
    """
    Two windows without an event, where each window around that time held many a week ago.

    Attributes:
        window: Length of the windows, in seconds. Every SLO records it that is not shorter itself.
        least_events: So many each of them held.
    """

    window: int
    least_events: int

    @property
    def seconds(self) -> int:
        """How long the silence lasts."""
        return 2 * self.window

    @property
    def compared_seconds(self) -> int:
        """From the end of the first window that is compared to that of the last one."""
        return 2 * (_AROUND_SECONDS + _MARGIN_SECONDS) + self.window

    def offset_seconds(self, ago: int) -> int:
        """How long ago the last window ends that is compared with what was so long ago."""
        return ago - _AROUND_SECONDS - _MARGIN_SECONDS


# Where each window held twenty events, forty are missing: even where they come five at a time, chance keeps them away once in
# years. A service with less than twenty an hour is not watched.
SILENCES = (Silence(300, 20), Silence(HOUR, 20))


def silence_expression(section: Section) -> str:
    """
    How long no event has come, in seconds, where that is news.

    It reads recorded counts: they are there for the week before, and cost less than to count once more. What was not
    measured a week ago is compared with yesterday.

    Args:
        section: The SLOs.
    """
    silences = [silence for silence in SILENCES if silence.window <= section.period]
    tiers = "\nor\n".join(_tier(section, silence) for silence in silences or SILENCES[:1])
    longest = f"max without ({RuleLabel.SLOTH_WINDOW}) {bracketed(tiers)}"
    return f"{longest}\nand on ({Label.SERVICE}, {Label.SLO}) {section.budget_events()}"


def _tier(section: Section, silence: Silence) -> str:
    events = partial(
        selected,
        Record.EVENTS,
        {
            RuleLabel.SLOTH_SERVICE: section.service,
            **section.environment.match,
            RuleLabel.SLOTH_WINDOW: duration_text(silence.window),
        },
        any_of={Label.SLO: one_of(section.selected_slos)} if section.selected_slos else None,
    )
    by_slo = ", ".join(section.environment.of_slo)
    now, earlier = events(), events(offset_seconds=silence.window)
    compared = (
        events(range_seconds=silence.compared_seconds, offset_seconds=silence.offset_seconds(ago))
        for ago in (7 * DAY, DAY)
    )
    # Labels of an SLO may have changed since.
    a_week_ago, yesterday = (f"min by ({by_slo}) (min_over_time({counts}))" for counts in compared)
    usual = bracketed(f"{a_week_ago}\nor\n{yesterday}") + f" >= {silence.least_events}"
    return f"({now} == 0) + {silence.seconds}\nand {earlier} == 0\nand on ({by_slo})\n{usual}"
