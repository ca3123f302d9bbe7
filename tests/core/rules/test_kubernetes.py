"""Rules as a resource of Kubernetes."""

from __future__ import annotations

from typing import Any

import pytest

from shop_rules import rules
from slo_core import ConfigError


def test_kubernetes_gets_a_resource_for_the_operator() -> None:
    """Named after the service; the namespace and labels are there when given."""
    rule_set = rules()

    assert rule_set.kubernetes() == {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "slo-shop"},
        "spec": rule_set.file_content(),
    }
    labels = {"app.kubernetes.io/part-of": "Shop_1", "release": ""}
    assert rule_set.kubernetes(name="slo.a-1", namespace="prod", labels=labels)["metadata"] == {
        "name": "slo.a-1",
        "namespace": "prod",
        "labels": labels,
    }


@pytest.mark.parametrize(
    ("service", "options", "expected"),
    [
        (
            "My shop",
            {},
            "name: Kubernetes takes lower-case letters, digits, - and . (at most 253), got 'slo-My shop'; pass",
        ),
        ("shop\n", {}, "name: "),
        ("s" * 250, {}, "name: "),
        ("shop", {"name": "a..b"}, "name: "),
        ("shop", {"name": ""}, "name: "),
        ("shop", {"namespace": "a.b"}, "namespace: Kubernetes takes lower-case letters, digits and - (at most 63)"),
        ("shop", {"namespace": "n" * 64}, "namespace: "),
        ("shop", {"labels": {"a b": "c"}}, "labels: Kubernetes takes label names such as app.kubernetes.io/part-of"),
        ("shop", {"labels": {"/a": "c"}}, "labels: Kubernetes takes label names"),
        (
            "shop",
            {"labels": {"a": "c d"}},
            "labels: Kubernetes takes up to 63 letters, digits, -, _ and . as the value",
        ),
        ("shop", {"labels": {"a": "c" * 64}}, "labels: "),
    ],
)
def test_what_kubernetes_would_refuse_is_named(service: str, options: dict[str, Any], expected: str) -> None:
    """Service names may hold more than names of resources."""
    with pytest.raises(ConfigError) as caught:
        rules(service=service).kubernetes(**options)

    assert str(caught.value).startswith(expected)
