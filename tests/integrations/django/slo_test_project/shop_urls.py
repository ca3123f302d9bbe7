"""Included twice deep, under a namespace."""

from __future__ import annotations

from django.urls import include, path, re_path

from slo_test_project import views

app_name = "shop"
urlpatterns = [
    path("items/<int:pk>/", views.item, name="item"),
    path("nested/", include(([path("deep/<slug:slug>/", views.item, name="deep")], "inner"))),
    re_path(r"^archive/(?P<year>[0-9]{4})/$", views.item, name="archive"),
]
