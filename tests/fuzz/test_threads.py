"""Millions of events from threads that come and go, while others scrape, snapshot and flush: not one is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import prometheus_client
import pytest

import slo_core

STRESS = Path(__file__).with_name("stress.py")
LONG = bool(os.environ.get("SLO_LONG_TESTS"))
RECORDS = 10_000_000 if LONG else 1_000_000


def stress(python: str, store: str, *, records: int, threads: int = 6, path: str = "") -> dict[str, Any]:
    done = subprocess.run(
        [python, str(STRESS), store, str(records), str(threads)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=3600,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    print(f"{found['python'].split()[0]}, GIL {found['gil']}: {records:,} records, reads {found['reads']}")
    return found


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_no_event_is_lost_between_threads(store: str, tmp_path: Path) -> None:
    """And none of the readers ever saw a total go down."""
    url = "memory://" if store == "memory" else f"sqlite:///{tmp_path / 'slo.db'}"

    found = stress(sys.executable, url, records=RECORDS)

    assert found["counted"] == found["recorded"]
    assert found["troubles"] == []
    assert min(found["reads"]) > 0


@pytest.mark.parametrize("version", ["3.13t", "3.14t"])
@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_no_event_is_lost_without_a_gil(version: str, store: str, tmp_path: Path) -> None:
    """The same under an interpreter whose threads really run at the same time."""
    python = shutil.which(f"python{version}")
    if python is None:
        pytest.skip(f"this machine has no python{version}")
    # What it needs is pure Python; what else is installed beside it may not be made for that interpreter.
    modules = tmp_path / "modules"
    modules.mkdir()
    for package in (slo_core, prometheus_client):
        assert package.__file__ is not None
        (modules / package.__name__).symlink_to(Path(package.__file__).parent)
    url = "memory://" if store == "memory" else f"sqlite:///{tmp_path / 'slo.db'}"

    found = stress(python, url, records=RECORDS, threads=8, path=str(modules))

    assert not found["gil"]
    assert found["counted"] == found["recorded"]
    assert found["troubles"] == []
