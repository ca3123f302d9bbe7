"""What stands above the list of SLOs: links that filter it by state and by label, and what they hide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree import ElementTree as ET

from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.status.state import FIRING_STATES, BudgetState, Burning
from slo_core.status_page.links import Links
from slo_core.status_page.markup import Node, element
from slo_core.status_page.selection import SHOWN_STATES, Selection, own_labels

__all__ = ["States", "hidden_note", "label_addresses", "label_filters", "labels_of", "state_filters"]

# What burns of an SLO, and how its budget stands.
States = tuple[Burning | None, BudgetState]

# Of more labels, those in the rows lead to the SLOs that share them.
_MOST_LABELS = 20


def state_filters(states: Sequence[States], selection: Selection, links: Links) -> ET.Element:
    """
    A link for each state that an SLO is in, and for the one that is chosen.

    Args:
        states: Those of each SLO that has the chosen labels.
        selection: What is chosen.
        links: The addresses of the page.
    """
    everything = links.overview(selection.query(state=""))
    choices = [element("li", _choice(f"all {len(states)}", everything, is_current=not selection.state))]
    for state in SHOWN_STATES:
        count = sum(state in of_slo for of_slo in states)
        is_chosen = state == selection.state
        if count or is_chosen:
            address = links.overview(selection.query(state=state))
            colour = f"slo-{state}" if count and state in FIRING_STATES else None
            choices.append(element("li", _choice(f"{state} {count}", address, is_current=is_chosen, colour=colour)))
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Filter by state")


def label_filters(addresses: Mapping[str, str], selection: Selection) -> ET.Element | None:
    """
    A link for each label if they are few, else for those that are chosen.

    Args:
        addresses: Of `label_addresses`.
        selection: What is chosen.
    """
    shown = addresses if len(addresses) <= _MOST_LABELS else selection.labels
    if not shown:
        return None
    choices = [element("li", _choice(label, addresses[label], is_current=label in selection.labels)) for label in shown]
    return element("nav", element("ul", *choices, class_="slo-choices"), aria_label="Filter by label")


def hidden_note(
    states: Sequence[States], shown: Sequence[States], selection: Selection, links: Links
) -> ET.Element | None:
    """
    How many SLOs the filters hide, and how many of these fire; None where nothing is filtered.

    Args:
        states: Those of every SLO.
        shown: Those of the SLOs that are shown.
        selection: What is chosen.
        links: The addresses of the page.
    """
    if not selection.is_filter:
        return None
    nodes: list[Node] = [f"{len(shown)} of {len(states)} SLOs. "]
    is_alarming = False
    for state in FIRING_STATES:
        hidden = sum(state in of_slo for of_slo in states) - sum(state in of_slo for of_slo in shown)
        if hidden:
            is_alarming |= state == "paging"
            address = links.overview(Selection(state=state, sort=selection.sort).query())
            nodes += [
                element("a", f"{hidden} more {'is' if hidden == 1 else 'are'} {state}", href=address),
                " outside this filter. ",
            ]
    nodes.append(element("a", "Show all", href=links.overview(Selection(sort=selection.sort).query())))
    return element("p", *nodes, class_="slo-note slo-outside" if is_alarming else None)


def label_addresses(labels: Sequence[str], selection: Selection, links: Links) -> dict[str, str]:
    """Of each label the list with it; of one that is chosen the list without it: a second click lets it go."""
    return {label: links.overview(selection.query(labels=selection.turned(label))) for label in labels}


def labels_of(snapshots: SLOSnapshots) -> list[str]:
    """The labels of the SLOs, each once: "team=payments"."""
    return sorted({label for definition, _ in snapshots for label in own_labels(definition)})


def _choice(text: str, address: str, *, is_current: bool, colour: str | None = None) -> ET.Element:
    return element("a", text, href=address, aria_current="true" if is_current else None, class_=colour)
