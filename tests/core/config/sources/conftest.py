"""Fixtures of sources: files of the current folder, and a Python without PyYAML."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from written_definitions import Write


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as they are typed: without a folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write() -> Write:
    """`write("slos.yaml", text)` makes a file and returns its name."""

    def make(name: str, content: str | bytes) -> str:
        Path(name).write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        return name

    return make


@pytest.fixture
def without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is not installed."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "slo_core.config.sources.yaml_file", raising=False)
