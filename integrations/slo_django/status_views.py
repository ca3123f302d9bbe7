"""The status page outside the admin, at `SLO_STATUS_PATH`."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.contrib.auth.decorators import login_not_required
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from slo_core.answer import Answer
from slo_core.conventions import LOGGER_NAME
from slo_core.request import exempt_request
from slo_core.status_page.view import StatusView
from slo_django.carrier import carrier_of
from slo_django.installation import current

__all__ = ["asset", "document", "page", "response_of"]

_PLAIN = "text/plain; charset=utf-8"


@login_not_required
@csrf_exempt
@non_atomic_requests
def page(request: HttpRequest) -> HttpResponse:
    """The page: 404 while `SLO_STATUS_PATH` is None, 503 while the settings are wrong."""
    return _respond(request, lambda view: view.respond_page(request.method or "", **_asked(request)))


@login_not_required
@csrf_exempt
@non_atomic_requests
def document(request: HttpRequest) -> HttpResponse:
    """The page's JSON."""
    return _respond(request, lambda view: view.respond_json(request.method or "", **_asked(request)))


@login_not_required
@csrf_exempt
@non_atomic_requests
def asset(request: HttpRequest, name: str) -> HttpResponse:
    """A file of the page."""
    encodings = request.headers.get("Accept-Encoding", "")
    return _respond(request, lambda view: view.respond_asset(request.method or "", name, accept_encoding=encodings))


def response_of(answer: Answer) -> HttpResponse:
    """An answer of the core's, as Django wants it."""
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))


def _respond(request: HttpRequest, respond: Callable[[StatusView], Answer]) -> HttpResponse:
    exempt_request(carrier_of(request))
    try:
        view = current.installation.status_view
    except Exception as exc:  # wrong settings: whoever looks must not be shown them
        logging.getLogger(LOGGER_NAME).error("the status page cannot be shown, because the settings are wrong: %s", exc)
        return HttpResponse("not configured: see the service's log\n", status=503, content_type=_PLAIN)
    if view is None:
        return HttpResponse("not found\n", status=404, content_type=_PLAIN)
    return response_of(respond(view))


def _asked(request: HttpRequest) -> dict[str, str]:
    return {
        "query": request.META.get("QUERY_STRING", ""),
        "authorization": request.headers.get("Authorization", ""),
        "accept_encoding": request.headers.get("Accept-Encoding", ""),
    }
