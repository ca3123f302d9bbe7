"""Requests for views of slo-suite count for no SLO, whoever answers them."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.cache import cache_page
from slo_test_project import views
from slo_test_project.project import COMMON, MIDDLEWARE, OpenProject

from slo_django import views as own_views

OUTSIDE = "slo_test_project.outside_views."
EVERYTHING = {"everything": {"target": 0.9, "unmatched": True, "bad_statuses": ["3xx", "4xx", "5xx"]}}


class Urls:
    """Our views under several addresses."""

    urlpatterns = [
        path("", views.home),
        path("", include("slo_django.urls")),
        path("deep/<slug:tenant>/", include("slo_django.urls", namespace="deep")),
        path("by-hand/numbers", own_views.metrics),
        path("wrapped", cache_page(10)(own_views.metrics)),
        path("metrics-of-the-shop/", views.home, name="shop-metrics"),
    ]


OWN_PATHS = [
    "/metrics", "/deep/a/metrics", "/by-hand/numbers", "/wrapped", "/slo", "/slo.json", "/slo/status.css", "/deep/b/slo",
]  # fmt: skip


@pytest.mark.parametrize("path", OWN_PATHS)
@pytest.mark.parametrize("refusal", ["400", "404", "301", "401", "503", "raise", "missing"])
def test_an_answer_in_their_place_does_not_count(open_for: OpenProject, path: str, refusal: str) -> None:
    """Neither a wrong host nor a redirect to https, a tenant's 404 or an outage."""
    project = open_for(
        "wsgi",
        MIDDLEWARE=[MIDDLEWARE, OUTSIDE + "Refuses"],
        ROOT_URLCONF=Urls,
        SLO_STATUS_PATH="/slo",
        SLO_DEFINITIONS=EVERYTHING,
    )

    for method in ("GET", "HEAD", "POST"):
        project.ask(method, path, headers={"X-Refuse": refusal})
    project.get("/metrics-of-the-shop/", headers={"X-Refuse": refusal})

    assert project.counts("everything")[0] == 1


@pytest.mark.parametrize("path", OWN_PATHS)
def test_a_guard_of_views_in_their_place_does_not_count(open_project: OpenProject, path: str) -> None:
    """A login middleware knows the view, and answers all the same."""
    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, OUTSIDE + "GuardsViews"],
        ROOT_URLCONF=Urls,
        SLO_STATUS_PATH="/slo",
        SLO_DEFINITIONS=EVERYTHING,
    )

    assert project.get(path).status == 302
    project.get("/")

    assert project.counts("everything")[0] == 1


def test_a_scrape_by_the_pods_address_does_not_count(open_project: OpenProject) -> None:
    """Django refuses the host; a user's request to a wrong host counts."""
    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, COMMON], ROOT_URLCONF=Urls, ALLOWED_HOSTS=["shop.example"], SLO_DEFINITIONS=EVERYTHING
    )

    assert project.get("/metrics", headers={"Host": "10.1.2.3:8000"}).status == 400
    assert project.get("/", headers={"Host": "10.1.2.3:8000"}).status == 400

    assert project.counts("everything") == (1, 1)


def test_paths_of_views_that_are_not_ours_count(open_project: OpenProject) -> None:
    """A view of the project's may be called metrics."""

    def metrics(request: HttpRequest) -> HttpResponse:
        return HttpResponse("the shop's")

    class OtherUrls:
        urlpatterns = [path("metrics", metrics)]

    project = open_project(
        MIDDLEWARE=[MIDDLEWARE, OUTSIDE + "Refuses"], ROOT_URLCONF=OtherUrls, SLO_DEFINITIONS=EVERYTHING
    )

    project.get("/metrics", headers={"X-Refuse": "503"})

    assert project.counts("everything") == (1, 1)


class EarlierUrls:
    """Another library's metrics come first, at the path of ours."""

    urlpatterns = [
        path("in/metrics", views.home, name="theirs"),
        path("in/", include("slo_django.urls")),
        path("metrics", views.home),
    ]


def test_the_path_of_our_view_counts_for_nothing_when_an_earlier_view_answers(open_for: OpenProject) -> None:
    """Scrapes are no users' requests; the same view elsewhere, and other methods, are."""
    project = open_for("wsgi", ROOT_URLCONF=EarlierUrls, SLO_DEFINITIONS=EVERYTHING)

    for _ in range(2):
        assert project.get("/in/metrics").status == 200
        project.ask("HEAD", "/in/metrics")
    assert project.counts("everything")[0] == 0

    project.ask("POST", "/in/metrics")
    project.get("/metrics")
    assert project.counts("everything")[0] == 2
