"""The status view in Django's admin."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote as url_quoted
from urllib.parse import urlencode

import django
from django.contrib import admin
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import mark_safe

from slo_core.budgets.notation import written_in
from slo_core.errors import SLOError, UnknownNameError
from slo_core.http.answer import method_not_allowed
from slo_core.http.markers import slo_exempt
from slo_core.http.request import exempt_request
from slo_core.status.json_view import JSON_VERSION
from slo_core.status_page.assets import Assets
from slo_core.status_page.links import Links, Query
from slo_core.status_page.page import PageContent, StatusPage
from slo_core.status_page.query import PageQuery
from slo_core.status_page.view import json_answer
from slo_django.installation import current
from slo_django.language import notation
from slo_django.models import SLOStatus
from slo_django.request_scope import request_scope_of
from slo_django.views import asset_arguments, response_of

__all__ = ["SLOStatusAdmin"]

# In a path, as Django quotes it.
_SAFE = "!$&'()*+,;=/~:@"
_TEMPLATE = "admin/slo_django/slostatus/status.html"

# Django 6.1 made them an ordered list, and its style sheet knows nothing else.
_HAS_BREADCRUMB_LIST = django.VERSION >= (6, 1)


@admin.register(SLOStatus)
class SLOStatusAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's own class takes none at run time
    """
    Shows every SLO to those who have the permission `slo_django.view_slostatus`; nothing can be changed here.

    On an admin site of your own: `site.register(SLOStatus, SLOStatusAdmin)`.
    """

    def get_urls(self) -> list[URLPattern]:
        """The list, a page for each SLO, the JSON of both, and the files they need."""
        return [
            path("", self._guarded(self.changelist_view), name="slo_django_slostatus_changelist"),
            path("status.json", self._guarded(self.document_view), name="slo_django_slostatus_document"),
            # Not guarded: they hold no secret, and a signed-out browser must not load a login page as a script.
            path("assets/<str:name>", _asset_view(), name="slo_django_slostatus_asset"),
            path("<path:object_id>/change/", self._guarded(self.change_view), name="slo_django_slostatus_change"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """False: SLOs are defined in the settings."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: SLOStatus | None = None) -> bool:
        """False, as above."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: SLOStatus | None = None) -> bool:
        """False, as above."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """The list."""
        links = self._links()
        return self._render(
            request,
            lambda page: page.overview(_query_of(request), links=links, zone=timezone.get_current_timezone()),
            title="SLO status",
            is_detail=False,
            extra_context=extra_context,
        )

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> TemplateResponse:
        """
        The page of one SLO.

        Raises:
            Http404: There is no such SLO.
        """
        name, links = unquote(object_id), self._links()
        return self._render(
            request,
            lambda page: page.detail(name, _query_of(request), links=links, zone=timezone.get_current_timezone()),
            title=name,
            is_detail=True,
            extra_context=extra_context,
        )

    def document_view(self, request: HttpRequest) -> HttpResponse:
        """The JSON of the list, or of one SLO with `slo` in the query; 503 also where the settings are wrong."""
        try:
            page = current.installation.status_page
        except SLOError as exc:  # wrong settings: as on the page, staff may read the problem
            return JsonResponse({"version": JSON_VERSION, "error": str(exc)}, status=503)
        encodings = request.headers.get("Accept-Encoding", "")
        return response_of(json_answer(page, request.method or "", _query_of(request), accept_encoding=encodings))

    def _guarded(self, view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, **parts: str) -> HttpResponseBase:
            exempt_request(request_scope_of(request))
            if not self.has_view_permission(request):
                raise PermissionDenied
            if refusal := method_not_allowed(request.method or ""):
                return response_of(refusal)
            request.current_app = self.admin_site.name  # as the admin's own views do
            return view(request, **parts)

        return slo_exempt(
            self.admin_site.admin_view(guarded)
        )  # the login page that comes in its place does not count either

    def _links(self) -> Links:
        def address(view: str, *parts: str) -> str:
            return reverse(f"admin:slo_django_slostatus_{view}", args=parts, current_app=self.admin_site.name)

        def asked(url: str, query: Query) -> str:
            return f"{url}?{urlencode(query, doseq=True, errors='replace')}" if query else url

        # Once: a list has hundreds of links. The rest of them is as `get_urls` has it, and quoted as `reverse` does.
        listed = address("changelist")
        return Links(
            overview=lambda query: asked(listed, query),
            detail=lambda name, query: asked(f"{listed}{url_quoted(quote(name), safe=_SAFE)}/change/", query),
            json=lambda query: asked(address("document"), query),
            asset=lambda name: asked(address("asset", name), {"v": _assets.version}),
        )

    def _render(
        self,
        request: HttpRequest,
        fill: Callable[[StatusPage], PageContent],
        *,
        title: str,
        is_detail: bool,
        extra_context: dict[str, Any] | None,
    ) -> TemplateResponse:
        links = self._links()
        # Under a name of its own: themes have `styles` and `scripts` too.
        slo: dict[str, Any] = {"is_detail": is_detail, "has_breadcrumb_list": _HAS_BREADCRUMB_LIST}
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "subtitle": None,
            "opts": self.opts,
            "slo": slo,
        }
        try:
            slo["is_enabled"] = current.installation.settings.enabled
            with written_in(notation()):
                content = fill(current.installation.status_page)
        except UnknownNameError as exc:
            raise Http404(str(exc.args[0])) from exc
        except SLOError as exc:  # wrong settings: staff may read the problem
            slo["problem"] = str(exc)
        else:
            slo["news"] = content.news
            slo["body"] = mark_safe(content.html)  # noqa: S308  # the core has escaped every text in it
            slo["styles"] = [links.asset(name) for name in content.styles]
            slo["scripts"] = [links.asset(name) for name in content.scripts]
        return TemplateResponse(request, _TEMPLATE, {**context, **(extra_context or {})})


def _query_of(request: HttpRequest) -> PageQuery:
    return PageQuery(request.META.get("QUERY_STRING", ""))


_assets = Assets()


def _asset_view() -> Callable[..., HttpResponse]:
    from django.contrib.auth.decorators import login_not_required

    @slo_exempt
    @login_not_required
    def asset(request: HttpRequest, name: str) -> HttpResponse:
        exempt_request(request_scope_of(request))
        return response_of(_assets.respond(request.method or "", name, **asset_arguments(request)))

    return asset
