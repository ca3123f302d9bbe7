"""What other places than Prometheus would refuse is named."""

from __future__ import annotations

from shop_rules import many
from slo_core import SLODefinition
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.rules.file import rule_file


def a_set(*slos: SLODefinition) -> DefinitionSet:
    return DefinitionSet(definitions=slos, where="slos.yaml", service="shop", scope="fleet")


def test_a_hundred_slos_are_within_every_limit() -> None:
    """Of Kubernetes, Mimir and Grafana Cloud; also with targets and texts of their own."""
    slos = a_set(*many(100, description="People can pay, whatever else is broken.", runbook="https://wiki.example/run"))

    for rule_format in ("prometheus", "kubernetes"):
        assert rule_file(slos, rule_format=rule_format).warnings == ()  # type: ignore[arg-type]


def test_a_resource_that_kubectl_would_refuse_is_named() -> None:
    """And the way out: resources for each SLO, of which none is too large."""
    slos = a_set(*many(120, description="Why people need it. " * 90))

    (warning,) = rule_file(slos, rule_format="kubernetes").warnings

    assert warning.startswith("slos.yaml: the resource slo-shop has ")
    assert "`kubectl apply` takes 262144, unless it is --server-side; --split writes a resource for each SLO" in warning
    assert not any("resource" in text for text in rule_file(slos, rule_format="kubernetes", split=True).warnings)


def test_a_file_that_no_config_map_takes_is_named() -> None:
    """A mebibyte."""
    warnings = rule_file(a_set(*many(60, description="Why people need it. " * 1000))).warnings

    assert any("a ConfigMap takes 1048576; --split writes a file for each SLO" in text for text in warnings)


def test_more_groups_than_mimir_takes_are_named() -> None:
    """70 of a tenant: of 110 SLOs, when each has a file of its own."""
    (warning,) = rule_file(a_set(*many(110)), split=True).warnings

    assert "113 groups of rules: Mimir and Grafana Cloud take 70 of a tenant, unless ruler_max_rule_groups" in warning


def test_a_text_that_is_too_long_for_a_label_is_named() -> None:
    """2,048 bytes, at the place of its SLO."""
    slo = SLODefinition("a", 0.9, description="é" * 1025)

    (warning,) = (text for text in rule_file(a_set(slo)).warnings if "label" in text)

    assert "its description has 2050 bytes: Mimir and Grafana Cloud refuse a label of more than 2048" in warning
