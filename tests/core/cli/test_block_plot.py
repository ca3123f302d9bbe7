"""Plots of characters."""

from __future__ import annotations

from slo_core.cli.block_plot import bars, spark


def test_a_full_block_is_never_nearly_one() -> None:
    """A rule that does not fire never looks as if it did."""
    assert spark([0.0, 0.999_999, 1.0, 7.0], ascii_only=False) == "▁▇██"
    assert spark([0.0, 0.999_999, 1.0, 7.0], ascii_only=True) == "_+##"


def test_bars_reach_from_the_lowest_to_the_highest() -> None:
    """All of them are full where they are the same."""
    assert bars([0.0, 1.0], rows=2, ascii_only=False) == [" █", "▁█"]
    assert bars([1.0, 1.0], rows=2, ascii_only=True) == ["##", "##"]
