"""The metrics view."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.db.transaction import non_atomic_requests
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt

from slo_core.conventions import LOGGER_NAME
from slo_core.request import exempt_request
from slo_core.workers import several_wsgi_processes
from slo_django.carrier import carrier_of
from slo_django.conf import is_being_tested
from slo_django.installation import current

__all__ = ["metrics"]

_PLAIN = "text/plain; charset=utf-8"


# csrf_exempt: a POST is answered with 405, as everywhere, and not with a page about cookies.
@login_not_required
@csrf_exempt
@non_atomic_requests
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """
    The SLOs in Prometheus's formats.

    404 with `SLO_METRICS_PATH = None` or `SLO_ENABLED = False`; 503 while the settings are wrong.
    """
    exempt_request(carrier_of(request))
    try:
        view = current.installation.metrics_view
    except Exception as exc:  # wrong settings: whoever scrapes must not be shown them
        logging.getLogger(LOGGER_NAME).error("metrics cannot be shown, because the settings are wrong: %s", exc)
        return HttpResponse("not configured: see the service's log\n", status=503, content_type=_PLAIN)
    if view is None:
        return HttpResponse("not found\n", status=404, content_type=_PLAIN)
    if not is_being_tested():  # Django's test client claims to be one process of several
        current.installation.registry.note_workers(lambda: several_wsgi_processes(request.META))
    headers = request.headers
    answer = view.respond(
        request.method or "",
        accept=headers.get("Accept", ""),
        accept_encoding=headers.get("Accept-Encoding", ""),
        authorization=headers.get("Authorization", ""),
        query=request.META.get("QUERY_STRING", ""),
    )
    return HttpResponse(answer.body, status=answer.status, headers=dict(answer.headers))
