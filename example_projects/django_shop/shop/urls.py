"""The shop's pages, the admin with the budgets, and the metrics at /metrics."""

from catalogue import views
from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("products/", views.products, name="products"),
    path("products/<int:pk>/", views.product, name="product"),
    path("checkout/", views.checkout, name="checkout"),
    path("healthz", views.health, name="health"),
    path("", include("slo_django.urls")),
]
