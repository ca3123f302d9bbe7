"""Which route and view name a request shows, and what the marks of views do."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import ResolverMatch, path
from slo_test_project import views
from slo_test_project.project import MIDDLEWARE, OpenProject, Project

from slo_core import SLORegistry
from slo_core.http.recorder import HTTPRecorder
from slo_django.route import RouteResolver


@pytest.mark.parametrize(
    ("path", "route", "view_name"),
    [
        ("/", "/", "home"),
        ("/unnamed/", "/unnamed/", "slo_test_project.views.home"),
        ("/status/200/", "/status/<int:code>/", "answer"),
        ("/shop/items/7/", "/shop/items/<int:pk>/", "shop:item"),
        ("/shop/nested/deep/a-b/", "/shop/nested/deep/<slug:slug>/", "shop:inner:deep"),
        ("/shop/archive/2024/", "/shop/archive/(?P<year>[0-9]{4})/$", "shop:archive"),
        ("/reports/sales/", r"/reports/(?P<name>\w+)/$", "report"),
        ("/tracked-class/", "/tracked-class/", "tracked-class"),
        ("/tracked-api/", "/tracked-api/", "tracked-api"),
        ("/en/about/", "/en/about/", "about"),
    ],
)
def test_the_route_is_the_template(project: Project, path: str, route: str, view_name: str) -> None:
    """Includes are put together, namespaces too; an expression shows its text; an unnamed view its dotted path."""
    project.get(path)

    assert (project.only_event().route, project.only_event().view_name) == (route, view_name)


def test_translated_prefixes_show_in_the_route_but_not_in_the_name(open_project: OpenProject) -> None:
    """One page in two languages has two routes and one view name: name it by the view."""
    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"],
        SLO_DEFINITIONS={"about": {"target": 0.9, "views": ["about"]}},
    )

    project.get("/en/about/")
    project.get("/de/about/")

    assert [event.route for event in project.events] == ["/en/about/", "/de/about/"]
    assert project.counts("about") == (2, 0)


def test_a_language_redirect_does_not_count(open_project: OpenProject) -> None:
    """LocaleMiddleware sends /about/ to /en/about/: no route took the first one."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"])

    assert project.get("/about/").status == 302
    assert project.events == []


@pytest.mark.parametrize("selection", [{"views": ["shop:*"]}, {"routes": ["/shop/*"]}, {"routes": ["/shop/items/7/"]}])
def test_an_slo_takes_the_views_and_routes_it_names(open_project: OpenProject, selection: dict[str, list[str]]) -> None:
    """By view name, by route template, and else by the path itself."""
    project = open_project(SLO_DEFINITIONS={"shop": {"target": 0.9, **selection}})

    project.get("/shop/items/7/")
    project.get("/")

    assert project.counts("shop") == (1, 0)


def test_the_mount_point_is_no_part_of_the_path(open_project: OpenProject) -> None:
    """Under SCRIPT_NAME or root_path the routes stay what the URL configuration says."""
    project = open_project(SLO_DEFINITIONS={"shop": {"target": 0.9, "routes": ["/shop/items/7/"]}})

    project.get("/shop/items/7/", script_name="/mounted")

    assert project.only_event().path == "/shop/items/7/"


def test_static_files_under_a_mount_point_do_not_count(open_project: OpenProject) -> None:
    """A relative STATIC_URL lies under the mount point."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, "slo_test_project.middleware.answers_early"], STATIC_URL="static/")

    assert project.get("/static/app.css", script_name="/mounted").status == 200
    assert project.events == []


@pytest.mark.parametrize(
    "path",
    ["/tracked/", "/tracked-class/", "/tracked-dispatch/", "/tracked-api/", "/tracked-api-function/"],
)
def test_a_marked_view_counts_for_its_slo(project: Project, path: str) -> None:
    """Functions, classes and REST framework's views, for an SLO that takes no request by itself."""
    project.get(path)

    assert project.counts("orders") == (1, 0)
    assert project.counts("availability") == (1, 0)


