"""Static files that a middleware serves in front of the router are left out, wherever they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.handlers.asgi import ASGIHandler
from django.http import FileResponse, HttpRequest
from slo_test_project.project import MIDDLEWARE, OpenProject
from slo_test_project.views import NotedFile

from slo_django.asgi import with_lifespan

WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


@pytest.mark.parametrize("interface", ["wsgi", "asgi", "asgi with lifespan"])
@pytest.mark.parametrize(
    "headers", [{}, {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"Range": "bytes=0-1"}]
)
def test_files_of_whitenoises_root_are_left_out(
    open_for: OpenProject, tmp_path: Path, interface: str, headers: dict[str, str]
) -> None:
    """robots.txt lies beside the service's own paths; a view is counted as ever."""
    pytest.importorskip("whitenoise")
    (tmp_path / "robots.txt").write_text("all may come")
    project = open_for(
        interface[:4], WHITENOISE_ROOT=tmp_path, STATIC_ROOT=tmp_path, MIDDLEWARE=[MIDDLEWARE, WHITENOISE]
    )
    application = with_lifespan(ASGIHandler()) if "lifespan" in interface else None

    answer = project.get("/robots.txt", headers=headers, application=application)

    assert answer.status in (200, 206, 304)
    assert project.counts() == (0, 0)
    assert project.get("/", application=application).status == 200
    assert project.counts() == (1, 0)


def own_file(get_response: Any) -> Any:
    """A middleware of the project's own that answers with a file."""

    def respond(request: HttpRequest) -> FileResponse:
        return FileResponse(NotedFile(b"a report"))

    return respond


def test_other_files_of_middlewares_count(open_for: OpenProject) -> None:
    """A file may be the very thing that the service is for: `exclude` leaves it out."""
    middleware = [MIDDLEWARE, f"{__name__}.own_file"]
    project = open_for("wsgi", MIDDLEWARE=middleware, SLO_DEFINITIONS={"availability": {"target": 0.9}})

    project.get("/report.pdf")

    assert project.counts() == (1, 0)
