"""Windows and objectives in sentences."""

from __future__ import annotations

import pytest

from slo_core import SLODefinition
from slo_core.budgets.wording import allowed_text, any_window_text, promise_text, this_window_text


@pytest.mark.parametrize(
    ("window", "of_now", "of_promise"),
    [(None, "30d", "30d"), ("month", "the month", "a month"), ("quarter", "the quarter", "a quarter")],
)
def test_a_calendar_window_has_an_article_in_a_sentence(window: str | None, of_now: str, of_promise: str) -> None:
    """A rolling one is a length, which needs none."""
    slo = SLODefinition("a", 0.999, window=window)

    assert (this_window_text(slo), any_window_text(slo)) == (of_now, of_promise)
    assert promise_text(slo) == f"99.9% in {of_promise}"
    assert promise_text(slo, adjective="good") == f"99.9% good in {of_promise}"


@pytest.mark.parametrize(
    ("events", "text"),
    [(0.0022, "0.0022"), (0.000012, "0.000012"), (0.948, "0.95"), (0.999, "1.0"), (1, "1.0"), (2160.04, "2,160.0")],
)
def test_what_is_allowed_is_never_nothing(events: float, text: str) -> None:
    """Less than one event has two digits that count, and no exponent: "0.0" would be a budget that is none."""
    assert allowed_text(events) == text
