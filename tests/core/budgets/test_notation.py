"""Numbers and dates in the signs of a language."""

from __future__ import annotations

from datetime import UTC, datetime

from slo_core import SLODefinition
from slo_core.budgets.notation import Notation, moment_text, number, written_in
from slo_core.budgets.wording import burn_text, percent, promise_text, target_text

GERMAN = Notation(",", ".", lambda instant: f"{instant:%d.%m.%Y}")
AT = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_numbers_and_dates_are_written_as_the_language_writes_them() -> None:
    """As in English, and as in ISO 8601, where no language is chosen."""

    def written() -> list[str]:
        return [number(1234567), number(1234.5, ",.1f"), percent(0.99951, 2), burn_text(14.47), moment_text(AT)]

    with written_in(GERMAN):
        assert written() == ["1.234.567", "1.234,5", "99,95%", "14,4x", "01.03.2026"]
    assert written() == ["1,234,567", "1,234.5", "99.95%", "14.4x", "2026-03-01 09:30:00 UTC"]


def test_what_people_copy_is_the_same_in_every_language() -> None:
    """A target is typed into definitions, and a promise stands in rules."""
    slo = SLODefinition("a", 0.9995)

    with written_in(GERMAN):
        assert (target_text(slo), promise_text(slo)) == ("99.95%", "99.95% in 30d")
