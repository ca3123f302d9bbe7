"""The route that took a request, from Django's resolver, and whether it serves static files."""

from __future__ import annotations

from django.conf import settings
from django.contrib.staticfiles.views import serve as serve_from_finders
from django.http import HttpRequest
from django.urls import ResolverMatch
from django.views.static import serve as serve_from_folder

from slo_core.http.markers import ViewMarks, marks_of
from slo_core.http.recorder import HTTPRecorder
from slo_core.http.request import NO_ROUTE_MATCH, RouteMatch
from slo_django.early_answers import EarlyAnswers
from slo_django.marks import marked_as, marks_by_method, marks_of_view

__all__ = ["RouteResolver"]

_REMEMBERED_ROUTES = 1024

_EXEMPT = ViewMarks(exempt=True)

# Wagtail renders pages through the middlewares, by requests that no client sent.
_DUMMY_REQUEST = RouteMatch(view=marked_as(_EXEMPT))


class RouteResolver:
    """
    Resolves the routes of finished requests, and remembers them.

    Make it while a request is served: Django adds the script prefix of that moment to `STATIC_URL`, and remembers it.

    Args:
        recorder: Counts the requests.

    Attributes:
        recorder: The same.
    """

    __slots__ = ("_by_method", "_early_answers", "_known", "_static_prefix", "recorder")

    def __init__(self, recorder: HTTPRecorder) -> None:
        self.recorder = recorder
        self._static_prefix = _static_prefix()
        self._early_answers = EarlyAnswers(recorder)
        self._known: dict[tuple[object, str, str, bool], RouteMatch] = {}
        # Of the few views whose methods have marks of their own.
        self._by_method: dict[tuple[object, str, str, bool], dict[str, RouteMatch]] = {}

    def resolve(self, request: HttpRequest, status: int | None) -> RouteMatch:
        """
        The route of a finished request; `NO_ROUTE_MATCH` where no URL pattern took it.

        Args:
            request: The request.
            status: Of its answer; None where there was none.
        """
        is_static = request.path.startswith(self._static_prefix)
        match: ResolverMatch | None = request.resolver_match
        if match is None:
            if getattr(request, "is_dummy", False):
                return _DUMMY_REQUEST
            match = self._early_answers.resolve(request, status)
            if match is None:
                return RouteMatch(is_static=True) if is_static else NO_ROUTE_MATCH
        # With the name: under a URL configuration for each host, one view may have several.
        key = (match.func, match.route, match.view_name, is_static)
        try:
            return self._known[key]
        except KeyError:
            return self._match_of(match, key, request)
        except TypeError:  # a view without a hash
            return _match_of(match, _view_of(match.func), is_static=is_static)

    def _match_of(self, match: ResolverMatch, key: tuple[object, str, str, bool], request: HttpRequest) -> RouteMatch:
        """Match a view that is new, or whose methods have marks of their own."""
        matches = self._by_method.get(key)
        if matches is None:
            if len(self._known) + len(self._by_method) >= _REMEMBERED_ROUTES:
                self._known.clear()
                self._by_method.clear()
            marks = marks_by_method(match.func)
            if self._early_answers.is_own_route(request, match.route):
                marks = {**marks, "GET": _EXEMPT, "HEAD": _EXEMPT}
            whole = _match_of(match, _view_of(match.func), is_static=key[3])
            if not marks:
                self._known[key] = whole
                return whole
            matches = {name: _match_of(match, marked_as(each), is_static=key[3]) for name, each in marks.items()}
            matches[""] = whole
            self._by_method[key] = matches
        return matches.get(request.method or "") or matches[""]


def _static_prefix() -> tuple[str, ...]:
    """The path under which static files lie; empty where they come from another host."""
    url = getattr(settings, "STATIC_URL", None)
    # A prefix of "/" alone would leave out the whole service.
    return (url,) if isinstance(url, str) and url.startswith("/") and url.strip("/") else ()


def _view_of(view: object) -> object:
    """The view, or what stands in for one whose marks are further inside."""
    marks = marks_of_view(view)
    return view if marks == marks_of(view) else marked_as(marks)


def _match_of(match: ResolverMatch, view: object, *, is_static: bool) -> RouteMatch:
    return RouteMatch(
        match.route.removeprefix("^"),  # of re_path: it gives the text of its expression
        view_name=match.view_name,
        view=view,
        is_static=is_static or match.func is serve_from_finders or match.func is serve_from_folder,
    )
