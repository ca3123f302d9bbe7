"""Rules as the custom resource that the Prometheus operator reads."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from slo_core.errors import ConfigError, Problem
from slo_core.rules.rule import RuleFileContent

__all__ = ["prometheus_rule_resource"]

_NAME_PART = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME = re.compile(rf"{_NAME_PART}(\.{_NAME_PART})*")
_NAMESPACE = re.compile(_NAME_PART)
_LABEL_PART = re.compile("[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


def prometheus_rule_resource(
    content: RuleFileContent, name: str, *, namespace: str | None, labels: Mapping[str, str]
) -> dict[str, object]:
    """
    A `PrometheusRule`.

    Args:
        content: The rules.
        name: Name of the resource.
        namespace: Its namespace; None leaves that to kubectl.
        labels: Its labels.

    Raises:
        ConfigError: Kubernetes would refuse the name, the namespace or a label.
    """
    problems = [*_name_problems(name, namespace), *_label_problems(labels)]
    if problems:
        raise ConfigError(problems)
    metadata: dict[str, object] = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    if labels:
        metadata["labels"] = dict(labels)
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": content,
    }


def _name_problems(name: object, namespace: object) -> Iterator[Problem]:
    if not isinstance(name, str) or len(name) > 253 or not _NAME.fullmatch(name):
        hint = "pass a name of your own for the resource; the labels of the rules keep the service's"
        yield Problem("name", f"Kubernetes takes lower-case letters, digits, - and . (at most 253), got {name!r}", hint)
    if namespace is None:
        return
    if not isinstance(namespace, str) or len(namespace) > 63 or not _NAMESPACE.fullmatch(namespace):
        yield Problem("namespace", f"Kubernetes takes lower-case letters, digits and - (at most 63), got {namespace!r}")


def _label_problems(labels: Mapping[str, str]) -> Iterator[Problem]:
    for name, value in labels.items():
        prefix, slash, own = name.rpartition("/") if isinstance(name, str) else ("", "", "")
        is_prefix = len(prefix) <= 253 and _NAME.fullmatch(prefix) if slash else True
        if not is_prefix or len(own) > 63 or not _LABEL_PART.fullmatch(own):
            yield Problem("labels", f"Kubernetes takes label names such as app.kubernetes.io/part-of, got {name!r}")
        if not isinstance(value, str) or len(value) > 63 or (value and not _LABEL_PART.fullmatch(value)):
            expected = "Kubernetes takes up to 63 letters, digits, -, _ and . as the value of a label"
            yield Problem("labels", f"{expected}, got {value!r} for {name!r}")
