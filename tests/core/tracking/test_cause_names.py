"""Causes that applications give: short constant texts, and anything else does no harm."""

from __future__ import annotations

import logging

import pytest

from slo_core import SLODefinition, SLORegistry, SLOTracker
from slo_core.testing import FakeClock
from slo_core.tracking.cause_names import exception_name


def causes(tracker: SLOTracker) -> list[tuple[str | None, str, int]]:
    breakdown = tracker.causes(3600)
    assert breakdown is not None
    return [(each.where, each.outcome, each.bad) for each in breakdown.causes]


def test_lying_causes_are_made_harmless_and_reported_once(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """10 MB, control characters, other types: cut and escaped; nothing is raised, and the log shows none of it."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("a", 0.9))
    with caplog.at_level(logging.WARNING):
        for cause in ("x" * 10_000_000, "a\nb\x1b[31m", "", b"card 4711", object()):
            tracker.record_failure(cause=cause)  # type: ignore[arg-type]
    assert sorted(causes(tracker)) == sorted(
        [("x" * 99 + "…", "failed", 1), ("a\\nb\\x1b[31m", "failed", 1), ("unnamed", "failed", 1), ("bytes", "failed", 1),
         ("object", "failed", 1)]
    )  # fmt: skip
    assert len(caplog.records) == 1
    assert "4711" not in caplog.text
    assert len(caplog.text) < 1000


def test_ten_thousand_causes_are_reported_once(clock: FakeClock) -> None:
    """They are no constant texts: all events count, nearly all of them in the rest."""
    registry = SLORegistry(clock=clock)
    tracker = registry.define(SLODefinition("a", 0.9))
    for number in range(10_000):
        tracker.record_failure(cause=f"order {number}")

    assert sum(bad for _, _, bad in causes(tracker)) == 10_000
    assert len(causes(tracker)) <= 34
    assert registry.internals.errors.total == 1


def test_a_failure_of_the_past_has_its_cause_there(clock: FakeClock) -> None:
    """Two hours ago it was in no bucket of the last hour."""
    tracker = SLOTracker(SLODefinition("a", 0.9), clock=clock)
    tracker.record_failure(cause="charge_card", at=clock() - 7200)

    assert causes(tracker) == []
    breakdown = tracker.causes(3 * 3600)
    assert breakdown is not None
    assert [each.where for each in breakdown.causes] == ["charge_card"]


def test_a_tracker_that_looks_at_each_event_still_sees_them(clock: FakeClock) -> None:
    """A subclass with a `record` of its own: the event goes there, and its cause is unknown."""

    class Auditing(SLOTracker):
        seen: list[bool] = []

        def record(self, success: bool, *, at: float | None = None) -> None:
            self.seen.append(success)
            super().record(success, at=at)

    tracker = Auditing(SLODefinition("a", 0.9), clock=clock)
    tracker.record_failure(cause="charge_card")
    tracker.record_failure(cause="charge_card", at=clock() - 5)
    with pytest.raises(OSError), tracker.track(cause="ship"):
        raise OSError

    assert tracker.seen == [False, False, False]
    assert causes(tracker) == [(None, "unknown", 3)]


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "1h", True])
def test_a_stretch_is_a_positive_number_of_seconds(clock: FakeClock, seconds: object) -> None:
    """The message says what was expected."""
    with pytest.raises(ValueError, match="expected a positive number of seconds"):
        SLOTracker(SLODefinition("a", 0.9), clock=clock).causes(seconds)  # type: ignore[arg-type]


def test_an_exception_is_named_by_its_class() -> None:
    """Cut to 64 characters of identifiers."""
    assert exception_name(FileNotFoundError) == "FileNotFoundError"
    assert exception_name(type("Größe", (Exception,), {})) == "Größe"
    assert exception_name(type("a b" * 50, (Exception,), {})) == ("a_b" * 50)[:64]
