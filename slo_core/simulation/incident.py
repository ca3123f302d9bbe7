"""An incident to simulate: how many errors, for how long, in how much traffic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from slo_core.objectives.window import LONGEST_PERIOD_SECONDS
from slo_core.simulation.minute_counts import MinuteCounts
from slo_core.simulation.traffic import Stretch, Traffic

__all__ = ["Incident"]

MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    An incident, and the traffic around it; times count from its first second.

    Attributes:
        stretches: The traffic while it lasts.
        rate: Events a second before and after it.
        background: Share of bad events before and after it.
        before_seconds: How long traffic lasts before it; None fills every window of the SLO.
        after_seconds: How long to go on after it; None goes on until it has left the longest alert window.
        begins_at: Its first second, in seconds since the epoch; None where it may begin at any time.

    Raises:
        ValueError: The incident is shorter than a second, or a part is longer than 93 days.
    """

    stretches: tuple[Stretch, ...]
    rate: Fraction
    background: Fraction = Fraction(0)
    before_seconds: int | None = None
    after_seconds: int | None = None
    begins_at: int | None = None

    def __post_init__(self) -> None:
        if not self.stretches:
            raise ValueError("expected an incident of at least a second")
        for what, seconds in (
            ("an incident", self.seconds),
            ("traffic before it", self.before_seconds or 0),
            ("a look at what comes after", self.after_seconds or 0),
        ):
            if not 0 <= seconds <= LONGEST_PERIOD_SECONDS:
                raise ValueError(f"expected {what} of at most 93 days, got {seconds} s")

    @classmethod
    def steady(
        cls,
        *,
        error_ratio: Fraction,
        seconds: int,
        rate: Fraction,
        background: Fraction = Fraction(0),
        before_seconds: int | None = None,
        after_seconds: int | None = None,
    ) -> Incident:
        """
        The same share of errors from the first to the last second, in constant traffic.

        Args:
            error_ratio: Share of bad events, from 0 to 1.
            seconds: How long it lasts.
            rate: Events a second, before, during and after.
            background: Share of bad events before and after.
            before_seconds: As in `Incident`.
            after_seconds: As in `Incident`.
        """
        return cls(
            stretches=(Stretch(0, seconds, rate, error_ratio),) if seconds > 0 else (),
            rate=rate,
            background=background,
            before_seconds=before_seconds,
            after_seconds=after_seconds,
        )

    @classmethod
    def recorded(
        cls,
        minutes: Sequence[MinuteCounts],
        *,
        rate: Fraction | None = None,
        background: Fraction = Fraction(0),
        before_seconds: int | None = None,
        after_seconds: int | None = None,
    ) -> Incident:
        """
        Counts minute by minute; the events of a minute are spread evenly, and a missing minute has none.

        It begins when the first minute does, where that is dated.

        Args:
            minutes: In order of time; the first begins at second 0.
            rate: Events a second before and after; None takes the mean of the minutes.
            background: As in `steady`.
            before_seconds: As in `Incident`.
            after_seconds: As in `Incident`.
        """
        stretches = []
        for each in minutes:
            total = each.counts.total
            ratio = Fraction(each.counts.bad, total) if total else Fraction(0)
            start = (each.minute - minutes[0].minute) * MINUTE
            stretches.append(Stretch(start, start + MINUTE, Fraction(total, MINUTE), ratio))
        if rate is None:
            events = sum(each.counts.total for each in minutes)
            rate = Fraction(events, stretches[-1].end) if stretches else Fraction(0)
        return cls(
            stretches=tuple(stretches),
            rate=rate,
            background=background,
            before_seconds=before_seconds,
            after_seconds=after_seconds,
            begins_at=minutes[0].minute * MINUTE if minutes and minutes[0].is_dated else None,
        )

    @property
    def seconds(self) -> int:
        """How long the incident lasts."""
        return self.stretches[-1].end if self.stretches else 0

    def traffic(self, *, before_seconds: int, after_seconds: int) -> Traffic:
        """
        The traffic before, in and after the incident.

        Args:
            before_seconds: Length of the traffic before, where the incident sets none.
            after_seconds: Length of the traffic after, where the incident sets none.
        """
        before = before_seconds if self.before_seconds is None else self.before_seconds
        after = after_seconds if self.after_seconds is None else self.after_seconds
        end = self.seconds
        return Traffic(
            (
                Stretch(-before, 0, self.rate, self.background),
                *self.stretches,
                Stretch(end, end + after, self.rate, self.background),
            )
        )
