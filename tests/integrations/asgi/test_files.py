"""Files: over when the application hands them over, and never read by us."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from asgi_service import Service

frameworks = pytest.mark.parametrize("framework", [Starlette, FastAPI])
PATHSEND = {"http.response.pathsend": {}}


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A file of 200,000 bytes: several chunks of Starlette's."""
    path = tmp_path / "document.txt"
    path.write_bytes(b"0123456789" * 20_000)
    return path


def app_with(framework: type[Any], document: Path) -> Any:
    async def view(request: Request) -> Response:
        return FileResponse(document)

    app = framework()
    app.add_route("/file", view)
    app.mount("/static", StaticFiles(directory=document.parent), name="static")
    return app


@frameworks
@pytest.mark.parametrize("extensions", [{}, PATHSEND])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_response_counts_once(framework: type[Any], document: Path, extensions: Any, method: str) -> None:
    """In chunks, as a path where the server can send files itself, or as headers only."""
    service = Service(app_with(framework, document), inside=True)

    answer = service.ask(method, "/file", extensions=extensions)

    assert answer.headers["content-length"] == "200000"
    assert (service.only_event.route, service.only_event.status) == ("/file", 200)
    assert service.counts() == (1, 0)


def test_the_server_still_sends_the_file_itself(document: Path) -> None:
    """`http.response.pathsend` passes through as it came."""
    service = Service(app_with(Starlette, document), inside=True)

    answer = service.ask(path="/file", extensions=PATHSEND)

    if len(answer.messages) == 2 and answer.messages[1]["type"] == "http.response.pathsend":
        assert answer.messages[1]["path"] == str(document)
    else:  # Starlette before 0.38 knows no pathsend
        assert answer.body == document.read_bytes()


@frameworks
@pytest.mark.parametrize("inside", [True, False])
def test_a_range_counts_once(framework: type[Any], document: Path, inside: bool) -> None:
    """206 is an answer; a file with several ranges is one too."""
    service = Service(app_with(framework, document), inside=inside)

    service.ask(path="/file", headers={"range": "bytes=0-9,100000-100009"})

    assert service.only_event.outcomes == {"availability": True}


@frameworks
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(("path", "status"), [("/static/document.txt", 200), ("/static/nothing.txt", 404)])
def test_static_files_count_for_nobody(
    framework: type[Any], document: Path, inside: bool, path: str, status: int
) -> None:
    """Style sheets would dilute every failure."""
    service = Service(app_with(framework, document), inside=inside)

    assert service.ask(path=path).status == status
    assert service.events == []


def test_static_files_count_where_a_definition_names_them(document: Path) -> None:
    """What is named on purpose counts."""
    service = Service(app_with(Starlette, document), {"assets": {"target": 0.9, "routes": ["/static/*"]}}, inside=True)

    service.ask(path="/static/document.txt")

    assert service.only_event.outcomes == {"assets": True}


def test_static_files_below_a_mount_count_for_nobody(document: Path) -> None:
    """However deep they lie."""
    static = Mount("/static", StaticFiles(directory=document.parent), name="static")
    app = Starlette(routes=[Mount("/shop/{country}", routes=[static])])
    service = Service(app, inside=True)

    assert service.ask(path="/shop/eu/static/document.txt").status == 200
    assert service.events == []


@pytest.mark.parametrize("wrap", [lambda app: app, GZipMiddleware], ids=["bare", "behind a middleware"])
@pytest.mark.parametrize("path", ["/document.txt", "/nothing.txt"])
def test_an_application_of_nothing_but_static_files_counts_for_nobody(
    document: Path, path: str, wrap: Callable[[Any], Any]
) -> None:
    """Also where every request counts that no route took: there is no router around them."""
    app = wrap(StaticFiles(directory=document.parent))
    service = Service(app, {"availability": {"target": 0.9, "unmatched": True}})

    service.ask(path=path)

    assert service.events == []


@pytest.fixture
def frontend(document: Path) -> FastAPI:
    """Frontends of FastAPI's own: of the application, of a router, and of a mounted application."""
    if not hasattr(FastAPI, "frontend"):
        pytest.skip("this FastAPI has no frontend()")
    (document.parent / "index.html").write_text("home")
    router = APIRouter()
    router.frontend("/ui", directory=document.parent)
    mounted = FastAPI()
    mounted.frontend("/", directory=document.parent)
    app = FastAPI()
    app.get("/api")(lambda: "answer")
    app.include_router(router, prefix="/shop")
    app.mount("/of/{tenant}", mounted)
    app.frontend("/", directory=document.parent)
    return app


FRONTENDS = [
    ("/document.txt", 200, "/{path}"),
    ("/", 200, "/{path}"),
    ("/nothing.txt", 404, "/{path}"),
    ("/shop/ui/document.txt", 200, "/shop/ui/{path}"),
    ("/shop/ui", 307, "/shop/ui/{path}"),
    ("/of/acme/document.txt", 200, "/of/{tenant}/{path}"),
]


@pytest.mark.parametrize("root_path", ["", "/proxy"])
def test_a_frontend_counts_for_nobody_but_who_names_it(frontend: FastAPI, root_path: str) -> None:
    """`FastAPI.frontend()` is static files that no endpoint tells of; their route is that of the folder."""
    definitions = {"availability": {"target": 0.9}, "assets": {"target": 0.9, "routes": ["*{path}"]}}
    service = Service(frontend, definitions, inside=True)

    for path, status, _ in FRONTENDS:
        assert service.ask(path=root_path + path, root_path=root_path).status == status, path

    assert [event.route for event in service.events] == [route for *_, route in FRONTENDS]
    assert all(event.outcomes == {"assets": True} for event in service.events)
    assert service.registry.internals.errors.total == 0


def test_a_frontend_leaves_the_rest_alone(frontend: FastAPI) -> None:
    """Routes beside it count as ever."""
    service = Service(frontend, inside=True)

    service.ask(path="/api")
    service.ask(path="/document.txt")

    assert service.only_event.route == "/api"
