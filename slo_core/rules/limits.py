"""Limits of the places where rules go, which Prometheus itself does not have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping

from slo_core.objectives.definition import SLODefinition

__all__ = ["config_map_warnings", "group_warnings", "label_warnings", "resource_warnings"]

# Defaults of Mimir and Grafana Cloud: `ruler_max_rule_groups_per_tenant`, `max_label_value_length`.
_MOST_GROUPS = 70
_LONGEST_LABEL = 2048

# `kubectl apply` keeps a copy of an object in an annotation, which takes no more; a ConfigMap takes a mebibyte.
_LARGEST_RESOURCE = 262_144
_LARGEST_CONFIG_MAP = 2**20


def group_warnings(count: int) -> Iterator[str]:
    """Whether a ruler with the defaults of Mimir would refuse so many groups."""
    if count > _MOST_GROUPS:
        yield (
            f"{count} groups of rules: Mimir and Grafana Cloud take {_MOST_GROUPS} of a tenant, unless "
            "ruler_max_rule_groups_per_tenant is raised"
        )


def label_warnings(definitions: Iterable[SLODefinition]) -> Iterator[str]:
    """Texts of SLOs that a ruler with the defaults of Mimir would refuse as labels of their information series."""
    for definition in definitions:
        for field in ("description", "runbook", "dashboard"):
            length = len(getattr(definition, field).encode())
            if length > _LONGEST_LABEL:
                yield (
                    f"SLO {definition.name!r}: its {field} has {length} bytes: Mimir and Grafana Cloud refuse a label of more "
                    f"than {_LONGEST_LABEL}, and alerts would lack it"
                )


def resource_warnings(name: str, resource: Mapping[str, object]) -> Iterator[str]:
    """Whether `kubectl apply` would refuse a resource."""
    size = len(json.dumps(resource, separators=(",", ":"), ensure_ascii=False).encode())
    if size > _LARGEST_RESOURCE:
        yield (
            f"the resource {name} has {size} bytes: `kubectl apply` takes {_LARGEST_RESOURCE}, unless it is --server-side; "
            "--split writes a resource for each SLO"
        )


def config_map_warnings(text: str) -> Iterator[str]:
    """Whether a file fits into a ConfigMap."""
    size = len(text.encode())
    if size > _LARGEST_CONFIG_MAP:
        yield f"the file has {size} bytes: a ConfigMap takes {_LARGEST_CONFIG_MAP}; --split writes a file for each SLO"
