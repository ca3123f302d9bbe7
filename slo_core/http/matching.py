"""Which SLOs take a request: worked out once for each `RequestKey`, and remembered."""

from __future__ import annotations

import re
from collections.abc import Iterable

from slo_core.http.bound_slo import BoundSLO
from slo_core.http.causes import place_of
from slo_core.http.counter_group import CounterGroups
from slo_core.http.counting_plan import CountingPlan
from slo_core.http.globs import literal_start
from slo_core.http.markers import ViewMarks
from slo_core.http.request import RequestKey

__all__ = ["MatchResult", "MatchedSLOs", "match_slos"]

# Paths remembered for one key; when a service whose paths carry ids fills this, it is emptied. Clients choose paths, and
# there are as many keys as routes: a hundred routes can be made to hold 15 MB, and mostly hold a tenth of it.
_REMEMBERED_PATHS = 128
_LONGEST_REMEMBERED_PATH = 256

# There are 500 statuses that servers send; an application may try others.
_REMEMBERED_STATUSES = 512


class MatchedSLOs:
    """
    The SLOs that take a request.

    Attributes:
        bound_slos: All of them.
        place: Where its bad requests are counted in the list of causes; see `place_of`.
    """

    __slots__ = ("_counting_plans", "bound_slos", "place")

    def __init__(self, bound_slos: tuple[BoundSLO, ...], place: str = "") -> None:
        self.bound_slos = bound_slos
        self.place = place
        self._counting_plans: dict[int | tuple[int, str], CountingPlan] = {}

    def counting_plan(
        self, status: int, counter_groups: CounterGroups, *, exception: str | None = None
    ) -> CountingPlan:
        """How they count a request of that status, or one that an exception of that name decides about."""
        key = status if exception is None else (status, exception)
        plan = self._counting_plans.get(key)
        if plan is None:
            if len(self._counting_plans) >= _REMEMBERED_STATUSES:
                self._counting_plans.clear()
            plan = CountingPlan(self.bound_slos, status, counter_groups, self.place, exception)
            self._counting_plans[key] = plan
        return plan


_NO_SLOS = MatchedSLOs(())


class _ByPath:
    """
    SLOs that depend on the path, by the literal start of their routes.

    Of a thousand SLOs with routes of their own, a path is compared with the few that begin like it: a new path, with an
    id in it, costs 7 us instead of 200.

    Args:
        bound_slos: Each with whether the path must match one of its routes.
    """

    __slots__ = ("_always", "_bound_slos", "_lengths", "_starts")

    def __init__(self, bound_slos: tuple[tuple[BoundSLO, bool], ...]) -> None:
        self._bound_slos = bound_slos
        self._always: list[int] = []
        self._starts: dict[str, list[int]] = {}
        for index, (slo, must_match) in enumerate(bound_slos):
            if not must_match:
                self._always.append(index)
                continue
            for glob in slo.rule.routes:
                self._starts.setdefault(literal_start(glob), []).append(index)
        self._lengths = sorted({len(start) for start in self._starts})

    def taking(self, path: str) -> tuple[BoundSLO, ...]:
        """The SLOs that take a request on that path, in their order."""
        indexes = set(self._always)
        for length in self._lengths:
            if length > len(path):
                break
            indexes.update(self._starts.get(path[:length], ()))
        candidates = (self._bound_slos[index] for index in sorted(indexes))
        return tuple(
            slo
            for slo, must_match in candidates
            if not (must_match and (slo.routes is None or not slo.routes.match(path)))
            and not (slo.exclude is not None and slo.exclude.match(path))
        )


class MatchResult:
    """
    Which SLOs take the requests of one key.

    Args:
        certain: These take all of them.
        by_path: These depend on the path; True when it must match one of their routes.
        exclude: Paths that count for no SLO.
        place: As in `MatchedSLOs`.

    Attributes:
        depends_on_path: The key alone does not decide.
    """

    __slots__ = ("_by_path", "_certain", "_exclude", "_paths", "_place", "_sets", "depends_on_path")

    def __init__(
        self,
        certain: tuple[BoundSLO, ...] = (),
        by_path: tuple[tuple[BoundSLO, bool], ...] = (),
        exclude: re.Pattern[str] | None = None,
        place: str = "",
    ) -> None:
        self._place = place
        self._certain = MatchedSLOs(certain, place) if certain else _NO_SLOS
        self._by_path = _ByPath(by_path)
        self._exclude = exclude
        self.depends_on_path = bool(by_path) or exclude is not None
        self._paths: dict[str, MatchedSLOs] = {}
        # One object for all paths that the same SLOs take: paths are many, and clients choose them.
        self._sets: dict[tuple[int, ...], MatchedSLOs] = {}

    def matched_slos(self, path: str) -> MatchedSLOs:
        """The SLOs that take a request of this key on that path."""
        if not self.depends_on_path:
            return self._certain
        matched_slos = self._paths.get(path)
        if matched_slos is None:
            matched_slos = self._match_path(path)
            if len(path) <= _LONGEST_REMEMBERED_PATH:
                if len(self._paths) >= _REMEMBERED_PATHS:
                    self._paths.clear()
                self._paths[path] = matched_slos
        return matched_slos

    def _match_path(self, path: str) -> MatchedSLOs:
        if self._exclude is not None and self._exclude.match(path):
            return _NO_SLOS
        taking = self._by_path.taking(path)
        if not taking:
            return self._certain
        ids = tuple(map(id, taking))
        matched_slos = self._sets.get(ids)
        if matched_slos is None:
            matched_slos = self._sets[ids] = MatchedSLOs((*self._certain.bound_slos, *taking), self._place)
        return matched_slos


def match_slos(
    bound_slos: Iterable[BoundSLO], key: RequestKey, marks: ViewMarks, *, exclude: re.Pattern[str] | None
) -> MatchResult:
    """
    Match by view name and route first; the rest is left to the path.

    Args:
        bound_slos: The SLOs of the installation.
        key: The requests.
        marks: The marks of their view.
        exclude: Routes and paths that count for no SLO.
    """
    route = key.route
    if marks.exempt or (exclude is not None and route is not None and exclude.match(route)):
        return MatchResult()
    certain, by_path = [], []
    for slo in bound_slos:
        is_marked = slo.tracker.name in marks.tracked or slo.tracker.name in key.tracked
        if not slo.may_take(key, is_marked=is_marked):
            continue
        if slo.exclude is not None and route is not None and slo.exclude.match(route):
            continue
        is_named = is_marked or slo.names(key)
        if is_named and slo.exclude is None:
            certain.append(slo)
        elif is_named or slo.routes is not None:
            by_path.append((slo, not is_named))
    return MatchResult(tuple(certain), tuple(by_path), exclude if certain or by_path else None, place_of(key))