@pytest.mark.parametrize("path", ["/exempt/", "/exempt-class/", "/exempt-api/"])
def test_an_exempt_view_counts_for_none(project: Project, path: str) -> None:
    """Functions, classes and REST framework's sets of views."""
    assert project.get(path).status == 200
    assert project.events == []


def test_only_custom_slos_still_count_marked_views(open_project: OpenProject) -> None:
    """A project whose SLOs are all fed by hand may still mark a view."""
    project = open_project(SLO_DEFINITIONS={"orders": {"target": 0.9, "kind": "custom"}})

    project.get("/")
    project.get("/tracked/")

    assert project.counts("orders") == (1, 0)


def test_rest_frameworks_exceptions_are_answers(project: Project) -> None:
    """A throttled request is answered with 429; what REST framework does not know is a failure."""
    assert project.ask("POST", "/tracked-api/").status == 429
    assert project.ask("PUT", "/tracked-api/").status == 500

    assert [event.exception is None for event in project.events] == [True, False]
    assert project.counts() == (2, 1)


def test_an_unknown_marked_name_is_told_and_harms_nobody(
    open_project: OpenProject, caplog: pytest.LogCaptureFixture
) -> None:
    """The view's requests count for the SLOs there are, and the log names the one there is not."""
    project = open_project(SLO_DEFINITIONS={"availability": {"target": 0.9}})

    assert project.get("/tracked/").status == 200
    assert project.counts() == (1, 0)
    assert "slo_track('orders')" in caplog.text


def test_excluded_routes_do_not_count(open_project: OpenProject) -> None:
    """SLO_EXCLUDE takes globs of routes and paths."""
    project = open_project(
        SLO_EXCLUDE=["/status/*", "/healthz"], MIDDLEWARE=[MIDDLEWARE, "slo_test_project.middleware.answers_early"]
    )

    project.get("/status/200/")
    project.get("/healthz")
    project.get("/")

    assert project.only_event().path == "/"


def test_views_without_a_hash_count_too(open_project: OpenProject) -> None:
    """An object that compares itself has no hash: it cannot be remembered, and counts all the same."""
    project = open_project(ROOT_URLCONF=OddUrls, SLO_DEFINITIONS={"one": {"target": 0.9, "views": ["odd"]}})

    project.get("/odd/")
    project.get("/odd/")

    assert project.counts("one") == (2, 0)


class OddView:
    """A view that is an object."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("odd")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OddView)

    __hash__ = None  # type: ignore[assignment]  # as Python has it for classes with __eq__ alone


class OddUrls:
    """A URL configuration of one route."""

    urlpatterns = [path("odd/", OddView(), name="odd")]


def test_remembered_routes_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views that are made anew for each request would otherwise pile up."""
    monkeypatch.setattr("slo_django.route._REMEMBERED_ROUTES", 2)
    routes = RouteResolver(HTTPRecorder(SLORegistry(), may_be_idle=True))

    for _ in range(5):
        request = RequestFactory().get("/")
        request.resolver_match = ResolverMatch(lambda request: HttpResponse(), (), {}, route="made/")
        assert routes.resolve(request, 200).route == "/made/"

    assert len(routes._known) <= 2


def test_one_view_may_have_a_name_on_each_host() -> None:
    """Projects that choose the URL configuration by host give one view several names on the same route."""
    routes = RouteResolver(HTTPRecorder(SLORegistry(), may_be_idle=True))

    def named(name: str) -> str | None:
        request = RequestFactory().get("/")
        request.resolver_match = ResolverMatch(views.home, (), {}, name, route="")
        return routes.resolve(request, 200).view_name

    assert [named("shop-home"), named("blog-home"), named("shop-home")] == ["shop-home", "blog-home", "shop-home"]


def test_a_failure_is_counted_under_its_template_and_its_exception(project: Project) -> None:
    """Not under the path that was asked for, and not with the exception's text."""
    for _ in range(2):
        project.get("/status/503/?token=4711")
    project.get("/boom/")

    breakdown = project.registry["availability"].causes(3600)
    assert breakdown is not None
    assert [(each.where, each.outcome, each.bad) for each in breakdown.causes] == [
        ("GET /status/<int:code>/", "503", 2), ("GET /boom/", "RuntimeError", 1),
    ]  # fmt: skip
