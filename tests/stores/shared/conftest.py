"""Processes of one service that share a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from slo_core import SLODefinition
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import FakeClock
from store_process import Process

SLO = SLODefinition("availability", 0.999)


@pytest.fixture
def monotonic() -> FakeClock:
    return FakeClock(1000.0)


@pytest.fixture
def start(tmp_path: Path, clock: FakeClock, monotonic: FakeClock) -> Callable[..., Process]:
    """Starts a process of the service; all of them share one file."""
    return lambda definition=SLO: Process(
        SQLiteBucketStore(tmp_path / "slo.db", clock=clock), clock, monotonic, definition
    )
