"""What a process has counted is handed over at its end, also in children of `multiprocessing`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import multiprocessing, sys
from slo_core import SLODefinition, SLORegistry

registry = SLORegistry("sqlite:///" + sys.argv[2], flush_interval=60)
jobs = registry.define(SLODefinition("jobs", 0.9))

def work():
    jobs.record(True)

if __name__ == "__main__":
    jobs.record(True)
    context = multiprocessing.get_context(sys.argv[1])
    children = [context.Process(target=work) for _ in range(2)]
    for child in children:
        child.start()
    for child in children:
        child.join()
"""


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_children_of_multiprocessing_hand_over_what_they_have_counted(method: str, tmp_path: Path) -> None:
    """Two children with an event each, and their parent, long before an interval is over."""
    script, file = tmp_path / "jobs.py", tmp_path / "slo.db"
    script.write_text(SCRIPT)

    subprocess.run([sys.executable, "-W", "ignore::DeprecationWarning", script, method, file], timeout=120, check=True)

    from slo_core import SLODefinition, SLORegistry

    with SLORegistry(f"sqlite:///{file}") as registry:
        assert registry.define(SLODefinition("jobs", 0.9)).snapshot().total == 3
