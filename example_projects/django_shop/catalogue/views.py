"""The shop's views. A client may ask a checkout to be slow or to fail, so that there is something to measure."""

import time
from typing import TypeVar

from django.core.exceptions import BadRequest
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from catalogue.models import Order, Product
from slo_django import slo_exempt

N = TypeVar("N", int, float)


class PaymentError(Exception):
    """The payment provider did not answer."""


@require_safe
def products(request: HttpRequest) -> JsonResponse:
    """Everything on the shelf."""
    return JsonResponse({"products": list(Product.objects.order_by("pk").values("id", "name", "price_cents"))})


@require_safe
def product(request: HttpRequest, pk: int) -> JsonResponse:
    """One product; 404 if there is none, which is an answer and no failure."""
    item = get_object_or_404(Product, pk=pk)
    return JsonResponse({"id": item.pk, "name": item.name, "price_cents": item.price_cents})


@csrf_exempt  # for programs, which have no cookie
@require_POST
def checkout(request: HttpRequest) -> JsonResponse:
    """
    Buy a product: `POST /checkout/?product=1&quantity=2`.

    `delay=0.4` makes it wait so many seconds; `fail=error` raises, and `fail=503` answers so.
    """
    time.sleep(min(_number(request, "delay", 0.0), 5.0))
    fail = request.GET.get("fail")
    if fail == "error":
        raise PaymentError
    if fail == "503":
        return JsonResponse({"error": "the payment provider is down"}, status=503)
    bought = get_object_or_404(Product, pk=_number(request, "product", 1))
    order = Order.objects.create(product=bought, quantity=_number(request, "quantity", 1))
    return JsonResponse({"order": order.pk, "total_cents": order.quantity * bought.price_cents}, status=201)


def _number(request: HttpRequest, name: str, default: N) -> N:
    """A parameter of the query; 400 if it is no such number."""
    try:
        value = type(default)(request.GET.get(name, default))
    except ValueError:
        raise BadRequest(f"{name}: expected a number") from None
    if not 0 <= value < 1_000_000:  # NaN neither
        raise BadRequest(f"{name}: expected a number from 0 to 1,000,000")
    return value


@slo_exempt
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """For the load balancer: asked every second, and no visitor of the shop's."""
    return JsonResponse({"status": "ok"})
