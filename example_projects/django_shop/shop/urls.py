"""The shop's pages, and the metrics at /metrics."""

from catalogue import views
from django.urls import include, path

urlpatterns = [
    path("products/", views.products, name="products"),
    path("products/<int:pk>/", views.product, name="product"),
    path("checkout/", views.checkout, name="checkout"),
    path("healthz", views.health, name="health"),
    path("", include("slo_django.urls")),
]
