"""Exceptions: what user code handles counts as its answer, what only Django's last resort handles is a failure."""

from __future__ import annotations

import pytest
from django.urls import path
from slo_test_project import outside_views, urls
from slo_test_project.project import MIDDLEWARE, OpenProject

OUTSIDE = "slo_test_project.outside_views."


class TeapotUrls:
    """The project with an error page of status 418."""

    urlpatterns = urls.urlpatterns
    handler500 = staticmethod(outside_views.teapot_page)


class PoliteUrls:
    """The project with an error page of status 200."""

    urlpatterns = urls.urlpatterns
    handler500 = staticmethod(outside_views.polite_page)


class BrokenUrls:
    """The project with an error page that raises."""

    urlpatterns = urls.urlpatterns
    handler500 = staticmethod(outside_views.broken_page)


class ReportingUrls:
    """A view that sends Django's signal by hand."""

    urlpatterns = [path("reports/<int:code>/", outside_views.reports_by_hand, name="reports")]


@pytest.mark.parametrize(("status", "failures"), [(200, 0), (422, 0), (503, 1)])
@pytest.mark.parametrize("path", ["/boom/", "/async-boom/"])
def test_an_exception_that_a_middleware_answers_counts_as_its_answer(
    open_project: OpenProject, path: str, status: int, failures: int
) -> None:
    """`process_exception` has handled it: the status decides, and no exception is left."""
    project = open_project(MIDDLEWARE=[MIDDLEWARE, OUTSIDE + "HandlesExceptions"])

    assert project.get(path, headers={"X-Answer": str(status)}).status == status
    assert project.only_event().exception is None
    assert project.counts() == (1, failures)


@pytest.mark.parametrize(("status", "failures"), [(200, 0), (422, 0), (503, 1)])
def test_a_propagated_exception_that_a_middleware_catches_counts_as_its_answer(
    open_project: OpenProject, status: int, failures: int
) -> None:
    """DEBUG_PROPAGATE_EXCEPTIONS takes the last resort away: whoever catches the exception answers it."""
    project = open_project(DEBUG_PROPAGATE_EXCEPTIONS=True, MIDDLEWARE=[MIDDLEWARE, OUTSIDE + "CatchesExceptions"])

    assert project.get("/boom/", headers={"X-Answer": str(status)}).status == status
    assert project.only_event().exception is None
    assert project.counts() == (1, failures)


@pytest.mark.parametrize("path", ["/boom/", "/async-boom/"])
def test_an_error_page_that_answers_4xx_counts_as_that(open_project: OpenProject, path: str) -> None:
    """`handler500` knows whose fault it was."""
    project = open_project(ROOT_URLCONF=TeapotUrls)

    assert project.get(path).status == 418
    assert isinstance(project.only_event().exception, RuntimeError)
    assert project.counts() == (1, 0)


@pytest.mark.parametrize("path", ["/boom/", "/async-boom/"])
def test_an_error_page_that_answers_200_hides_nothing(open_project: OpenProject, path: str) -> None:
    """Nothing handled the exception; the page only looks well."""
    project = open_project(ROOT_URLCONF=PoliteUrls)

    assert project.get(path).status == 200
    assert project.counts() == (1, 1)


def test_an_error_page_that_raises_counts_once(open_project: OpenProject) -> None:
    """Each layer asks it again, and it is one request still."""
    project = open_project(ROOT_URLCONF=BrokenUrls)

    project.get("/boom/")

    assert project.counts() == (1, 1)


@pytest.mark.parametrize(("status", "failures"), [(200, 0), (404, 0), (409, 0), (500, 1)])
def test_an_exception_reported_by_hand_is_no_outcome(open_project: OpenProject, status: int, failures: int) -> None:
    """Anybody may send the signal of an unhandled exception; the answer says how it ended."""
    project = open_project(ROOT_URLCONF=ReportingUrls)

    assert project.get(f"/reports/{status}/").status == status
    assert project.only_event().exception is None
    assert project.counts() == (1, failures)


def test_a_bad_status_of_the_error_page_is_bad(open_project: OpenProject) -> None:
    """The page's 4xx counts like any other status: an SLO may call it bad, or leave it out."""
    project = open_project(
        ROOT_URLCONF=TeapotUrls,
        SLO_DEFINITIONS={
            "strict": {"target": 0.9, "bad_statuses": ["4xx", "5xx"]},
            "lenient": {"target": 0.9, "ignored_statuses": [418]},
        },
    )

    project.get("/boom/")

    assert (project.counts("strict"), project.counts("lenient")) == ((1, 1), (0, 0))
