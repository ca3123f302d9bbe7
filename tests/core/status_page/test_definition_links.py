"""Where a person looks who is paged: on the list, below the headline, and by address among the facts."""

from slo_core import SLORegistry
from slo_core.status_page.page import StatusPage
from status_page_text import LINKS

RUNBOOK, DASHBOARD = "https://wiki.example/checkout", "https://grafana.example/d/checkout"


def test_runbook_and_dashboard_are_one_click_away(clock):
    """Of the list and of the SLO's own page, whose links stand above its tables."""
    registry = SLORegistry.from_config(
        {"a": {"target": "99%", "runbook": RUNBOOK, "dashboard": DASHBOARD}, "b": {"target": "99%"}}, clock=clock
    )
    page = StatusPage(registry)
    links = "".join(
        f'<a href="{address}" rel="noreferrer">{name}</a> '
        for name, address in (("runbook", RUNBOOK), ("dashboard", DASHBOARD))
    ).rstrip()

    assert page.overview({}, links=LINKS).html.count(links) == 1
    before, _, after = page.detail("a", {}, links=LINKS).html.partition(links)
    assert "<table" not in before
    assert f">{DASHBOARD}</a>" in after
    assert "dashboard" not in page.detail("b", {}, links=LINKS).html
