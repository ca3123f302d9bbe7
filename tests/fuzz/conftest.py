"""How long the fuzzing goes on: a moment, or with `SLO_LONG_TESTS` a good while."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

# Nothing is timed by the example: other tests may run beside them.
_CALM = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]}

settings.register_profile("fuzz", max_examples=150, **_CALM)
settings.register_profile("fuzz-long", max_examples=20_000, **_CALM)
settings.load_profile("fuzz-long" if os.environ.get("SLO_LONG_TESTS") else "fuzz")
