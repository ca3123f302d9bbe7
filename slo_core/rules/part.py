"""The parts of a service's rules, each with a name that files and Kubernetes can have."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

from slo_core.rules.rule_set import PrometheusRules

__all__ = ["named_parts", "slug"]

_LONGEST = 100


def named_parts(base: str, parts: Iterable[PrometheusRules]) -> Iterator[tuple[PrometheusRules, str]]:
    """
    Each part with its name: `slo-shop` for what SLOs share, `slo-shop-availability` for what an SLO adds.

    Args:
        base: The name of the rules as a whole.
        parts: The parts.
    """
    for part in parts:
        yield part, f"{base}-{slug(part.slo)}" if part.slo else base


def slug(name: str) -> str:
    """A name in lower-case letters, digits and dashes; one that is changed gets a few digits, so that no two are equal."""
    plain = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
    if plain == name:
        return plain
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"{plain}-{digest}" if plain else digest
