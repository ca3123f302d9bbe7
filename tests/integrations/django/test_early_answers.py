"""Requests that a middleware answers before their URL is resolved count for the SLOs of the view that they asked for."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from slo_test_project import views
from slo_test_project.project import COMMON, MIDDLEWARE, OpenProject

from slo_django import slo_exempt, slo_track

OUTSIDE = "slo_test_project.outside_views."
LOCALE = "django.middleware.locale.LocaleMiddleware"
BY_VIEW = {"one": {"target": 0.9, "views": ["shop:item"]}, "all": {"target": 0.9}}
REFUSES = [MIDDLEWARE, OUTSIDE + "Refuses", COMMON]


@pytest.mark.parametrize("middleware", ["Refuses", "refuses_in_both_modes"])
@pytest.mark.parametrize(
    ("refusal", "failures"), [("raise", 1), ("503", 1), ("429", 0), ("401", 0), ("200", 0), ("304", 0)]
)
def test_an_early_answer_counts_for_the_view(
    open_project: OpenProject, middleware: str, refusal: str, failures: int
) -> None:
    """Failures, refusals and answers of a cache alike, in both modes of Django."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, OUTSIDE + middleware], SLO_DEFINITIONS=BY_VIEW)

    project.get("/shop/items/7/", headers={"X-Refuse": refusal})

    assert (project.counts("one"), project.counts("all")) == ((1, failures), (1, failures))
    assert project.only_event().route == "/shop/items/<int:pk>/"


def test_an_answer_of_a_cache_is_no_redirect(open_project: OpenProject) -> None:
    """An early 304 counts for an SLO of all requests too."""
    project = open_project(MIDDLEWARE=REFUSES, SLO_DEFINITIONS={"all": {"target": 0.9}})

    project.get("/shop/items/7/", headers={"X-Refuse": "304"})
    project.get("/nowhere/", headers={"X-Refuse": "304"})

    assert project.counts("all") == (1, 0)


@pytest.mark.parametrize("refusal", ["404", "missing", "301", "302"])
def test_an_early_404_or_redirect_stays_out(open_project: OpenProject, refusal: str) -> None:
    """Slash redirects and scanners look the same."""
    project = open_project(MIDDLEWARE=REFUSES, SLO_DEFINITIONS=BY_VIEW)

    project.get("/shop/items/7/", headers={"X-Refuse": refusal})

    assert (project.counts("one"), project.counts("all")) == ((0, 0), (0, 0))


def test_a_path_without_a_view_counts_for_no_view(open_project: OpenProject) -> None:
    """A 503 there is a failure of the service, and of none of its views."""
    project = open_project(MIDDLEWARE=REFUSES, SLO_DEFINITIONS=BY_VIEW)

    project.get("/nowhere/", headers={"X-Refuse": "503"})

    assert (project.counts("one"), project.counts("all")) == ((0, 0), (1, 1))


def test_a_host_that_is_not_allowed_counts_for_the_view(open_project: OpenProject) -> None:
    """Django's own 400."""
    project = open_project(MIDDLEWARE=REFUSES, SLO_DEFINITIONS=BY_VIEW, ALLOWED_HOSTS=["shop.example"])

    assert project.get("/shop/items/7/", headers={"Host": "10.1.2.3"}).status == 400
    assert project.counts("one") == (1, 0)


def test_each_host_may_have_urls_of_its_own(open_project: OpenProject) -> None:
    """`request.urlconf` decides, as it does for Django."""
    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, OUTSIDE + "ChoosesUrls", OUTSIDE + "Refuses"],
        SLO_DEFINITIONS={"one": {"target": 0.9, "routes": ["/items/<int:pk>/"]}},
    )

    project.get("/items/7/", headers={"X-Refuse": "503", "Host": "shop.example"})
    project.get("/items/7/", headers={"X-Refuse": "503", "Host": "other.example"})

    assert project.counts("one") == (1, 1)


