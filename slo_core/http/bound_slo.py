"""SLOs bound to their rules: which requests an SLO takes by its definition and their route."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from slo_core.http.classify import RequestClassifier
from slo_core.http.globs import compile_globs
from slo_core.http.request import RequestKey, SLOKey
from slo_core.objectives.http_rule import Classifier, HTTPRule
from slo_core.process.internal_errors import InternalErrors
from slo_core.tracking.registry import SLORegistry
from slo_core.tracking.tracker import SLOTracker

__all__ = ["BoundSLO", "bind_slos"]


@dataclass(slots=True)
class BoundSLO:
    """
    One SLO with its rule, ready to match and classify requests.

    Attributes:
        slo_key: Identifies the SLO across registries.
        tracker: Counts.
        rule: Which requests belong to it.
        classifier: Whether they were good.
        marked_views_only: It takes requests of marked views only: a custom SLO.
        every_request: Nothing is left out by default: the installation counts every request for this one SLO.
    """

    slo_key: SLOKey
    tracker: SLOTracker
    rule: HTTPRule
    classifier: RequestClassifier
    marked_views_only: bool = False
    every_request: bool = False
    routes: re.Pattern[str] | None = field(init=False)
    views: re.Pattern[str] | None = field(init=False)
    exclude: re.Pattern[str] | None = field(init=False)
    methods: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.routes = compile_globs(self.rule.routes)
        self.views = compile_globs(self.rule.views)
        self.exclude = compile_globs(self.rule.exclude)
        self.methods = frozenset("GET" if method == "HEAD" else method for method in self.rule.methods)

    def may_take(self, key: RequestKey, *, is_marked: bool) -> bool:
        """Whether the SLO takes such requests, if their route or path matches."""
        if self.methods and key.method not in self.methods:
            return False
        if self.every_request:
            return True
        # A rule or mark that names a request overrides the defaults. A mark names a view, not its preflights.
        if key.method == "OPTIONS" and not self.methods:
            return False
        if is_marked:
            return True
        if self.marked_views_only or (key.is_unmatched and not self.rule.unmatched):
            return False
        return not (key.is_static and self.routes is None and self.views is None)

    def names(self, key: RequestKey) -> bool:
        """Whether the rule's views or routes match, or the rule names neither."""
        if self.routes is None and self.views is None:
            return True
        if self.views is not None and key.view_name is not None and self.views.match(key.view_name):
            return True
        return self.routes is not None and key.route is not None and self.routes.match(key.route) is not None


def bind_slos(
    registry: SLORegistry | None,
    tracker: SLOTracker | None,
    *,
    service: str,
    errors: InternalErrors,
    classify: Classifier | None,
) -> tuple[BoundSLO, ...]:
    """
    The SLOs that an installation counts, each with its rule.

    Args:
        registry: All of its SLOs, unless there is a tracker.
        tracker: The only SLO to count.
        service: The name of the service.
        errors: Where errors of a user's classifier are reported.
        classify: Overrides the classifier of the rules.
    """

    def bind(tracker: SLOTracker, **options: bool) -> BoundSLO:
        is_single = options.get("every_request") is not None
        rule = tracker.definition.http or HTTPRule(unmatched=is_single)
        classifier = RequestClassifier(rule, name=tracker.name, internal_errors=errors, classify=classify)
        return BoundSLO((service, tracker.name), tracker, rule, classifier, **options)

    if tracker is not None:
        return (bind(tracker, every_request=tracker.definition.http is None),)
    return tuple([bind(each, marked_views_only=each.definition.http is None) for each in registry or ()])
