"""Marks stand where users put them: on methods, actions, operations and what a partial calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from rest_framework.decorators import action, api_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet
from slo_test_project.project import MIDDLEWARE, OpenProject

from slo_django import slo_exempt, slo_track
from slo_django.checks import TAG, CheckID


class ByMethod(View):
    @slo_exempt
    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return HttpResponse()

    @slo_track("writes")
    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return HttpResponse()

    def put(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return HttpResponse()


class Inherits(ByMethod):
    """Marks come with inherited methods, and go with those that are replaced."""

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return HttpResponse()


class Decorated(View):
    @method_decorator(slo_track("writes"))
    @method_decorator(never_cache)
    def post(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


class API(APIView):
    @slo_exempt
    def get(self, request: Request) -> Response:
        return Response([])

    @slo_track("writes")
    def post(self, request: Request) -> Response:
        return Response([])


class Orders(ViewSet):
    @slo_exempt
    def list(self, request: Request) -> Response:
        return Response([])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response([])

    @slo_track("writes")
    def create(self, request: Request) -> Response:
        return Response([])

    @slo_track("writes")
    @action(detail=True, methods=["post"])
    def ship(self, request: Request, pk: str) -> Response:
        return Response([])


@api_view(["POST"])
@slo_track("writes")
def api_function(request: Request) -> Response:
    return Response([])


@slo_track("writes")
def write(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse()


class Marked:
    """A view that is an object."""

    @slo_track("writes")
    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


orders = SimpleRouter()
orders.register("orders", Orders, basename="orders")


class Urls:
    urlpatterns = [
        path("class/", csrf_exempt(ByMethod.as_view())),
        path("inherits/", csrf_exempt(Inherits.as_view())),
        path("decorated/", csrf_exempt(Decorated.as_view())),
        path("api/", API.as_view()),
        path("function/", api_function),
        path("partial/", csrf_exempt(partial(write, extra=1))),
        path("partials/", partial(partial(csrf_exempt(write), a=1), b=2)),
        path("partial-class/", partial(csrf_exempt(ByMethod.as_view()), extra=1)),
        path("object/", Marked()),
        path("", include(orders.urls)),
        path("", include("slo_django.urls")),
    ]


DEFINITIONS = {"all": {"target": 0.9}, "writes": {"target": 0.9, "kind": "custom"}}


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/class/", (0, 0)),
        ("HEAD", "/class/", (0, 0)),
        ("POST", "/class/", (1, 1)),
        ("PUT", "/class/", (1, 0)),
        ("DELETE", "/class/", (1, 0)),  # 405
        ("GET", "/inherits/", (1, 0)),
        ("POST", "/inherits/", (1, 1)),
        ("POST", "/decorated/", (1, 1)),
        ("GET", "/api/", (0, 0)),
        ("POST", "/api/", (1, 1)),
        ("POST", "/function/", (1, 1)),
        ("GET", "/partial/", (1, 1)),
        ("POST", "/partials/", (1, 1)),
        ("GET", "/partial-class/", (0, 0)),
        ("POST", "/partial-class/", (1, 1)),
        ("GET", "/object/", (1, 1)),
        ("GET", "/orders/", (0, 0)),
        ("HEAD", "/orders/", (0, 0)),
        ("POST", "/orders/", (1, 1)),
        ("GET", "/orders/7/", (1, 0)),
        ("POST", "/orders/7/ship/", (1, 1)),
    ],
)
def test_a_mark_holds_for_its_method(
    open_project: OpenProject, method: str, path: str, expected: tuple[int, int]
) -> None:
    """The events of an SLO of all requests, and of one that takes marked ones."""
    project = open_project(ROOT_URLCONF=Urls, SLO_DEFINITIONS=DEFINITIONS, MIDDLEWARE=[MIDDLEWARE])

    for _ in range(2):
        project.ask(method, path)

    assert (project.counts("all")[0], project.counts("writes")[0]) == (2 * expected[0], 2 * expected[1])
    assert project.registry.internals.errors.total == 0


def test_operations_of_django_ninja_have_marks_of_their_own(open_for: OpenProject) -> None:
    """One view function serves all methods of a path there, sync and async."""
    ninja = pytest.importorskip("ninja")
    api, router = ninja.NinjaAPI(), ninja.Router()

    @api.get("/orders")
    def orders(request: HttpRequest) -> list[int]:
        return []

    @api.post("/orders")
    @slo_track("writes")
    def create(request: HttpRequest) -> str:
        return "written"

    @router.api_operation(["PUT", "PATCH"], "/orders/{number}")
    @slo_track("writes")
    async def change(request: HttpRequest, number: int) -> str:
        return "changed"

    @router.get("/orders/{number}")
    @slo_exempt
    async def read(request: HttpRequest, number: int) -> int:
        return number

    api.add_router("/v2", router)

    class NinjaUrls:
        urlpatterns = [path("api/", api.urls)]

    project = open_for("wsgi", ROOT_URLCONF=NinjaUrls, SLO_DEFINITIONS=DEFINITIONS)
    for method, path_of in (
        ("GET", "orders"), ("POST", "orders"), ("PUT", "v2/orders/7"), ("PATCH", "v2/orders/7"), ("GET", "v2/orders/7"),
    ):  # fmt: skip
        assert project.ask(method, f"/api/{path_of}").status == 200

    assert (project.counts("all")[0], project.counts("writes")[0]) == (4, 3)


def _messages(*patterns: Any, **settings: Any) -> list[str]:
    class CheckedUrls:
        urlpatterns = [*patterns, path("", include("slo_django.urls"))]

    with override_settings(ROOT_URLCONF=CheckedUrls, SLO_DEFINITIONS=DEFINITIONS, **settings):
        return [each.msg for each in run_checks(tags=[TAG]) if each.id == CheckID.UNUSED_MARK]


def test_marks_that_are_looked_at_are_not_reported() -> None:
    """All of the above."""
    assert [text for text in _messages(*Urls.urlpatterns) if "test_marks" in text] == []


def hides(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    def hidden(request: HttpRequest) -> HttpResponse:
        return view(request)

    return hidden


class Helps(View):
    @slo_track("writes")
    def helper(self) -> None:
        """Answers nothing."""

    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse()


def test_marks_that_nothing_looks_at_are_reported() -> None:
    """Below a decorator without `functools.wraps`, on a method that answers nothing, on a function without a URL."""
    texts = _messages(path("hidden/", hides(write)), path("helps/", Helps.as_view()))

    ours = [text.partition(" ")[0].rpartition("test_marks.")[2] for text in texts if "test_marks" in text]
    assert ours[:2] == ["write:", "Helps.helper:"]
    assert {"ByMethod.get:", "api_function:"}.isdisjoint(ours)
    assert any(text.endswith("write: a decorator above it hides its mark.") for text in texts)
    unmapped = [text for text in _messages(path("helps/", Helps.as_view())) if text.endswith("is in no URL pattern.")]
    assert any("test_marks.write:" in text for text in unmapped)


@pytest.mark.parametrize("hosts", ["django-hosts", "a middleware"])
def test_urls_of_each_host_are_not_judged(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another host may have the view."""
    middleware = [MIDDLEWARE] if hosts == "django-hosts" else [MIDDLEWARE, "slo_test_project.outside_views.ChoosesUrls"]
    settings = {"SHOP_URLCONF": "slo_test_project.shop_urls"} if hosts == "django-hosts" else {}

    class OneHost:
        urlpatterns = [path("helps/", Helps.as_view())]

    definitions = {"shop": {"target": 0.9, "views": ["checkout"], "routes": ["/checkout/"]}}
    with override_settings(ROOT_URLCONF=OneHost, SLO_DEFINITIONS=definitions, MIDDLEWARE=middleware, **settings):
        ids = {each.id for each in run_checks(tags=[TAG])}

    assert not ids & {CheckID.MATCHES_NOTHING, CheckID.METRICS_WITHOUT_URL}
