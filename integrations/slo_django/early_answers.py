"""Requests that were answered before Django resolved their URL: by a middleware, or by an exception in one."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import ResolverMatch, get_resolver
from django.utils import translation

from slo_core.http.recorder import HTTPRecorder
from slo_django.url_table import UrlTable

__all__ = ["EarlyAnswers"]

# URL configurations remembered; projects have one, or one for each host.
_REMEMBERED_TABLES = 64


class EarlyAnswers:
    """
    Resolves the URLs of requests that never reached their view: authentication, rate limits, maintenance, caches.

    Args:
        recorder: Counts the requests.
    """

    __slots__ = ("_recorder", "_tables")

    def __init__(self, recorder: HTTPRecorder) -> None:
        self._recorder = recorder
        self._tables: dict[object, UrlTable] = {}

    def resolve(self, request: HttpRequest, status: int | None) -> ResolverMatch | None:
        """
        The view that the request asked for; None where no URL pattern has its path, or where it makes no difference.

        An early 404 or redirect counts as unmatched, unless the path is one of our own views: these count never.
        """
        urlconf = getattr(request, "urlconf", None) or settings.ROOT_URLCONF
        try:
            table = self._table(urlconf)
            path = request.path_info
            is_own = table.may_be_own(path)
            # 304 is the answer of a cache. It is no redirect.
            is_unmatched = status == 404 or (status is not None and 300 <= status < 400 and status != 304)
            if not is_own and (is_unmatched or not (status == 304 or table.has_marks or self._recorder.needs_routes)):
                return None
            # To work the language out of a path takes as long as all the rest.
            language = translation.override(_language_of(request, path)) if table.is_translated else nullcontext()
            with language:
                match = table.narrow_resolver.resolve(path)
        except Exception:  # no URL pattern has the path; or they cannot be loaded, which Django reports by itself
            return None
        return match if not is_unmatched or table.is_own(match.func) else None

    def is_own_route(self, request: HttpRequest, route: str) -> bool:
        """Whether one of our own views has that route, too: an earlier one answers in its place."""
        return route in self._table(getattr(request, "urlconf", None) or settings.ROOT_URLCONF).own_routes

    def _table(self, urlconf: Any) -> UrlTable:
        resolver = get_resolver(urlconf)
        table = self._tables.get(urlconf)
        if table is None or table.resolver is not resolver:  # the project may have changed its URLs
            if len(self._tables) >= _REMEMBERED_TABLES:
                self._tables.clear()
            table = self._tables[urlconf] = UrlTable(resolver)
        return table


def _language_of(request: HttpRequest, path: str) -> str | None:
    """The language whose URL patterns the path belongs to; the active one, where the path names none."""
    if not settings.USE_I18N:
        return translation.get_language()
    # LocaleMiddleware has found it out, or would have.
    language = translation.get_language_from_path(path) or getattr(request, "LANGUAGE_CODE", None)
    return language or translation.get_language() or settings.LANGUAGE_CODE
