"""How episodes are written, and what is not taken for one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slo_core.budgets.cause_shares import CauseShare
from slo_core.budgets.episodes import Episode
from slo_core.budgets.marks import Mark
from slo_core.stores.episodes import episode_key, episode_text, kept_episodes, parse_episode

EPISODE = Episode(
    "a", "page ±", 3600, 300, 1000, 1600, 10, 4, 0.3,
    (CauseShare("GET /支", "503", 3, 0.75, True), CauseShare(None, "other", 1, 0.25, False)), (Mark(900.5, "release", "4.2"),),
)  # fmt: skip


def test_an_episode_comes_back_as_it_was() -> None:
    """In ASCII, whatever its texts are."""
    text = episode_text(EPISODE)

    assert text.isascii()
    assert parse_episode("a", 1000, text) == EPISODE
    assert episode_key(EPISODE).start == 1000


@pytest.mark.parametrize(
    "change",
    [
        {"good": -1}, {"bad": 2**63}, {"bad": True},
        {"end": None}, {"end": 999}, {"end": 2**41}, {"budget_share": float("nan")},
        {"budget_share": "x"}, {"rule": ["page", 0, 300]}, {"rule": 5}, {"causes": [["GET /", "503", 5, False]]},
        {"causes": [[1, "503", 1, False]]}, {"causes": 3}, {"marks": [[0, "x", "y"]]}, {"marks": [[0, "note", "a\nb"]]},
    ],
)  # fmt: skip
def test_a_damaged_row_hides_itself_only(change: dict[str, Any]) -> None:
    """Whatever another program writes there."""
    good = episode_text(EPISODE)
    damaged = json.dumps({**json.loads(good), **change})

    assert kept_episodes("a", [(1000, damaged), (1000, good)]) == (EPISODE,)


@pytest.mark.parametrize(
    ("start", "text"), [(1000, None), (1000, "{"), ("x", "{}"), (1000, "[1]"), (1000, "[" * 10_000)]
)
def test_what_is_no_row_is_left_out(start: Any, text: Any) -> None:
    """No type of a column is trusted."""
    assert kept_episodes("a", [(start, text)]) == ()
