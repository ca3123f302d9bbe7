"""Instants as they are typed."""

from __future__ import annotations

import pytest

from slo_core.simulation.instant import parse_instant


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-01", 1_772_323_200),
        ("2026-03-01T12:00Z", 1_772_366_400),
        ("2026-03-01T12:00", 1_772_366_400),
        ("2026-03-01 13:00:00+01:00", 1_772_366_400),
        (" 1772366400.5 ", 1_772_366_400.5),
        ("0", 0),
        ("9998-12-31T23:59:59Z", 253_370_764_799),
    ],
)
def test_iso_8601_or_seconds(text: str, seconds: float) -> None:
    """In UTC where there is no offset."""
    assert parse_instant(text) == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "nan",
        "inf",
        "-1",
        "1969-12-31T23:59Z",
        "9999-01-01",
        "1772366400000",
        "1e300",
        "0001-01-01T00:00+14:00",
    ],
)
def test_other_text_is_refused(text: str) -> None:
    """Milliseconds, too: the year 58000 has no calendar."""
    with pytest.raises(ValueError, match="expected a time such as .* from 1970 to 9998, got "):
        parse_instant(text)
