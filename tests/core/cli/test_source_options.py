"""How commands are given definitions. Tests of source_options and import_path."""

from __future__ import annotations

from pathlib import Path

import pytest

from slo_core.cli import main

pytestmark = pytest.mark.usefixtures("slos_yaml")


def test_without_a_source_the_ways_to_name_one_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A file, an attribute, or settings."""
    assert main(["rules"]) == 2

    assert "Expected one of SOURCE (a .yaml, .toml or .json file, or module:attribute)" in capsys.readouterr().err


def test_settings_are_found_in_the_folder_in_which_one_stands(capsys: pytest.CaptureFixture[str]) -> None:
    """As with `python -m`; Django is not needed for it."""
    Path("written_shop").mkdir()
    Path("written_shop/__init__.py").touch()
    Path("written_shop/settings.py").write_text(
        "ROOT_URLCONF = 'shop.urls'\nDATABASES = {'default': {'PASSWORD': 'hunter2'}}\n"
        "SLO_DEFINITIONS = {'availability': {'target': '99.9%'}}\n"
    )

    assert main(["rules", "--django-settings", "written_shop.settings"]) == 0

    printed = capsys.readouterr()
    assert "# Service shop, store scope fleet." in printed.out
    assert "hunter2" not in printed.out + printed.err
