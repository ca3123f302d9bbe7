"""Which SLOs take a request, decided once for each kind of request and remembered."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fnmatch import translate

from slo_core.http.classify import RequestClassifier, StatusOutcome
from slo_core.http.markers import ViewMarks
from slo_core.http.request import SLOKey
from slo_core.objectives.http_rule import HTTPRule
from slo_core.tracking.event_counter import ThreadCounts
from slo_core.tracking.tracker import SLOTracker

__all__ = ["Binding", "CountingPlan", "Kind", "MatchResult", "MatchedSLOs", "compile_globs", "decide"]

# Method, route, view name, view, static file, unmatched: all that decides beside the path.
Kind = tuple[str, str | None, str | None, object, bool, bool]

# `EventCounter.rotate` of some SLO.
Rotate = Callable[[float], ThreadCounts]

# Paths remembered for one kind of request. A service whose paths carry ids fills this; then it starts anew. Clients choose
# paths, and there are as many kinds as routes: a hundred routes can be made to hold 15 MB, and mostly hold a tenth of it.
_REMEMBERED_PATHS = 128
_LONGEST_REMEMBERED_PATH = 256

# What `fnmatch.translate` gives a meaning.
_WILDCARD = re.compile(r"[*?\[]")

# There are 500 statuses that servers send; an application may try others.
_REMEMBERED_STATUSES = 512


def compile_globs(globs: Iterable[str]) -> re.Pattern[str] | None:
    """
    One pattern for many globs, in which `*` crosses slashes; None for none.

    Raises:
        ValueError: One text instead of a list, which would be a glob for each of its letters.
    """
    if isinstance(globs, str):
        raise ValueError(f"expected a list of globs, got {globs!r}; did you mean [{globs!r}]?")
    patterns = [translate(glob) for glob in globs]
    return re.compile("|".join(patterns)) if patterns else None


@dataclass(slots=True)
class Binding:
    """
    One SLO with its rule, ready to match and judge requests.

    Attributes:
        slo_key: Tells the SLO from others across registries.
        tracker: Counts.
        rule: Which requests belong to it.
        classifier: Whether they were good.
        counts_requests: False for a custom SLO, which takes requests of views marked for it only.
        takes_everything: Nothing is left out by default: one SLO was asked to count every request.
    """

    slo_key: SLOKey
    tracker: SLOTracker
    rule: HTTPRule
    classifier: RequestClassifier
    counts_requests: bool
    takes_everything: bool
    routes: re.Pattern[str] | None = field(init=False)
    views: re.Pattern[str] | None = field(init=False)
    exclude: re.Pattern[str] | None = field(init=False)
    methods: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.routes = compile_globs(self.rule.routes)
        self.views = compile_globs(self.rule.views)
        self.exclude = compile_globs(self.rule.exclude)
        self.methods = frozenset("GET" if method == "HEAD" else method for method in self.rule.methods)

    def may_take(self, kind: Kind, *, tracked: bool) -> bool:
        """Whether anything but route and path speaks against a request of that kind."""
        method, _, _, _, is_static, is_unmatched = kind
        if self.methods and method not in self.methods:
            return False
        if self.takes_everything:
            return True
        # What is named on purpose counts, though it is left out by default. A mark names a view, not its preflights.
        if method == "OPTIONS" and not self.methods:
            return False
        if tracked:
            return True
        if not self.counts_requests or (is_unmatched and not self.rule.unmatched):
            return False
        return not (is_static and self.routes is None and self.views is None)

    def names(self, kind: Kind) -> bool:
        """Whether its views or routes name a request of that kind, or it names none at all."""
        _, route, view_name, *_ = kind
        if self.routes is None and self.views is None:
            return True
        if self.views is not None and view_name is not None and self.views.match(view_name):
            return True
        return self.routes is not None and route is not None and self.routes.match(route) is not None


class CountingPlan:
    """
    What undisturbed requests of one status are to the SLOs that take them.

    Counting is left to `HTTPRecorder`, which does it for all of them in one go: what `SLOTracker.record` would cost for
    each, two calls and a look at the clock, is half of it.

    Attributes:
        clock: Of all the SLOs in `settled` and `timed`, in seconds since the epoch.
        settled: Where the status decides: the counts of each thread, how to rotate them, and what to count.
        timed: Where the time decides: counts and rotate, the threshold, and whether it is the last byte's.
        open: Where only the judge can tell, or events are counted in another way.
    """

    __slots__ = ("clock", "open", "settled", "timed")

    def __init__(self, bindings: Iterable[Binding], status: int) -> None:
        self.clock: Callable[[], float] = time.time
        settled: list[tuple[dict[int, ThreadCounts], Rotate, bool]] = []
        timed: list[tuple[dict[int, ThreadCounts], Rotate, float, bool]] = []
        unsettled = []
        for binding in bindings:
            by_status, tracker = binding.classifier.outcome_of_status(status), binding.tracker
            if by_status is StatusOutcome.LEFT_OUT:
                continue
            # What a subclass does with each event must happen: it may show them to somebody else.
            counter = tracker.internals.counter if type(tracker).record is SLOTracker.record else None
            if not settled and not timed:
                self.clock = tracker.internals.clock
            if by_status is StatusOutcome.BY_CLASSIFIER or counter is None or tracker.internals.clock is not self.clock:
                unsettled.append(binding)
            elif by_status is StatusOutcome.BY_TIME:
                timed.append(
                    (
                        counter.thread_counts,
                        counter.rotate,
                        binding.classifier.threshold,
                        binding.classifier.timed_to_end,
                    )
                )
            else:
                settled.append((counter.thread_counts, counter.rotate, by_status is StatusOutcome.GOOD))
        self.settled = tuple(settled)
        self.timed = tuple(timed)
        self.open = tuple(unsettled)


class MatchedSLOs:
    """
    The SLOs that take a request.

    Attributes:
        bindings: All of them.
    """

    __slots__ = ("_outcomes", "bindings")

    def __init__(self, bindings: tuple[Binding, ...]) -> None:
        self.bindings = bindings
        self._outcomes: dict[int, CountingPlan] = {}

    def outcomes(self, status: int) -> CountingPlan:
        """What undisturbed requests of that status are to them."""
        outcomes = self._outcomes.get(status)
        if outcomes is None:
            if len(self._outcomes) >= _REMEMBERED_STATUSES:
                self._outcomes.clear()
            outcomes = self._outcomes[status] = CountingPlan(self.bindings, status)
        return outcomes


_NOBODY = MatchedSLOs(())


class _ByPath:
    """
    Bindings that depend on the path, by the literal start of their routes.

    Of a thousand SLOs with routes of their own, a path is compared with the few that begin like it: one with an id in it,
    never seen before, costs 7 us instead of 200.

    Args:
        bindings: Each with whether the path must match one of its routes.
    """

    __slots__ = ("_always", "_bindings", "_lengths", "_starts")

    def __init__(self, bindings: tuple[tuple[Binding, bool], ...]) -> None:
        self._bindings = bindings
        self._always: list[int] = []
        self._starts: dict[str, list[int]] = {}
        for place, (binding, must_match) in enumerate(bindings):
            if not must_match:
                self._always.append(place)
                continue
            for glob in binding.rule.routes:
                self._starts.setdefault(_literal_start(glob), []).append(place)
        self._lengths = sorted({len(start) for start in self._starts})

    def taking(self, path: str) -> tuple[Binding, ...]:
        """Those that take a request on that path, in their order."""
        places = set(self._always)
        for length in self._lengths:
            if length > len(path):
                break
            places.update(self._starts.get(path[:length], ()))
        candidates = (self._bindings[place] for place in sorted(places))
        return tuple(
            binding
            for binding, must_match in candidates
            if not (must_match and (binding.routes is None or not binding.routes.match(path)))
            and not (binding.exclude is not None and binding.exclude.match(path))
        )


def _literal_start(glob: str) -> str:
    """What every text that the glob matches begins with."""
    return _WILDCARD.split(glob, maxsplit=1)[0]


class MatchResult:
    """
    Which SLOs take requests of one kind.

    Args:
        certain: These take them all.
        by_path: These depend on the path; True when it must match one of their routes.
        exclude: Paths that count for none.

    Attributes:
        depends_on_path: Route and method alone do not decide.
    """

    __slots__ = ("_by_path", "_certain", "_exclude", "_known", "_paths", "depends_on_path")

    def __init__(
        self,
        certain: tuple[Binding, ...] = (),
        by_path: tuple[tuple[Binding, bool], ...] = (),
        exclude: re.Pattern[str] | None = None,
    ) -> None:
        self._certain = MatchedSLOs(certain) if certain else _NOBODY
        self._by_path = _ByPath(by_path)
        self._exclude = exclude
        self.depends_on_path = bool(by_path) or exclude is not None
        self._paths: dict[str, MatchedSLOs] = {}
        self._known: dict[tuple[int, ...], MatchedSLOs] = {}

    def matched_slos(self, path: str) -> MatchedSLOs:
        """The SLOs that take a request of this kind on that path."""
        if not self.depends_on_path:
            return self._certain
        matched_slos = self._paths.get(path)
        if matched_slos is None:
            matched_slos = self._look(path)
            if len(path) <= _LONGEST_REMEMBERED_PATH:
                if len(self._paths) >= _REMEMBERED_PATHS:
                    self._paths.clear()
                self._paths[path] = matched_slos
        return matched_slos

    def _look(self, path: str) -> MatchedSLOs:
        if self._exclude is not None and self._exclude.match(path):
            return _NOBODY
        taken = self._by_path.taking(path)
        if not taken:
            return self._certain
        # One for all the paths that the same SLOs take: paths are many, and clients choose them.
        which = tuple(map(id, taken))
        matched_slos = self._known.get(which)
        if matched_slos is None:
            matched_slos = self._known[which] = MatchedSLOs((*self._certain.bindings, *taken))
        return matched_slos


def decide(
    bindings: Iterable[Binding], kind: Kind, marks: ViewMarks, *, exclude: re.Pattern[str] | None
) -> MatchResult:
    """
    The decision for one kind of request: by view name and route first, then what is left to the path.

    Args:
        bindings: The SLOs of the installation.
        kind: The kind of request.
        marks: What the view's marks say.
        exclude: Routes and paths that count for no SLO.
    """
    route = kind[1]
    if marks.exempt or (exclude is not None and route is not None and exclude.match(route)):
        return MatchResult()
    certain, by_path = [], []
    for binding in bindings:
        tracked = binding.tracker.name in marks.tracked
        if not binding.may_take(kind, tracked=tracked):
            continue
        if binding.exclude is not None and route is not None and binding.exclude.match(route):
            continue
        named = tracked or binding.names(kind)
        if named and binding.exclude is None:
            certain.append(binding)
        elif named or binding.routes is not None:
            by_path.append((binding, not named))
    return MatchResult(tuple(certain), tuple(by_path), exclude if certain or by_path else None)
