"""The project with two admin sites: Django's own, and one that it made itself."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path

from slo_django.admin import SLOStatusAdmin
from slo_django.models import SLOStatus
from slo_test_project.urls import urlpatterns as project

operations = admin.AdminSite(name="operations")
operations.register(SLOStatus, SLOStatusAdmin)

urlpatterns = [path("admin/", admin.site.urls), path("operations/", operations.urls), *project]
