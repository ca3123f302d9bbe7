"""A status page as its readers see it, and a service with an SLO of each state."""

from __future__ import annotations

from html.parser import HTMLParser

from slo_core import SLORegistry
from slo_core.status_page.links import relative_links

LINKS = relative_links("slo")


class PageText(HTMLParser):
    """What a reader sees of each row of the list."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.names: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag == "tr" and "data-slo" in dict(attributes):
            self.names.append(dict(attributes)["data-slo"])

    def handle_data(self, data):
        self.text += data


def registry_of_states(clock, names=("quiet", "met", "exhausted", "breached"), **options):
    # A budget is judged when a tenth of the window has been measured.
    measured_days = 3 if "breached" in names else 0
    clock.now -= measured_days * 86_400
    registry = SLORegistry.from_config({name: {"target": "90%", **options} for name in names}, clock=clock)
    clock.now += measured_days * 86_400
    for name, total, bad in (("met", 10, 0), ("exhausted", 20, 2), ("breached", 10, 2)):
        if name in registry:
            for number in range(total):
                registry[name].record(number >= bad)
    return registry
