"""Which severity an alert has, by the switches of its SLO, its file and the command."""

from __future__ import annotations

import pytest

from slo_core.conventions import Alert
from slo_core.objectives.alert_switches import AlertSwitches, severity_of, severity_problems, switch_problems


@pytest.mark.parametrize(
    ("switches", "severity"),
    [
        ([], "page"),
        ([{}, {}, {"traffic": "ticket"}], "ticket"),
        ([{}, {"traffic": "off"}, {"traffic": "ticket"}], None),
        ([{"traffic": "on"}, {"traffic": "off"}, {"traffic": "ticket"}], "page"),
        ([{"traffic": "off", "SLONoTraffic": "info"}], "info"),  # one alert by name, before its family
        ([{"traffic": False}], None),  # as YAML reads `off`
        ([{"traffic": "none"}], None),
        ([{"traffic": True}], "page"),
        ([{"absent": "off"}], "page"),
    ],
)
def test_the_slo_decides_before_the_file_and_the_file_before_the_command(
    switches: list[AlertSwitches], severity: str | None
) -> None:
    """The first that names the alert or its family."""
    assert severity_of(Alert.NO_TRAFFIC, "page", switches) == severity


def test_every_alert_has_a_family() -> None:
    """Otherwise there would be no switch for it."""
    names = {value for name, value in vars(Alert).items() if name.isupper() and isinstance(value, str)}

    assert names == set(Alert.FAMILY_OF)
    assert set(Alert.FAMILY_OF.values()) == {"burn", "budget", "traffic", "absent", "rules", "store"}


def test_what_is_about_the_service_is_switched_for_the_whole_file() -> None:
    """By its name, and by a family that has no other alert; the family of the store has one about an SLO, too."""
    switches = {"SLORulesOutdated": "off", "rules": "off", "store": "off", "SLOStoreDown": "off"}

    problems = [str(problem) for problem in switch_problems("alerts", switches, of_service=False)]

    assert [text.partition(" is about the service")[0] for text in problems] == [
        "alerts: SLORulesOutdated", "alerts: rules", "alerts: SLOStoreDown",
    ]  # fmt: skip


def test_a_switch_without_a_value_is_refused_with_what_to_write() -> None:
    """`burn:` in YAML, which someone has not finished typing, must not switch a page off; bare `off` is False there."""
    (problem,) = switch_problems("alerts", {"burn": None, "absent": False}, of_service=True)

    assert str(problem) == (
        'alerts: expected "on", "off" or a severity for \'burn\', got None; '
        '"off" switches it off; without the key it stays as it is'
    )


@pytest.mark.parametrize("severities", ["critical", {"page": ""}, {"page": 1}, {1: "critical"}, {"page": "\ud800"}])
def test_a_severity_has_a_name(severities: object) -> None:
    """Alertmanager routes by it."""
    assert list(severity_problems("severities", severities))
    assert not list(severity_problems("severities", {"page": "critical"}))
