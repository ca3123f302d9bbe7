"""What may be typed where a source of definitions is expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from written_definitions import problems


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("slos.yaml", "slos.yaml: there is no such file"),
        ("slos", "slos: expected a file that ends with .yaml, .yml, .toml, .json, or module:attribute"),
        ("a\0.yaml", "a\0.yaml: cannot be read"),
        (".", ".: expected a file, it is a directory"),
        ("folder.yaml", "folder.yaml: expected a file, it is a directory"),
    ],
)
def test_a_source_that_is_not_there_is_told(source: str, message: str) -> None:
    """And what a source may be."""
    Path("folder.yaml").mkdir()

    (problem,) = problems(source)

    assert problem.startswith(message)
