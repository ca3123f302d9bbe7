"""How hypothesis is set: nothing is timed by the example, for other tests may run beside them."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings

__all__ = ["UNTIMED", "be_calm"]

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
