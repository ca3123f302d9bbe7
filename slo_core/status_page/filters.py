"""The links above the list of SLOs, which filter it by state and by label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.objectives.definition import SLODefinition
from slo_core.status.state import BUDGET_STATES, BURNING_STATES, BudgetState, Burning
from slo_core.status_page.links import Links
from slo_core.status_page.markup import element

__all__ = ["SHOWN_STATES", "label_filters", "labels_of", "own_labels", "state_filters"]

SHOWN_STATES: tuple[Burning | BudgetState, ...] = (*BURNING_STATES, *BUDGET_STATES)

# Of more labels, those in the rows lead to the SLOs that share them.
_MOST_LABELS = 20


def state_filters(
    states: list[tuple[Burning | None, BudgetState]], wanted: str, query: Mapping[str, str], links: Links
) -> ET.Element:
    """
    A link for each state that an SLO is in, and for the one that is chosen.

    Args:
        states: What burns of each SLO, and how its budget stands.
        wanted: The state that is chosen; empty for all.
        query: The parameters of the page that are valid.
        links: The addresses of the page.
    """
    rest = {name: value for name, value in query.items() if name != "state"}
    choices = [element("li", _choice(f"all {len(states)}", links.overview(rest), is_current=not wanted))]
    for state in SHOWN_STATES:
        count = sum(state in of_slo for of_slo in states)
        if count or state == wanted:
            address = links.overview({**rest, "state": state})
            choices.append(element("li", _choice(f"{state} {count}", address, is_current=state == wanted)))
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Filter by state")


def label_filters(labels: Sequence[str], query: Mapping[str, str], links: Links) -> ET.Element | None:
    """A link for each label, if they are few; the one that is chosen leads back to all. Arguments as for `state_filters`."""
    chosen = query.get("label")
    rest = {name: value for name, value in query.items() if name != "label"}
    if not 0 < len(labels) <= _MOST_LABELS:
        return None
    choices = [
        element(
            "li",
            _choice(
                label,
                links.overview(rest if label == chosen else {**rest, "label": label}),
                is_current=label == chosen,
            ),
        )
        for label in labels
    ]
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Filter by label")


def labels_of(snapshots: SLOSnapshots) -> list[str]:
    """The labels of the SLOs, each once: "team=payments"."""
    return sorted({label for definition, _ in snapshots for label in own_labels(definition)})


def own_labels(definition: SLODefinition) -> list[str]:
    """The labels of one SLO."""
    return [f"{name}={value}" for name, value in definition.labels.items()]


def _choice(text: str, address: str, *, is_current: bool) -> ET.Element:
    return element("a", text, href=address, aria_current="true" if is_current else None)
