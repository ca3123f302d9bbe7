"""Marks that an application writes."""

from __future__ import annotations

import pytest

from slo_core import ConfigError, SLORegistry, StoreError
from slo_core.budgets.marks import Mark
from slo_core.stores.shared.read_only import ReadOnlyStore
from slo_core.testing import FakeClock
from slo_core.tracking.annotation import annotate_from_command


def test_a_mark_is_written_and_returned(clock: FakeClock) -> None:
    """Now, or at a time of the past."""
    registry = SLORegistry(clock=clock)

    written = [registry.annotate("migration 0042"), registry.annotate("blue", kind="deploy", at=clock() - 60)]

    assert written == [Mark(clock(), "note", "migration 0042"), Mark(clock() - 60, "deploy", "blue")]
    assert registry.internals.marks(0.0) == tuple(reversed(written))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"text": "a\nb"}, "text: expected 1 to 100 printable"),
        ({"text": "a", "kind": "rollback"}, "kind: expected"),
        ({"text": "a", "at": 1_700_000_000_000}, "is it in milliseconds"),
        ({"text": "a", "at": 1_700_000_061.5}, "at most 60 s ahead of the clock"),
        ({"text": "a", "at": -1}, "at: expected seconds since the epoch"),
        ({"text": "a", "at": 0}, "of the last 25 months"),
        ({"text": "a", "at": float("nan")}, "at=: expected a finite number"),
    ],
)
def test_a_wrong_mark_is_refused(options: dict[str, object], expected: str, clock: FakeClock) -> None:
    """With what was expected; nothing is written."""
    registry = SLORegistry(clock=clock)

    with pytest.raises(ValueError, match=expected):
        registry.annotate(**options)  # type: ignore[arg-type]

    assert registry.internals.marks(0.0) == ()


def test_a_release_in_memory_began_with_its_process(clock: FakeClock) -> None:
    """There is no fleet; the process is all there is."""
    began = clock()
    registry = SLORegistry(clock=clock, release="4.2")
    clock.advance(hours=1)

    assert registry.internals.marks(0.0) == (Mark(began, "release", "4.2"),)


@pytest.mark.parametrize("release", ["", "4.2\n", 4.2, "x" * 101])
def test_a_wrong_release_is_refused_at_the_start(release: object) -> None:
    """Not when it would be written."""
    with pytest.raises(ConfigError, match=r"release: expected 1 to 100 printable characters, .* or None"):
        SLORegistry(release=release)  # type: ignore[arg-type]


def test_a_command_refuses_a_store_that_ends_with_it() -> None:
    """The mark would be written and seen by no one."""
    with pytest.raises(StoreError, match="memory:// is this command's own"):
        annotate_from_command(SLORegistry(), "x", kind="note", at=None)


def test_a_store_for_reading_refuses_marks(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """As it refuses events."""
    from slo_core.stores.sql.sqlite import SQLiteBucketStore

    registry = SLORegistry(ReadOnlyStore(SQLiteBucketStore(tmp_path / "slo.db")))

    with pytest.raises(StoreError, match="opened for reading only"):
        registry.annotate("x")
