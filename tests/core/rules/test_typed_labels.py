"""Labels, switches and severities that are typed as options. Tests of typed_labels, and of their words in severities."""

from __future__ import annotations

import pytest

from shop_rules import AVAILABILITY, rules
from slo_core import AlertRule, ConfigError, SLODefinition
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.rules.file import rule_file
from slo_core.rules.typed_labels import parse_labels

SLOS = DefinitionSet(where="slos.yaml", definitions=(AVAILABILITY,), scope="fleet")


def test_a_label_that_is_typed_twice_is_one() -> None:
    """Its value may hold anything, also an equals sign."""
    assert parse_labels(["a=1", "b=x=~y", "a=1"], where="--label") == {"a": "1", "b": "x=~y"}


@pytest.mark.parametrize("option", ["--match", "--label", "--alert", "--severity", "--resource-label"])
def test_a_name_with_two_values_is_refused(option: str) -> None:
    """The last would win, and the first would be missed by no one."""
    with pytest.raises(ConfigError, match=f"{option}: env is there with two values, 'a' and 'b'; "):
        parse_labels(["env=a", "env=b"], where=option)


@pytest.mark.parametrize(
    "typed", ["env=~prod|dev", "env!=prod", "env!~prod", 'env="prod"', "{env=prod}", "env=prod,region=eu"]
)
def test_an_expression_is_no_value(typed: str) -> None:
    """It would be taken literally, and match nothing."""
    with pytest.raises(ConfigError, match="such as env=prod, and no expression, got .*; for another label repeat"):
        parse_labels([typed], where="--match")


def test_another_name_for_a_severity_that_no_alert_has_is_a_mistake() -> None:
    """In the file, with its key, in the option, and in the API; one that an SLO, a switch or the option has is none."""
    for slos, typed, path in (
        (
            DefinitionSet(where="x", definitions=(AVAILABILITY,), scope="fleet", severities={"pgae": "p1"}),
            {},
            "severities.pgae",
        ),
        (SLOS, {"pgae": "p1"}, "--severity"),
    ):
        with pytest.raises(ConfigError) as caught:
            rule_file(slos, severities=typed)
        assert str(caught.value) == f"{path}: no alert has the severity 'pgae'; did you mean \"page\"?"
    with pytest.raises(ConfigError, match="^severities.pgae: no alert"):
        rules(severities={"pgae": "p1"})

    own = SLODefinition("own", 0.99, alert_rules=(AlertRule("1h", "5m", severity="wake", burn_rate=9),))
    rules(own, severities={"wake": "p1", "info": "p4", "ticket": "p3"}, alerts={"traffic": "info"})


def test_a_severity_like_a_default_one_is_doubted() -> None:
    """Once for all SLOs. Any text may be a severity: one with another name is meant."""
    slips = [
        SLODefinition(name, 0.99, alert_rules=(AlertRule("1h", "5m", severity="pgae", burn_rate=9),)) for name in "ab"
    ]

    assert rules(*slips).warnings == (
        "the severity 'pgae' is an own one; did you mean \"page\"? To keep it, name it in severities",
    )
    assert [text[:22] for text in rules(alerts={"traffic": "tickets"}).warnings] == ["the severity 'tickets'"]
    assert rules(*slips, severities={"pgae": "pgae"}).warnings == rules(alerts={"traffic": "info"}).warnings == ()


@pytest.mark.parametrize("word", ["off", "OFF", "Off", "false", "no", "none", False])
def test_off_is_off_however_it_is_written(word: object) -> None:
    """TOML and options have no word for it but text; it never becomes the name of a severity."""
    texts = str(rules(alerts={"traffic": word}).groups)

    assert "SLONoTraffic" not in texts


def test_a_warning_that_many_slos_have_is_there_once() -> None:
    """With three of their names; one that a single SLO has stands at its place."""
    many = [SLODefinition(f"s{number}", 0.9) for number in range(12)]
    slos = DefinitionSet(
        where="slos.yaml", definitions=(*many, SLODefinition("t", 0.999, alert_rules=())), scope="fleet"
    )

    first, *_, last = rule_file(slos).warnings

    assert first.startswith(
        "slos.yaml: 12 SLOs ('s0', 's1', 's2' and 9 more): left out the default alert rule page 1h/5m:"
    )
    assert last == "slos['t']: no alert rule, so no alert says how fast its budget burns"
    assert len(rule_file(slos).warnings) == 1 + len(many[0].alert_concerns)


def test_a_label_of_environments_that_is_named_twice_is_one() -> None:
    """As if it were named once."""
    assert rules(by=["env", "env"]) == rules(by=["env"])
