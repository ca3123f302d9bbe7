"""What an episode says, and which episodes are one."""

from __future__ import annotations

from itertools import permutations

from slo_core import AlertRule, SLODefinition, SLOTracker
from slo_core.budgets.causes import Cause
from slo_core.budgets.closed_period import KEPT_SECONDS
from slo_core.budgets.episodes import MOST_EPISODES, Episode, episode_of, with_current, with_episodes
from slo_core.budgets.firing_spans import FiringSpan
from slo_core.budgets.marks import Mark
from slo_core.testing import FakeClock

NOW = 1_800_000_000
RULE = AlertRule("10m", "2m", severity="page", burn_rate=10)


def episode(start: int, end: int | None, *, bad: int = 1, severity: str = "page") -> Episode:
    return Episode("a", severity, 600, 120, NOW + start, None if end is None else NOW + end, 10, bad, 0.5)


def spans(episodes: list[Episode]) -> list[tuple[int, int | None, int]]:
    return [(each.start - NOW, None if each.end is None else each.end - NOW, each.bad) for each in episodes]


def test_an_episode_counts_what_made_it_fire() -> None:
    """From one short window before its start to its end; the budget is that of the window as it stood then."""
    clock = FakeClock(float(NOW))
    tracker = SLOTracker(SLODefinition("a", 0.9, alert_rules=(RULE,)), clock=clock)
    for second, bad in ((0, 0), (50, 0), (100, 3), (200, 4), (299, 5), (300, 7)):
        clock.now = NOW + second
        for success in [True] * (20 - bad) + [False] * bad:
            tracker.record(success)
    clock.now = NOW + 400
    causes = [(Cause(f"GET /{number}", "503"), 2 if number == 7 else 1) for number in range(11)]
    marks = [Mark(NOW + at, "note", str(at)) for at in (-3421, -3420, 100, 180, 181)]

    made = episode_of(
        tracker.definition,
        FiringSpan(RULE, NOW + 180, NOW + 300),
        tracker.internals.timeline(),
        at=clock.now,
        data_since=NOW,
        causes=causes,
        marks=marks,
    )

    assert (made.good, made.bad) == (60 - 12, 12)
    assert made.budget_share == 12 / (0.1 * 100)
    assert [(each.where, each.bad) for each in made.causes[:2]] == [("GET /7", 2), ("GET /0", 1)]
    assert (len(made.causes), made.causes[-1].where, made.causes[-1].outcome) == (6, None, "other")
    assert sum(each.bad for each in made.causes) == made.bad
    assert [mark.text for mark in made.marks] == ["-3420", "100", "180"]


def test_overlapping_episodes_of_one_rule_are_one() -> None:
    """In whatever order they come: the longest stays, with late events those that have more."""
    one, longer, more = episode(0, 300), episode(-60, 360, bad=2), episode(-60, 360, bad=3)
    ticket = episode(0, 300, severity="ticket")

    for order in permutations([one, longer, more, ticket]):
        assert spans(with_episodes([], order)) == [(-60, 360, 3), (0, 300, 1)]


def test_episodes_that_nearly_touch_become_one() -> None:
    """A pause of less than five minutes is no end; a longer one is."""
    assert spans(with_episodes([episode(0, 300, bad=4)], [episode(540, 900, bad=2)])) == [(0, 900, 4)]
    assert spans(with_episodes([episode(0, 300)], [episode(600, 900)])) == [(0, 300, 1), (600, 900, 1)]


def test_the_newest_are_kept() -> None:
    """A thousand of an SLO, for 25 months."""
    many = [episode(1000 * number, 1000 * number + 60) for number in range(MOST_EPISODES + 1)]

    assert with_episodes(many[:-1], many[-1:]) == many[1:]
    assert with_episodes([episode(0, 60)], [episode(KEPT_SECONDS + 100, KEPT_SECONDS + 200)])[0].start > NOW


def test_what_lasts_stands_before_what_is_kept() -> None:
    """An episode that goes on replaces what was written of it."""
    kept = [episode(-9000, -8000), episode(0, 300)]

    shown = with_current(kept, [episode(0, None, bad=7)])

    assert spans(list(shown)) == [(0, None, 7), (-9000, -8000, 1)]