@pytest.mark.parametrize("middleware", [[OUTSIDE + "Refuses", LOCALE], [LOCALE, OUTSIDE + "Refuses"]])
@pytest.mark.parametrize("path", ["/en/about/", "/de/about/"])
def test_the_language_in_the_path_is_respected(open_project: OpenProject, middleware: list[str], path: str) -> None:
    """Whether Django has activated it before the answer or not; and it is not activated by us."""
    from django.utils import translation

    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, *middleware], SLO_DEFINITIONS={"one": {"target": 0.9, "views": ["about"]}}
    )
    with translation.override("en"):
        project.get(path, headers={"X-Refuse": "503"})
        assert middleware[0] == LOCALE or translation.get_language() == "en"

    assert project.counts("one") == (1, 1)


@slo_exempt
def healthz(request):  # type: ignore[no-untyped-def]  # only its mark matters
    """Never reached."""


class MarkedUrls:
    """Marked views, and none that an SLO names."""

    urlpatterns = [
        path("healthz/", healthz),
        path("tracked/", slo_track("orders")(views.TrackedView.as_view())),
        path("sub/", include([path("exempt/", views.ExemptView.as_view())])),
        path("plain/", views.home),
    ]


def test_marks_hold_for_early_answers(open_project: OpenProject) -> None:
    """A view that counts for nothing counts for nothing, though nothing else needs the routes."""
    project = open_project(MIDDLEWARE=REFUSES, ROOT_URLCONF=MarkedUrls, SLO_DEFINITIONS={"all": {"target": 0.9}})

    for path_of_view in ("/healthz/", "/sub/exempt/", "/plain/"):
        project.get(path_of_view, headers={"X-Refuse": "503"})

    assert project.counts("all") == (1, 1)


def test_a_custom_slo_takes_early_answers_of_its_views(open_project: OpenProject) -> None:
    """`slo_track` names the SLO."""
    project = open_project(MIDDLEWARE=REFUSES)

    project.get("/tracked/", headers={"X-Refuse": "503"})
    project.get("/tracked-class/", headers={"X-Refuse": "raise"})

    assert project.counts("orders") == (2, 2)


def test_urls_that_cannot_be_loaded_harm_nobody(open_project: OpenProject) -> None:
    """The answer goes out and counts, and we report nothing that Django reports itself."""
    project = open_project(MIDDLEWARE=REFUSES, ROOT_URLCONF="no.such.urls", SLO_DEFINITIONS=BY_VIEW)

    assert project.get("/shop/items/7/", headers={"X-Refuse": "503"}).status == 503
    assert project.counts("all") == (1, 1)
    assert project.registry.internals.errors.total == 0


@pytest.mark.parametrize("of_one_slo", [True, False])
def test_an_early_answer_of_an_excluded_route_is_left_out(open_project: OpenProject, of_one_slo: bool) -> None:
    """The template is what is excluded, whoever answers."""
    globs = ["/shop/items/<int:pk>/"]
    settings = {"SLO_DEFINITIONS": {"all": {"target": 0.9, "exclude": globs}}} if of_one_slo else {
        "SLO_DEFINITIONS": {"all": {"target": 0.9}}, "SLO_EXCLUDE": globs,
    }  # fmt: skip
    project = open_project(MIDDLEWARE=REFUSES, **settings)

    project.get("/shop/items/7/", headers={"X-Refuse": "503"})
    project.get("/nowhere/", headers={"X-Refuse": "503"})

    assert project.counts("all") == (1, 1)


@pytest.mark.parametrize(("fails", "failures"), [(1, 0), (2, 1)])
def test_a_request_that_a_middleware_tries_again_is_what_it_answers_in_the_end(
    open_project: OpenProject, fails: int, failures: int
) -> None:
    """The exception of the first attempt reached Django's last resort, and no client."""
    attempts: list[int] = []

    def sometimes(request: HttpRequest) -> HttpResponse:
        attempts.append(1)
        if len(attempts) <= fails:
            raise LookupError("a deadlock")
        return HttpResponse("done")

    class Urls:
        urlpatterns = [path("sometimes/", sometimes)]

    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, "slo_test_project.middleware.tries_again"], ROOT_URLCONF=Urls,
        SLO_DEFINITIONS={"all": {"target": 0.9}},
    )  # fmt: skip

    project.get("/sometimes/")

    assert project.counts("all") == (1, failures)
