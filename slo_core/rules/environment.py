"""Which scraped series of a service the rules read, where one Prometheus scrapes several environments of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from slo_core.conventions import Label

__all__ = ["Environment"]


@dataclass(frozen=True, slots=True)
class Environment:
    """
    Labels that tell environments of one service from each other: `env`, `cluster`, `region`.

    Attributes:
        match: Only series with these labels are read; records and alerts carry them.
        by: Each value of these labels is an environment with numbers and alerts of its own.
    """

    match: Mapping[str, str] = field(default_factory=dict)
    by: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Every label that alerts have more because of it."""
        return (*self.match, *self.by)

    def selecting(self, labels: Mapping[str, str]) -> dict[str, str]:
        """The labels by which scraped series are selected."""
        return {**labels, **self.match}

    @property
    def of_service(self) -> tuple[str, ...]:
        """The labels that one service in one environment has."""
        return (Label.SERVICE, *self.by)

    @property
    def of_slo(self) -> tuple[str, ...]:
        """The labels that one SLO in one environment has."""
        return (Label.SERVICE, Label.SLO, *self.by)
