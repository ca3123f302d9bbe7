"""The README's pictures can be made anew."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from incident_service import PAGING, definitions
from screenshots import INCIDENT_PICTURES, take_screenshots


def test_the_pictures_can_be_made_anew(tmp_path: Path) -> None:
    """Four PNGs of the list and of one SLO, light and dark, that are small, and not empty."""
    taken = take_screenshots(tmp_path / "pictures")

    names = ["list-light.png", "list-dark.png", "detail-light.png", "detail-dark.png"]
    assert [path.name for path in taken] == names
    for path in taken:
        assert 20_000 < path.stat().st_size < 80_000, path.name
        with Image.open(path) as picture:
            assert picture.format == "PNG"
            assert picture.width == 1200
            assert 700 < picture.height <= 1200
            # There is more paper than ink.
            (_, paper) = max(picture.convert("L").getcolors())
        assert paper > 200 if "light" in path.name else paper < 50


def test_an_incident_is_one_among_200_slos() -> None:
    """Eight pictures: list and page, on a phone and a desk, light and dark; their names are those of the SLOs."""
    assert len({name for name, *_ in INCIDENT_PICTURES}) == 8
    assert len(definitions()) == 200
    assert PAGING in {definition.name for definition in definitions()}
