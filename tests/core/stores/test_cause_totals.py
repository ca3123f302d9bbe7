"""The totals by cause, and their text."""

from __future__ import annotations

import pytest

from slo_core.budgets.causes import Cause, CauseIncrement
from slo_core.stores.cause_totals import MOST_TOTALS, add_totals, added_to_totals, parse_totals

PAY = Cause("POST /pay", "503")
CART = Cause("GET /cart", "slow")


def test_a_text_grows_by_the_causes_of_batches() -> None:
    """As the counts do that are kept in memory; what has no place is left to the rest."""
    text, totals = None, {}
    batches = [
        [CauseIncrement(5, PAY, 3), CauseIncrement(6, PAY, 1), CauseIncrement(6, CART, 2)],
        [CauseIncrement(7, CART, 1), CauseIncrement(7, Cause("", "503"), 9)],
    ]
    for causes in batches:
        text = added_to_totals(text, causes, bad=99)
        add_totals(totals, {each.cause: each.bad for each in causes if each.bucket != 5})
    totals[PAY] += 3

    assert text is not None
    assert parse_totals(text) == totals == {PAY: 4, CART: 3}


def test_not_more_is_added_than_the_record_has_counted() -> None:
    """Some events of the batch were too old to count: the rest must not go down by them."""
    text = added_to_totals(None, [CauseIncrement(5, PAY, 3), CauseIncrement(5, CART, 4)], bad=5)

    assert text is not None
    assert parse_totals(text) == {PAY: 3, CART: 2}
    assert added_to_totals(text, [CauseIncrement(5, CART, 4)], bad=0) is None


def test_those_that_came_first_keep_their_rows() -> None:
    """However large a later one is."""
    totals: dict[Cause, int] = {}
    add_totals(totals, {Cause(f"GET /{number}", "404"): 1 for number in range(MOST_TOTALS)})
    add_totals(totals, {PAY: 5000, Cause("GET /0", "404"): 1})

    assert len(totals) == MOST_TOTALS
    assert PAY not in totals
    assert totals[Cause("GET /0", "404")] == 2


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "",
        '5 1 ["GET /","503"]',
        '0 -1 ["GET /","503"]',
        '0 1 ["GET /"]',
        "0 " + ",".join("1" * 32) + " [" + ",".join(f'"/{number}","503"' for number in range(32)) + "]",
    ],
)
def test_a_damaged_text_is_refused(text: str) -> None:
    """No text of totals, or of more than there may be."""
    with pytest.raises(ValueError, match="expected the text of"):
        parse_totals(text)
