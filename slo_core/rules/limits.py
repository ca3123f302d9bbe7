"""Limits of the places where rules go, which Prometheus itself does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from slo_core.objectives.definition import SLODefinition
from slo_core.rules.rule import RuleGroup

__all__ = ["limit_warnings"]

# Defaults of Mimir and Grafana Cloud: `ruler_max_rule_groups_per_tenant`, `max_label_value_length`.
_MOST_GROUPS = 70
_LONGEST_LABEL = 2048


def limit_warnings(definitions: Iterable[SLODefinition], groups: Sequence[RuleGroup]) -> Iterator[str]:
    """What a ruler with the defaults of Mimir would refuse."""
    if len(groups) > _MOST_GROUPS:
        yield (
            f"{len(groups)} groups of rules: Mimir and Grafana Cloud take {_MOST_GROUPS} of a tenant, unless "
            "ruler_max_rule_groups_per_tenant is raised"
        )
    for definition in definitions:
        for field in ("description", "runbook"):
            length = len(getattr(definition, field).encode())
            if length > _LONGEST_LABEL:
                yield (
                    f"SLO {definition.name!r}: its {field} has {length} bytes: Mimir and Grafana Cloud refuse a label of more "
                    f"than {_LONGEST_LABEL}, and would show alerts without it"
                )
