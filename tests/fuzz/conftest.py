"""How long the fuzzing goes on: a moment, or with `SLO_LONG_TESTS` a good while."""

from __future__ import annotations

import os

from hypothesis import HealthCheck

from calm import be_calm

be_calm(
    suppress=(HealthCheck.function_scoped_fixture,),
    max_examples=20_000 if os.environ.get("SLO_LONG_TESTS") else 150,
)
