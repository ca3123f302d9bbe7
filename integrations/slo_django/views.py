"""The metrics view, and the status page outside the admin."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from slo_core.budgets.notation import written_in
from slo_core.conventions import LOGGER_NAME
from slo_core.http.answer import Answer, plain_text
from slo_core.http.markers import slo_exempt
from slo_core.http.request import exempt_request
from slo_core.process.workers import several_wsgi_processes
from slo_django.installation import Installation, current
from slo_django.language import notation
from slo_django.request_scope import request_scope_of

if TYPE_CHECKING:
    from slo_core.metrics.view import MetricsView
    from slo_core.status_page.view import StatusView

__all__ = ["asset", "asset_arguments", "metrics", "page", "page_json", "response_of"]

DjangoView = Callable[..., HttpResponse]
View = TypeVar("View")


def _public(view: DjangoView) -> DjangoView:
    """
    No login page, CSRF check or transaction of the project comes before the view.

    It is marked too: a middleware that knows the view may answer in its place.
    """
    return slo_exempt(login_not_required(csrf_exempt(non_atomic_requests(view))))


# never_cache, also for the status page: earlier releases of Django cache a whole site despite `no-store`, and would show
# everybody a page that was made for a reader with the token. They do respect `private`.
@_public
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """
    The SLOs in Prometheus's formats.

    404 with `SLO_METRICS_PATH = None` or `SLO_ENABLED = False`; 503 while the settings are wrong.
    """

    def scrape(view: MetricsView) -> Answer:
        current.installation.registry.internals.note_workers(lambda: several_wsgi_processes(request.META))
        return view.respond(request.method or "", accept=request.headers.get("Accept", ""), **_view_arguments(request))

    return _respond(request, "metrics", lambda installation: installation.metrics_view, scrape)


@_public
@never_cache
def page(request: HttpRequest) -> HttpResponse:
    """The status page: 404 while `SLO_STATUS_PATH` is None, 503 while the settings are wrong."""
    with written_in(notation()):
        return _respond_status(
            request, lambda view: view.respond_page(request.method or "", **_view_arguments(request))
        )


@_public
@never_cache
def page_json(request: HttpRequest) -> HttpResponse:
    """Its JSON."""
    return _respond_status(request, lambda view: view.respond_json(request.method or "", **_view_arguments(request)))


@_public
def asset(request: HttpRequest, name: str) -> HttpResponse:
    """A file of it."""
    return _respond_status(
        request, lambda view: view.respond_asset(request.method or "", name, **asset_arguments(request))
    )


def asset_arguments(request: HttpRequest) -> dict[str, str]:
    """What decides how a file of the page is answered."""
    arguments = _view_arguments(request)
    del arguments["authorization"]
    return arguments


def response_of(answer: Answer) -> HttpResponse:
    """An answer of the core as a response of Django."""
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


def _respond_status(request: HttpRequest, respond: Callable[[StatusView], Answer]) -> HttpResponse:
    return _respond(request, "the status page", lambda installation: installation.status_view, respond)


def _respond(
    request: HttpRequest, name: str, choose: Callable[[Installation], View | None], respond: Callable[[View], Answer]
) -> HttpResponse:
    exempt_request(request_scope_of(request))
    method = request.method or ""
    try:
        view = choose(current.installation)
    except Exception as exc:  # wrong settings: clients must not see them
        logging.getLogger(LOGGER_NAME).error("%s cannot be shown, because the settings are wrong: %s", name, exc)
        return response_of(plain_text(method, 503, "not configured: see the service's log\n"))
    return response_of(plain_text(method, 404, "not found\n") if view is None else respond(view))


def _view_arguments(request: HttpRequest) -> dict[str, str]:
    return {
        "query": request.META.get("QUERY_STRING", ""),
        "authorization": request.headers.get("Authorization", ""),
        "accept_encoding": request.headers.get("Accept-Encoding", ""),
    }
