"""The words of error messages."""

from __future__ import annotations

from slo_core.errors import nearest


def test_the_nearest_known_word() -> None:
    """Or all of them, when none is near."""
    assert nearest("rotues", ["routes", "views"]) == 'did you mean "routes"?'
    assert nearest("zzz", ["routes", "views"]) == "known: routes, views"
