"""The causes of an SLO's bad events, for the spans that are shown."""

from __future__ import annotations

import pytest

from slo_core import InMemoryStore, SLODefinition, SLORegistry, SLOTracker
from slo_core.budgets.cause_shares import CauseShare
from slo_core.budgets.causes import Cause
from slo_core.errors import StoreError
from slo_core.status.causes import CAUSE_SPANS, NOT_KEPT, cause_text, causes_json, read_causes, share_text, top_cause


def test_each_span_has_its_own_bad_events(clock):
    """Of half an hour, 5 hours, 20 hours and 9 days ago; the window is that of the SLO."""
    registry = SLORegistry.from_config({"a": {"target": "90%", "window": "30d"}}, clock=clock)
    tracker = registry["a"]
    for ago, cause in ((9 * 86_400, "days"), (72_000, "day"), (18_000, "hours"), (1_800, "minutes")):
        tracker.record_failure(at=clock() - ago, cause=cause)

    causes = read_causes(tracker, tracker.snapshot())

    shown = {span: [each.where for each in breakdown.causes] for span, breakdown in causes.spans.items()}
    assert shown == {
        "1h": ["minutes"],
        "6h": ["hours", "minutes"],
        "1d": ["day", "hours", "minutes"],
        "window": ["day", "days", "hours", "minutes"],
    }
    assert tuple(shown) == tuple(CAUSE_SPANS)


def test_the_window_of_a_month_begins_with_it(clock):
    """What the month before was spent on is no part of this one's budget."""
    clock.now = 1_772_323_200.0  # 1 March 2026, 00:00 UTC
    registry = SLORegistry.from_config({"a": {"target": "90%", "window": "month"}}, clock=clock)
    registry["a"].record_failure(at=clock() - 7_200, cause="february")
    clock.advance(hours=3)
    registry["a"].record_failure(cause="march")

    causes = read_causes(registry["a"], registry["a"].snapshot())

    assert [each.where for each in causes.spans["window"].causes] == ["march"]
    assert causes.spans["window"].since == 1_772_323_200
    assert len(causes.spans["6h"].causes) == 2


def test_a_store_that_keeps_none_says_so(clock):
    """In JSON no rows, and why."""
    tracker = SLOTracker(SLODefinition("a", 0.9), store=InMemoryStore(60 * 86_400), clock=clock)
    tracker.record_failure()

    causes = read_causes(tracker, tracker.snapshot())

    assert causes_json(causes) == {"causes": {}, "cause_spans": {}, "causes_note": NOT_KEPT}


def test_causes_that_cannot_be_read_hide_no_number(clock, monkeypatch):
    """The reason stands in their place, and is counted as an error."""
    registry = SLORegistry.from_config({"a": {"target": "90%"}}, clock=clock)
    tracker = registry["a"]

    def away(*_):
        raise StoreError("out of reach")

    monkeypatch.setattr("slo_core.stores.memory.store.MemoryLedger.causes", away)

    causes = read_causes(tracker, tracker.snapshot())

    assert causes.spans == {}
    assert causes.problem == "they cannot be read: out of reach"


@pytest.mark.parametrize(
    ("cause", "text", "share"),
    [
        (CauseShare("GET /a", "503", 2, 2 / 3, False), "GET /a 503", "66%"),
        (CauseShare("GET /a", "503", 2, 2 / 3, True), "GET /a 503", "at least 66%"),
        (CauseShare(None, "503", 3, 1.0, False), "503 in other places", "100%"),
        (CauseShare(None, "other", 3, 1.0, False), "other causes", "100%"),
        (CauseShare(None, "unknown", 3, 1.0, False), "cause not known", "100%"),
    ],
)
def test_a_cause_in_words(cause, text, share):
    """Shares are rounded down, as all that is shown."""
    assert (cause_text(cause), share_text(cause)) == (text, share)


def test_the_top_cause_is_the_largest_that_says_anything(clock):
    """And none is named where all of them are unknown."""
    registry = SLORegistry.from_config({"a": {"target": "90%"}}, clock=clock)
    tracker = registry["a"]
    tracker.record_failure()
    tracker.record_failure()
    assert top_cause(tracker.causes(3600)) is None

    tracker.record_failure(cause="charge_card")

    top = top_cause(tracker.causes(3600))
    assert top is not None
    assert (top.where, top.bad) == ("charge_card", 1)


def test_what_most_have_in_common_says_more_than_a_small_cause(clock):
    """A database is down: 60 routes fail alike, and one line says what."""
    registry = SLORegistry.from_config({"a": {"target": "90%"}}, clock=clock)
    tracker = registry["a"]
    for number in range(60):
        for _ in range(5):
            tracker.internals.record_cause(tracker, Cause(f"GET /{number}", "OperationalError"))
    for _ in range(30):
        tracker.internals.record_cause(tracker, Cause("GET /cart", "503"))

    top = top_cause(tracker.causes(3600))

    assert top == CauseShare(None, "OperationalError", 300, 300 / 330, False)


def test_the_largest_cause_is_named_where_nothing_is_common(clock):
    """Three causes of a third each."""
    registry = SLORegistry.from_config({"a": {"target": "90%"}}, clock=clock)
    tracker = registry["a"]
    for number in range(3):
        for _ in range(10 + (number == 2)):
            tracker.internals.record_cause(tracker, Cause(f"GET /{number}", f"50{number}"))

    top = top_cause(tracker.causes(3600))

    assert top == CauseShare("GET /2", "502", 11, 11 / 31, False)
