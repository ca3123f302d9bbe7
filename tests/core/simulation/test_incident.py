"""An incident as it is sketched."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from slo_core.simulation.incident import Incident

DAY = 86_400


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 0}, "at least a second"),
        ({"seconds": 94 * DAY}, "an incident of at most 93 days"),
        ({"seconds": 1, "before_seconds": 94 * DAY}, "traffic before it of at most 93 days"),
        ({"seconds": 1, "after_seconds": -1}, "what comes after of at most 93 days"),
    ],
)
def test_a_sketch_has_its_limits(options: dict[str, Any], message: str) -> None:
    """A calendar quarter has at most 92 days, and a day more where clocks go back."""
    with pytest.raises(ValueError, match=message):
        Incident.steady(error_ratio=Fraction(1), rate=Fraction(1000), **options)
