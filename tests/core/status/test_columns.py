"""Tables fitted to the width of a terminal."""

from __future__ import annotations

import re
import time

import pytest
from wcwidth import wcswidth

from slo_core import SLORegistry
from slo_core.status.columns import folded, text_width
from slo_core.status.table import status_table

# Letters of double width, an accent in two characters, an emoji, letters from right to left, and what would end a line.
NAMES = (
    "availability",
    "支払い",
    "cafe\u0301",
    "pay🔥",
    "תשלום",
    "a\x1b[31m\nb",
    "checkout-latency-of-everything-there-is",
)


def breached(*names: str) -> SLORegistry:
    """SLOs that have been measured for days before they failed."""
    registry = SLORegistry.from_config({name: {"target": 0.9} for name in names})
    for name in names:
        registry[name].record(True, at=time.time() - 4 * 86_400)
        for _ in range(2):
            registry[name].record(False)
    return registry


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_terminal_of_any_width_shows_what_matters_in_aligned_columns(width: int) -> None:
    """Name, state now and budget stay, uncut; no line is wider than the terminal; what is left out is named."""
    heading, *lines = status_table(breached(*NAMES), width=width).splitlines()

    assert max(wcswidth(line) for line in (heading, *lines)) <= width
    assert not any(ord(character) < 32 for line in lines for character in line)
    rows = [line for line in lines if "  paging  " in line]
    assert len(rows) == len(NAMES)
    # Each NOW begins below the heading of its column.
    assert {wcswidth(row[: row.index("paging")]) for row in rows} == {heading.index("NOW")}
    assert all("-566.7%" in row for row in rows)
    text = " ".join(lines)
    assert ("breached" in text, "page 6h/30m" in text, "gone" in text) == (width >= 60, width >= 80, width >= 60)
    (long,) = (row for row in rows if row.startswith("checkout"))
    rest = lines[lines.index(long) + 1 :][:2]
    assert "".join(re.split(r"\s", f"{line} ")[0] for line in (long, *rest)).startswith(NAMES[-1])
    named = re.sub(r"\s+", " ", text).partition("not shown, the terminal is too narrow: ")[2]
    assert ("measured" in named, "budget," in named, "exhausted in" in named) == (width < 200, width < 60, width < 60)


def test_without_a_terminal_each_slo_has_one_whole_line() -> None:
    """A program that reads along counts lines."""
    lines = status_table(breached(*NAMES)).splitlines()

    assert len(lines) == 1 + len(NAMES)
    assert "not shown" not in lines[-1]


def test_colours_take_no_room() -> None:
    """With them every line is as wide as without."""
    registry = breached(*NAMES)
    painted = status_table(registry, width=60, paint=lambda style, text: f"<{style}|{text}>")

    assert "<breached|breached>" in painted
    assert "<paging|paging>" in painted
    assert "<heading|NOW>" in painted
    assert re.sub(r"<[a-z ]+\|([^>]*)>", r"\1", painted) == status_table(registry, width=60)


def test_a_text_is_folded_where_a_reader_would() -> None:
    """After a space, a hyphen or an underscore; in the middle of a word where there is none; nothing is lost."""
    assert folded("page 1h/5m waiting: measured 1m of 5m", 20) == ["page 1h/5m waiting:", "measured 1m of 5m"]
    assert folded("checkout-latency", 10) == ["checkout-", "latency"]
    assert folded("支払い処理", 5) == ["支払", "い処", "理"]
    assert folded("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert folded("", 10) == [""]


@pytest.mark.parametrize(
    "text", ["abc", "支払い", "cafe\u0301", "🔥", "\u1112\u1161\u11ab", "ｗｉｄｅ", "ﾊﾝｶｸ", "שלום", "नमस्ते"[:2]]
)
def test_a_text_is_as_wide_as_terminals_make_it(text: str) -> None:
    """By the tables that they use."""
    assert text_width(text) == wcswidth(text)
