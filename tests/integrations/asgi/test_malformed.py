"""Requests that no client in its right mind sends: never an error of ours."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from asgi_driver import serve
from asgi_service import Service
from slo_core.testing import capture_requests

DEFINITIONS: dict[str, Any] = {
    "availability": {"target": 0.9},
    "pages": {"target": 0.9, "routes": ["/page*"], "exclude": ["/private/*"]},
}


async def view(request: Request) -> Response:
    await request.body()
    return PlainTextResponse("answer")


def build(framework: type[Any]) -> Any:
    app = framework()
    app.add_route("/page/{rest:path}", view, methods=["GET", "FOO"])
    return app


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("answer")(scope, receive, send)


applications = pytest.mark.parametrize(
    "build",
    [lambda: build(Starlette), lambda: build(FastAPI), lambda: plain_app],
    ids=["starlette", "fastapi", "plain"],
)


@applications
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/page/1", {"content-length": "a lot"}),
        ("GET", "/page/1", {"content-length": "-1"}),
        ("GET", "/page/\udcff\udcfe", {}),  # bytes that are no UTF-8, as surrogates
        ("GET", "/page/\x00\r\n", {}),
        ("GET", "/page/[*]?{}", {}),
        ("GET", "/page/" + "a" * 65_536, {}),
        ("FOO", "/page/1", {}),
        ("foo bar", "/page/1", {}),
        ("", "/page/1", {}),
        ("GET", "/page/1", {"accept": "\xff" * 100}),
    ],
)
def test_a_malformed_request_counts_once_and_is_no_trouble(
    build: Any, inside: bool, method: str, path: str, headers: Any
) -> None:
    """The answer is the application's, and the request counts as whatever that is."""
    app = build()
    without = serve(build(), method, path, headers=headers)
    service = Service(app, DEFINITIONS, inside=inside and app is not plain_app)

    answer = service.ask(method, path, headers=headers)

    assert answer.messages == without.messages
    assert service.only_event.path == path
    assert service.only_event.outcomes == dict.fromkeys(DEFINITIONS, True)


@applications
@pytest.mark.parametrize("path", ["", "page", "//", "*", "/page", "http://shop.test/"])
def test_a_path_that_is_none_is_no_trouble(build: Any, path: str) -> None:
    """Asterisk form, absolute form, nothing at all: whether it counts depends on the answer."""
    without = serve(build(), path=path)
    service = Service(build(), DEFINITIONS)

    assert service.ask(path=path).messages == without.messages
    assert len(service.events) <= 1
    assert service.registry.internals.errors.total == 0


def test_unknown_methods_are_one() -> None:
    """Clients choose methods; they must not fill anything."""
    service = Service(build(Starlette))

    with capture_requests(service.registry) as events:
        for number in range(3):
            service.ask(f"FOO{number}", "/page/1")

    assert [event.method for event in events] == ["_OTHER"] * 3


def test_many_paths_do_not_fill_the_memory() -> None:
    """What is remembered of paths is bounded."""
    service = Service(plain_app, DEFINITIONS)

    for number in range(3000):
        service.ask(path=f"/page/{number}")

    assert service.counts("pages") == (3000, 0)


@pytest.mark.parametrize(
    ("path", "root_path", "counted"),
    [
        ("/proxy/page", "/proxy", "/page"),
        ("/proxy", "/proxy", "/"),
        ("/page", "/proxy", "/page"),  # a server that leaves the root path out of the path
        ("/proxypage", "/proxy", "/proxypage"),  # another path, which begins with the same letters
        ("/proxy/page", "/proxy/", "/page"),
    ],
)
def test_the_root_path_is_taken_off_whole(path: str, root_path: str, counted: str) -> None:
    """It ends where a segment ends."""
    service = Service(plain_app)

    service.ask(path=path, root_path=root_path)

    assert service.only_event.path == counted


def test_a_scope_with_nothing_but_the_necessary() -> None:
    """Optional keys may be missing: root_path, extensions, client, spec_version."""

    async def bare(scope: Any, receive: Any, send: Any) -> None:
        for key in ("root_path", "extensions", "client", "server", "state", "asgi", "query_string", "raw_path"):
            scope.pop(key)
        await service.app(scope, receive, send)

    service = Service(plain_app)

    assert serve(bare).status == 200
    assert service.counts() == (1, 0)
