"""The README's recipes for Quart and Falcon, as pasted: templates, names and marks are those of the framework."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import asgi_driver
import wsgi_driver
from slo_core import slo_exempt
from slo_core.testing import RequestEvent

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")


def recipe(name: str) -> dict[str, Any]:
    """What a block of the README defines."""
    (code,) = re.findall(rf"<!-- file: {name} -->\n```python\n(.*?)```", README, re.DOTALL)
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(code, name, "exec"), names)
    return names


def quart() -> tuple[Callable[[str, str], Any], Any]:
    """How to send a request, and the registry."""
    pytest.importorskip("quart", exc_type=ImportError)
    names = recipe("quart_app.py")
    app = names["app"]

    @app.get("/missing/<name>")
    async def missing(name: str) -> tuple[str, int]:
        return "no such thing", 404

    from quart.views import MethodView

    class Health(MethodView):
        @slo_exempt
        async def get(self) -> str:
            return "up"

    app.add_url_rule("/health", view_func=Health.as_view("health"))

    @app.before_request
    async def refuse() -> Any:
        return ("who are you?", 401) if names["request"].headers.get("x-guest") else None

    return lambda path, guest: asgi_driver.serve(app, path=path, headers={"x-guest": guest} if guest else {}), names[
        "registry"
    ]


class Missing:
    """A resource of Falcon's WSGI application that is never there."""

    def on_get(self, req: Any, resp: Any, name: str) -> None:
        resp.status = 404


class AsyncMissing:
    """The same for the other application."""

    async def on_get(self, req: Any, resp: Any, name: str) -> None:
        resp.status = 404


class Health:
    """Counts for nothing."""

    @slo_exempt
    def on_get(self, req: Any, resp: Any) -> None:
        resp.media = "up"


class AsyncHealth:
    """The same for the other application."""

    @slo_exempt
    async def on_get(self, req: Any, resp: Any) -> None:
        resp.media = "up"


class Guard:
    """Refuses guests behind the router."""

    def process_resource(self, req: Any, resp: Any, resource: Any, params: Any) -> None:
        if req.get_header("x-guest"):
            resp.status, resp.complete = 401, True

    async def process_resource_async(self, req: Any, resp: Any, resource: Any, params: Any) -> None:
        self.process_resource(req, resp, resource, params)


def falcon(kind: str) -> tuple[Callable[[str, str], Any], Any]:
    """As `quart`."""
    pytest.importorskip("falcon")
    names = recipe("falcon_app.py")
    names[kind].add_route("/missing/{name}", Missing() if kind == "wsgi" else AsyncMissing())
    names[kind].add_middleware(Guard())
    names[kind].add_route("/health", Health() if kind == "wsgi" else AsyncHealth())
    app = names[f"{kind}_app"]

    def ask(path: str, guest: str) -> Any:
        if kind == "wsgi":
            return wsgi_driver.serve(app, path=path, **({"HTTP_X_GUEST": guest} if guest else {}))
        return asgi_driver.serve(app, path=path, headers={"x-guest": guest} if guest else {})

    return ask, names["registry"]


@pytest.mark.parametrize(
    ("make", "report", "missing", "names"),
    [
        (quart, "/reports/<int:report>", "/missing/<name>", ("report", "missing")),
        (lambda: falcon("asgi"), "/reports/{report}", "/missing/{name}", (None, None)),
        (lambda: falcon("wsgi"), "/reports/{report}", "/missing/{name}", (None, None)),
    ],
    ids=["quart", "falcon-asgi", "falcon-wsgi"],
)
def test_a_recipe_names_routes(make: Any, report: str, missing: str, names: tuple[str | None, str | None]) -> None:
    """The 404 of a view counts for its template; a path without a route is left out; marks hold, also on a refusal."""
    ask, registry = make()
    events: list[RequestEvent] = []
    registry.internals.request_listeners.append(events.append)

    requests = [("/reports/1", ""), ("/missing/x", ""), ("/nowhere", ""), ("/reports/2", "1"), ("/health", "")]
    answers = [ask(*each) for each in requests]

    assert [answer.status for answer in answers] == [200, 404, 404, 401, 200]
    assert registry.internals.errors.total == 0
    assert [(event.route, event.view_name) for event in events] == [
        (report, names[0]), (missing, names[1]), (report, names[0]),
    ]  # fmt: skip
    assert {slo.name: (slo.total, slo.failures) for slo in registry.snapshot_all()} == {
        "availability": (3, 0), "reports": (2, 0),
    }  # fmt: skip
