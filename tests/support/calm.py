"""How hypothesis is set: nothing is timed by the example, for other tests may run beside them."""

from __future__ import annotations

import sys
from typing import Any

from hypothesis import HealthCheck, settings

__all__ = ["UNTIMED", "be_calm", "coverage_run"]

# Whether examples are slow, and slow to make, is the machine's affair.
UNTIMED = [HealthCheck.too_slow]


def be_calm(*, suppress: tuple[HealthCheck, ...] = (), **options: Any) -> None:
    """
    The settings of all tests that are loaded from now on, unless they say otherwise.

    Args:
        suppress: More health checks that are left out.
        options: As `hypothesis.settings` has them.
    """
    settings.register_profile("calm", deadline=None, suppress_health_check=[*UNTIMED, *suppress], **options)
    settings.load_profile("calm")


def coverage_run() -> Any:
    """The coverage that is being measured in this process; None if none is."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage else None
