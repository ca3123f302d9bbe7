"""The README's tables are whole: a name that users meet has a row."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def constants_of(path: str, name: str) -> list[str]:
    """The texts that a class or a mapping of the product assigns: read, because these tests install nothing."""
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return [
                each.value.value
                for each in node.body
                if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant)
            ]
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == name:
            assert isinstance(node.value, ast.Dict)
            return [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
    raise LookupError(f"{path} has no {name}")


@pytest.mark.parametrize(
    ("path", "name", "least"),
    [
        ("slo_core/conventions.py", "Metric", 19),
        ("integrations/slo_django/checks/messages.py", "CheckID", 15),
        ("slo_core/stores/open.py", "_BUILT_IN", 6),
    ],
)
def test_every_name_has_a_row(path: str, name: str, least: int) -> None:
    """Metrics, checks and schemes of stores."""
    names = constants_of(path, name)

    assert len(names) >= least
    assert [each for each in names if each not in README] == []
