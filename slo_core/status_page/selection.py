"""Which SLOs the list shows, and in which order: what is understood of the query of its address."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from slo_core.objectives.definition import SLODefinition
from slo_core.status.state import BUDGET_STATES, BURNING_STATES, BudgetState, Burning
from slo_core.status_page.links import Query
from slo_core.status_page.query import labels_asked

__all__ = ["SHOWN_STATES", "Selection", "own_labels"]

SHOWN_STATES: tuple[Burning | BudgetState, ...] = (*BURNING_STATES, *BUDGET_STATES)


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What a reader has chosen.

    Attributes:
        state: The only state that is shown, of the budget or of what burns now; empty for all.
        labels: Labels that are shown, "team=payments": of one name any of them, of several names one of each.
        sort: The column, with a minus in front for the other way round; empty where it was not chosen.
    """

    state: str = ""
    labels: tuple[str, ...] = ()
    sort: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str], *, labels: Collection[str], sorts: Collection[str]) -> Selection:
        """What is understood of a query: values that no SLO has, and unknown columns, choose nothing."""
        state, sort = query.get("state", ""), query.get("sort", "")
        return cls(
            state=state if state in SHOWN_STATES else "",
            labels=tuple(label for label in labels_asked(query) if label in labels),
            sort=sort if sort in sorts else "",
        )

    @property
    def is_filter(self) -> bool:
        """Whether it may hide an SLO."""
        return bool(self.state or self.labels)

    def query(self, **changes: Any) -> Query:
        """The query of a link to the same choice, but for some of its attributes."""
        chosen = replace(self, **changes)
        parts: dict[str, str | tuple[str, ...]] = {"state": chosen.state, "label": chosen.labels, "sort": chosen.sort}
        return {name: value for name, value in parts.items() if value}

    def turned(self, label: str) -> tuple[str, ...]:
        """The labels with this one, or without it where it is chosen."""
        rest = tuple(each for each in self.labels if each != label)
        return rest if label in self.labels else (*rest, label)

    def takes(self, definition: SLODefinition) -> bool:
        """Whether an SLO has a label that is chosen, of each name of which one is chosen."""
        own = own_labels(definition)
        names = {label.partition("=")[0] for label in self.labels}
        return len({label.partition("=")[0] for label in self.labels if label in own}) == len(names)


def own_labels(definition: SLODefinition) -> list[str]:
    """The labels of one SLO."""
    return [f"{name}={value}" for name, value in definition.labels.items()]
