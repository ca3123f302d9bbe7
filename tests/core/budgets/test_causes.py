"""A bounded table of causes: whatever comes, no event of a bucket is lost, and the large ones keep their names."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from slo_core.budgets.causes import MOST_CAUSES, MOST_OUTCOMES, OTHER, Cause, CauseBlock

names = st.builds(Cause, st.integers(0, 45).map(lambda number: f"GET /{number}"), st.integers(500, 520).map(str))
arrivals = st.lists(st.tuples(st.integers(0, 23), names, st.integers(1, 9)), max_size=150)


@settings(max_examples=60, deadline=None)
@given(arrivals=arrivals)
def test_every_event_is_in_its_bucket_and_no_name_claims_more_than_came(
    arrivals: list[tuple[int, Cause, int]],
) -> None:
    """Also through its text; a count is exact while nothing has given way."""
    block, truth = CauseBlock(), Counter[tuple[int, Cause]]()
    for place, cause, bad in arrivals:
        block.add(place, cause, bad)
        truth[place, cause] += bad
    block = CauseBlock.parse(block.text())

    for place in range(24):
        rows = dict(block.counts(place, place))
        assert sum(rows.values()) == sum(bad for (its, _), bad in truth.items() if its == place)
        assert all(bad <= truth[place, cause] for cause, bad in rows.items() if cause.where)
    rows = dict(block.counts())
    assert sum(1 for cause in rows if cause.where) <= MOST_CAUSES
    assert sum(1 for cause in rows if not cause.where) <= MOST_OUTCOMES + 1
    if len({cause for _, cause in truth}) <= MOST_CAUSES:
        assert all(cause.where for cause in rows)


def test_an_outage_after_noise_in_the_same_bucket_gets_a_name() -> None:
    """40 s of noise, a thousand causes of one event each, and then 5,000 events of one cause."""
    block = CauseBlock()
    for number in range(1000):
        block.add(0, Cause(f"GET /{number}", str(500 + number % 30)), 1)

    block.add(0, Cause("POST /checkout/{id}", "503"), 5000)

    rows = dict(block.counts())
    assert rows[Cause("POST /checkout/{id}", "503")] == 5000
    assert sum(rows.values()) == 6000
    assert OTHER in rows
