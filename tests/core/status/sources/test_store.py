"""A shared store as a source."""

from __future__ import annotations

from pathlib import Path

from slo_core import SLODefinition, SLORegistry
from slo_core.status.sources.open import open_status_source


def test_a_source_can_be_read_again(tmp_path: Path) -> None:
    """As watching does."""
    url = f"sqlite:///{tmp_path}/slo.db"
    with SLORegistry(url, service="shop") as registry:
        registry.define(SLODefinition("a", 0.9)).record(True)
    source = open_status_source(url)

    first = source.read()
    source.close()

    assert source.read()[0].snapshots[0][1].total == first[0].snapshots[0][1].total == 1
    source.close()
