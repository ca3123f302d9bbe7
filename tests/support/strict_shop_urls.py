"""The shop's pages behind a login, and a second admin site beside the first."""

from __future__ import annotations

from catalogue import views
from django.contrib.admin import AdminSite
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from shop.urls import urlpatterns as shop

from slo_django.admin import SLOStatusAdmin
from slo_django.models import SLOStatus

operations = AdminSite(name="operations")
operations.site_header = "Operations"
operations.register(SLOStatus, SLOStatusAdmin)

urlpatterns = [
    path("checkout/", login_not_required(views.checkout), name="checkout"),
    path("operations/", operations.urls),
    *shop,
]
__all__ = ["include", "urlpatterns"]
