"""The URLs of the service in `fleet_service`, as Django wants them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from fleet_service import PATHS, answer


def view(request: HttpRequest) -> HttpResponse:
    status, text = answer(request.path)
    return HttpResponse(text, status=status)


urlpatterns = [*(path(name[1:], view) for name in PATHS), path("", include("slo_django.urls"))]
