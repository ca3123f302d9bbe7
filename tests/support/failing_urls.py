"""The URLs of the shop in `failing_service`, as Django wants them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def checkout(request: HttpRequest, order: int) -> HttpResponse:
    """Good for even orders."""
    return HttpResponse(status=503 if order % 2 else 200)


def cart(request: HttpRequest) -> HttpResponse:
    """Raises when it is given something that must be seen nowhere."""
    if "secret" in request.GET:
        raise TimeoutError(request.GET["secret"])
    return HttpResponse()


urlpatterns = [path("checkout/<int:order>", checkout), path("cart", cart), path("", include("slo_django.urls"))]
