"""Which episodes are one incident for people."""

from __future__ import annotations

from slo_core.budgets.episodes import Episode
from slo_core.budgets.incidents import incidents_of


def episode(start: int, end: int | None, *, severity: str = "page", long: int = 3600, bad: int = 1, slo: str = "a"):  # type: ignore[no-untyped-def]
    return Episode(slo, severity, long, 300, start, end, 10, bad, 0.5)


def test_rules_of_one_severity_that_fire_together_are_one_incident() -> None:
    """Its numbers are those of the rule with the most bad events; a ticket that lasts for days does not swallow pages."""
    fast, slow = episode(1000, 2000, bad=5), episode(1900, 4000, long=21_600, bad=9)
    later, ticket = episode(9000, 9600), episode(1100, 90_000, severity="ticket")

    incidents = incidents_of([ticket, later, slow, fast])

    assert [(each.start, each.end, each.severity, len(each.episodes)) for each in incidents] == [
        (9000, 9600, "page", 1),
        (1100, 90_000, "ticket", 1),
        (1000, 4000, "page", 2),
    ]
    assert incidents[-1].main == slow


def test_an_incident_lasts_while_one_of_its_rules_fires() -> None:
    """A pause of less than five minutes is none, and other SLOs are incidents of their own."""
    incidents = incidents_of([episode(1000, 2000), episode(2299, None, long=21_600), episode(1500, 1800, slo="b")])

    assert [(each.slo, each.start, each.end) for each in incidents] == [("b", 1500, 1800), ("a", 1000, None)]
    assert [each.start for each in incidents_of([episode(1000, 2000), episode(2300, 2400)])] == [2300, 1000]
