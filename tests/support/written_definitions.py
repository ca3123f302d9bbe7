"""Definitions as they are written in files, and what is said of mistakes in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from slo_core.config.sources.load import load_definitions
from slo_core.errors import ConfigError

Write = Callable[[str, str | bytes], str]


def problems(source: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_definitions(source)
    assert "hunter2" not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


YAML = """\
service: shop
store: redis://:hunter2@host/0
labels: {team: payments}
slos:
  availability:
    target: 99.9%
  checkout:
    target: 0.99
    latency: 300ms
    routes: ["/checkout/*"]
"""
