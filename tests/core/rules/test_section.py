"""Sections: which SLOs share their rules, and that each is compared with its own numbers."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from slo_core import AlertRule, SLODefinition
from slo_core.rules.environment import Environment
from slo_core.rules.section import LOW_SHARES, Section, sections_of
from slo_core.rules.threshold import Threshold

DAY = 86_400


def sections(*slos: SLODefinition) -> list[Section]:
    return list(sections_of(slos, service="shop", environment=Environment(), options=()))


def value_of(expression: str, slo: SLODefinition) -> float:
    """The number of an SLO that a factor stands for, as Prometheus works it out."""
    budget = Threshold.of(slo.objective)
    series = budget.bad_factor if "slo:budget:events" in expression else budget.total_factor
    match = re.fullmatch(r"\((\d+) \* slo:budget:\w+\{.*\}(?: \+ (\S+))?\)|slo:budget:\w+\{.*\}", expression)
    assert match is not None, expression
    return float(match[1] or 1) * float(series) + float(match[2] or 0)


targets = st.integers(1, 17).flatmap(
    lambda digits: st.integers(1, 10**digits - 1).map(lambda n: float(f"{n}e-{digits}"))
)
rates = st.one_of(
    st.sampled_from([Fraction(72, 5), Fraction(6), Fraction(1), *(1 - share for share in LOW_SHARES)]),
    st.decimals("0.01", "999", places=6).map(Fraction),
)


@given(targets.filter(lambda target: 0 < target < 1), rates)
@example(0.9999999, Fraction(72, 5))
@example(1 - 0.7, Fraction(6))
def test_shared_rules_compare_with_the_same_numbers_as_rules_of_ones_own(target: float, burn_rate: Fraction) -> None:
    """For targets of any number of digits and any burn rate: the two factors are those that `Threshold` has."""
    rule = AlertRule("1h", "5m", severity="page", burn_rate=burn_rate)
    slo = SLODefinition("a", target, alert_rules=(rule,))
    section = next(
        each for each in sections(SLODefinition("b", 0.999, alert_rules=(rule,)), slo) if slo in each.definitions
    )

    for rate in (burn_rate, *(1 - share for share in LOW_SHARES), Fraction(1)):
        threshold = Threshold.of(slo.objective, rate)
        bad_factor, total_factor = section.factors(rate)
        assert value_of(bad_factor, slo) == float(threshold.bad_factor)
        assert value_of(total_factor, slo) == float(threshold.total_factor)


@pytest.mark.parametrize(
    "other",
    [
        SLODefinition("b", 0.999, 28 * DAY),
        SLODefinition("b", 0.999, window="month"),
        SLODefinition("b", 0.999, burn_rate_windows=(7200, 21600)),
        SLODefinition("b", 0.999, runbook="https://wiki.example/run"),
        SLODefinition("b", 0.999, dashboard="https://grafana.example/d/b"),
        SLODefinition("b", 0.999, alert_rules=()),
        SLODefinition("b", 0.5),
    ],
)
def test_slos_that_differ_in_more_than_numbers_and_texts_share_no_rules(other: SLODefinition) -> None:
    """Their windows, alert rules, a runbook or a dashboard; a target of 50 % leaves no rule that could fire."""
    assert len(sections(SLODefinition("a", 0.999), other)) == 2


def test_slos_that_differ_in_numbers_and_texts_share_their_rules() -> None:
    """Targets, descriptions, labels and routes."""
    others = [SLODefinition("b", 0.9995, description="What for.", labels={"team": "x"}), SLODefinition("c", 0.97)]

    (section,) = sections(SLODefinition("a", 0.999), *others)

    assert [slo.name for slo in section.definitions] == ["a", "b", "c"]
    assert section.label_names == ("slo_service", "slo", "sloth_id", "sloth_service", "sloth_slo", "team")
