"""Tests are where they are looked for: under the name of their module, and where documents and settings say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
# Folders of tests, and the packages that they mirror.
MIRRORS = {
    "core": "slo_core",
    "stores/redis": "slo_core/stores/redis",
    "stores/shared": "slo_core/stores/shared",
    "stores/sql": "slo_core/stores/sql",
    "stores/django": "integrations/slo_django/store",
}


def test_every_test_that_security_md_names_exists():
    """A row whose test is gone would claim what nothing shows."""
    references = list(references_of((ROOT / "SECURITY.md").read_text(encoding="utf-8")))

    assert len(references) > 80
    assert [f"{path}::{name}" for path, name in references if name not in names_in(path)] == []


def references_of(text: str) -> Iterator[tuple[str, str]]:
    """
    File and name of each test, both as far as the text gives them.

    `::test_x` and `test_x` are of the file that was named last in the line; `{a,b}` in a path stands for two paths; tests
    of the contract of stores are methods of a class of the core.
    """
    for line in text.splitlines():
        paths: list[str] = []
        for code in re.findall(r"`([^`]*)`", line):
            reference = re.fullmatch(r"(?P<path>[\w/{},]+\.py|StoreContract)?(?:(?:::)?(?P<name>[tT]est_?\w+))?", code)
            if reference is None or not code:
                continue
            if reference["path"]:
                paths = expanded(reference["path"])
            assert paths, f"no file is named before {code}"
            for path in paths:
                yield path, reference["name"] or ""


def expanded(path: str) -> list[str]:
    """`{a,b}/test_x.py` as two paths."""
    parts = [part.split(",") for part in re.split(r"[{}]", path)]
    return ["".join(choice) for choice in product(*parts)]


def names_in(path: str) -> set[str]:
    """Tests and classes of tests in a file; "" is the file itself."""
    files = (ROOT / "slo_core").rglob("*.py") if path == "StoreContract" else [TESTS / path]
    text = "".join(file.read_text(encoding="utf-8") for file in files if file.exists())
    return set(re.findall(r"^ *(?:async def|def|class) (\w+)", text, re.MULTILINE)) | ({""} if text else set())


@pytest.mark.parametrize("document", ["tox.ini", "CONTRIBUTING.md", "pyproject.toml", "SECURITY.md", "README.md"])
def test_paths_of_tests_in_documents_and_settings_exist(document: str):
    """Of a path that is gone pytest runs nothing, and `--ignore` ignores nothing."""
    text = (ROOT / document).read_text(encoding="utf-8").replace("{/}", "/")

    paths = re.findall(r"(?<![\w/])tests/[\w/.-]*\w", text)

    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_tests_mirror_the_packages():
    """Each is named after a module, in the folder of its package; what crosses packages stands above them."""
    strangers = []
    for tests, package in MIRRORS.items():
        for test in (TESTS / tests).rglob("test_*.py"):
            place = test.relative_to(TESTS / tests)
            module = ROOT / package / place.with_name(test.name.removeprefix("test_"))
            if len(place.parts) > 1 or tests != "core":
                strangers += [] if module.exists() else [str(test.relative_to(ROOT))]

    assert strangers == []
