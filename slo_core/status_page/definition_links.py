"""Where a person looks who is paged for an SLO: its runbook and its dashboard."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from slo_core.objectives.definition import SLODefinition
from slo_core.status_page.markup import Node, element, is_web_address

__all__ = ["definition_facts", "definition_links", "link_line"]


def link_line(definition: SLODefinition, *more: Node) -> ET.Element | None:
    """The links in a paragraph, and `more` after them; None where there is nothing to show."""
    nodes: list[Node] = [*definition_links(definition), *more]
    spaced = [part for node in nodes for part in (" ", node)][1:]
    return element("p", *spaced) if spaced else None


def definition_links(definition: SLODefinition) -> list[ET.Element]:
    """A link to each, as one word; what is no address of the web is left out."""
    return [
        element("a", name, href=address, rel="noreferrer")
        for name, address in _addresses(definition)
        if is_web_address(address)
    ]


def definition_facts(definition: SLODefinition) -> Iterator[tuple[str, Node]]:
    """Each with its address, which is a link where it is one of the web."""
    for name, address in _addresses(definition):
        link = element("a", address, href=address, rel="noreferrer")
        yield name.capitalize(), link if is_web_address(address) else address


def _addresses(definition: SLODefinition) -> list[tuple[str, str]]:
    addresses = (("runbook", definition.runbook), ("dashboard", definition.dashboard))
    return [(name, address) for name, address in addresses if address]
