"""Code of a Django project that must type-check under mypy --strict."""

from __future__ import annotations

from typing import assert_type

from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from slo_core import SLODefinition, SLORegistry, SLOSnapshot
from slo_django import get_registry, slo_exempt, slo_track
from slo_django.asgi import LifespanApplication, with_lifespan
from slo_django.checks import CheckID
from slo_django.middleware import SLOMiddleware

application = with_lifespan(get_asgi_application())
assert_type(application, LifespanApplication)


@slo_track("checkout")
def checkout(request: HttpRequest, order: int) -> HttpResponse:
    """A marked view keeps its type."""
    get_registry()["orders"].record_success()
    return HttpResponse(f"{order}")


@slo_exempt
async def health(request: HttpRequest) -> HttpResponse:
    """So does a coroutine function."""
    return HttpResponse("ok")


@slo_track("checkout", "orders")
class Orders(View):
    """And a class."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("orders")


@method_decorator(slo_track("checkout"), name="dispatch")
class Baskets(View):
    """Marked the way Django marks classes."""


assert_type(checkout(HttpRequest(), 1), HttpResponse)
assert_type(get_registry(), SLORegistry)
assert_type(get_registry()["orders"].snapshot(), SLOSnapshot)
get_registry().define(SLODefinition("late", 0.99))

MIDDLEWARE = [f"{SLOMiddleware.__module__}.{SLOMiddleware.__name__}"]
SILENCED_SYSTEM_CHECKS = [CheckID.STORE_OF_ONE_PROCESS]

urlpatterns = [
    path("orders/", Orders.as_view(), name="orders"),
    path("orders/<int:order>/", checkout, name="checkout"),
    path("healthz", health),
    path("", include("slo_django.urls")),
]
