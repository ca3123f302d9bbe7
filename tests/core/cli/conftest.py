"""Where commands are typed: an empty folder, with definitions and stores where a test wants them."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.testing import batch_of, declared


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as they are typed, and what is written by mistake would be seen."""
    monkeypatch.chdir(tmp_path)
    for name in ("SLO_TOKEN", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def slos_yaml(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file slos.yaml; what the command imports from its folder is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", sys.path.copy())
    before = set(sys.modules)
    file = Path("slos.yaml")
    file.write_text(
        """\
service: shop
store: redis://:hunter2@host/0
labels: {team: payments}
slos:
  availability: {target: 99.9%}
  checkout:
    target: 90%
    routes: ["/checkout/*"]
"""
    )
    yield file
    for name in [name for name in set(sys.modules) - before if name.startswith("written_")]:
        del sys.modules[name]


@pytest.fixture
def count() -> Callable[..., None]:
    """`count("shop", availability=(good, bad), days=4)` in slo.db: SLOs of 90 %, measured for so many days."""

    def add(service: str, *, days: float = 4, **events: tuple[int, int]) -> None:
        with SLORegistry("sqlite:///slo.db", service=service) as registry:
            for name, (good, bad) in events.items():
                tracker = registry.define(SLODefinition(name, 0.9))
                at = time.time() - days * 86_400
                for success, times in ((True, good), (False, bad)):
                    for _ in range(times):
                        tracker.record(success, at=at)

    return add


@pytest.fixture
def count_in() -> Callable[..., None]:
    """`count_in(file, service, slo, good, bad)`: one batch of a writer of its own."""

    def add(name: str, service: str, slo: str, good: int, bad: int) -> None:
        store = SQLiteBucketStore(Path(name), service=service)
        second = 1_700_000_000
        batch = batch_of([(second, good, bad)], number=1, slo=slo, declaration=declared(second))
        assert store.apply([batch]).noted == (1,)
        store.close()

    return add
