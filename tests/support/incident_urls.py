"""The admin of `incident`, under a policy."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]


def policy(get_response: Any) -> Any:
    """Nothing but what comes from the service itself, and nothing inline that the theme does not need."""

    def respond(request: Any) -> Any:
        response = get_response(request)
        response["Content-Security-Policy"] = settings.INCIDENT_POLICY
        return response

    return respond
