"""`slo status` says after what a burn began."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core import SLORegistry
from slo_core.status.changes import burn_changes
from slo_core.status.sources.store import StoreStatusSource
from slo_core.status.table import status_table
from slo_core.testing import FakeClock


@pytest.mark.parametrize("url", ["memory://", "sqlite"])
def test_what_burns_is_explained_in_one_line(url: str, tmp_path: Path, clock: FakeClock) -> None:
    """From the process itself and from the store; an SLO that does not burn needs no explanation."""
    if url == "sqlite":
        url = f"sqlite:///{tmp_path}/slo.db"
    definitions = {"checkout": {"target": "99%"}, "search": {"target": "99%"}}
    with SLORegistry.from_config(
        definitions, store=url, service="shop", clock=clock, flush_interval=3600.0
    ) as registry:
        for minute in range(140):
            if minute == 118:
                registry.annotate("4.2", kind="release")
            for number in range(10):
                registry["checkout"].record(minute < 120 or number % 2 == 0)
                registry["search"].record(True)
            clock.advance(minutes=1)
        expected = "checkout: paging, began 3 minutes after release 4.2"

        assert burn_changes(registry, registry.internals.read_all()) == (expected,)
        assert status_table(registry).splitlines()[-1] == expected
        if url != "memory://":
            source = StoreStatusSource(url, clock=clock)
            assert [status.changes for status in source.read()] == [(expected,)]
            source.close()
