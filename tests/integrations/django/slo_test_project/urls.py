"""Every view of the test project."""

from __future__ import annotations

from django.conf.urls.i18n import i18n_patterns
from django.conf.urls.static import static
from django.contrib.staticfiles.views import serve
from django.urls import include, path, re_path
from django.views.static import serve as serve_from_folder

from slo_test_project import views

urlpatterns = [
    path("", views.home, name="home"),
    path("async/", views.async_home, name="async-home"),
    path("unnamed/", views.home),
    path("status/<int:code>/", views.answer, name="answer"),
    path("slow/", views.slow, name="slow"),
    path("boom/", views.boom, name="boom"),
    path("async-boom/", views.async_boom, name="async-boom"),
    path("leave/", views.leave, name="leave"),
    path("missing/", views.missing, name="missing"),
    path("forbidden/", views.forbidden, name="forbidden"),
    path("refused/", views.refused, name="refused"),
    path("post-only/", views.post_only, name="post-only"),
    path("cancelled/", views.cancelled, name="cancelled"),
    path("waits/", views.waits, name="waits"),
    path("stream/", views.stream, name="stream"),
    path("broken-stream/", views.broken_stream, name="broken-stream"),
    path("async-stream/", views.async_stream, name="async-stream"),
    path("broken-async-stream/", views.broken_async_stream, name="broken-async-stream"),
    path("endless-stream/", views.endless_stream, name="endless-stream"),
    path("file/", views.file, name="file"),
    path("tracked/", views.tracked, name="tracked"),
    path("exempt/", views.exempt, name="exempt"),
    path("tracked-class/", views.TrackedView.as_view(), name="tracked-class"),
    path("tracked-dispatch/", views.TrackedDispatch.as_view(), name="tracked-dispatch"),
    path("exempt-class/", views.ExemptView.as_view(), name="exempt-class"),
    path("tracked-api/", views.TrackedAPIView.as_view(), name="tracked-api"),
    path("exempt-api/", views.ExemptViewSet.as_view({"get": "list"}), name="exempt-api"),
    path("tracked-api-function/", views.tracked_api_function, name="tracked-api-function"),
    path("shop/", include("slo_test_project.shop_urls")),
    path("tenants/<slug:tenant>/", include([path("", views.item, name="tenant")])),
    re_path("^plain/", views.item, name="plain"),
    re_path(r"^colou?rs/$", views.item, name="colours"),
    re_path(r"^reports/(?P<name>\w+)/$", views.item, name="report"),
    path("finders/<path:path>", serve, {"insecure": True}),
    path("folder/<path:path>", serve_from_folder, {"document_root": "/nonexistent"}),
    path("", include("slo_django.urls")),
    path("prefixed/", include("slo_django.urls", namespace="prefixed")),
    *i18n_patterns(path("about/", views.home, name="about")),
    *static("/static/", document_root="/nonexistent"),
]
