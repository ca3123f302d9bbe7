"""Answers and failures: each request counts once, good or bad by what went out on the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from asgi_service import Service

Build = Callable[[], Any]


async def plain_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["path"] == "/boom":
        raise RuntimeError("boom")
    if scope["path"] == "/abort":
        raise SystemExit(1)
    status = int(scope["path"].rpartition("/")[2])
    scope["slo_route"] = "/status/{code}"
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"answer"})


async def answer(request: Request) -> Response:
    return PlainTextResponse("answer", int(request.path_params["code"]))


def boom(request: Request) -> Response:
    raise RuntimeError("boom")


async def abort(request: Request) -> Response:
    raise SystemExit(1)


async def refuse(request: Request) -> Response:
    raise HTTPException(403)


ROUTES: dict[str, Any] = {"/status/{code:int}": answer, "/boom": boom, "/abort": abort, "/refuse": refuse}


def starlette_app(*, debug: bool = False) -> Starlette:
    return Starlette(debug=debug, routes=[Route(path, view) for path, view in ROUTES.items()])


def fastapi_app(*, debug: bool = False) -> FastAPI:
    app = FastAPI(debug=debug)
    for path, view in ROUTES.items():
        app.get(path)(view)
    return app


def services(*, debug: bool = False) -> list[Any]:
    """The middleware around a plain application, and around and inside of the frameworks'."""
    params = [pytest.param(lambda: Service(plain_app), id="plain")]
    for build in (starlette_app, fastapi_app):
        for inside in (True, False):
            make = partial(lambda build, inside: Service(build(debug=debug), inside=inside), build, inside)
            params.append(pytest.param(make, id=f"{build.__name__}-{'inside' if inside else 'around'}"))
    return params


@pytest.mark.parametrize("build", services())
@pytest.mark.parametrize(
    ("status", "good"), [(200, True), (204, True), (302, True), (404, True), (429, True), (500, False), (503, False)]
)
def test_an_answer_is_good_below_500(build: Build, status: int, good: bool) -> None:
    """4xx are answers, 5xx are failures; both count once."""
    service = build()

    assert service.ask(path=f"/status/{status}").status == status
    assert (service.only_event.status, service.only_event.outcomes) == (status, {"availability": good})
    assert service.counts() == ((1, 0) if good else (0, 1))


@pytest.mark.parametrize("build", [*services(), *services(debug=True)])
def test_an_unhandled_exception_is_bad_and_reaches_the_server(build: Build) -> None:
    """The client gets a 500; the exception travels on as if we were not there, with debug pages as well."""
    service = build()

    assert isinstance(service.ask(path="/boom").exception, RuntimeError)
    assert service.only_event.status == 500
    assert service.counts() == (0, 1)


@pytest.mark.parametrize("build", services())
def test_system_exit_from_a_worker_that_aborts_is_bad(build: Build) -> None:
    """gunicorn aborts a hanging worker with SystemExit: the request failed, and the exit goes on."""
    service = build()

    with pytest.raises(SystemExit):
        service.ask(path="/abort")

    assert isinstance(service.only_event.exception, SystemExit)
    assert service.counts() == (0, 1)


@pytest.mark.parametrize("build", [starlette_app, fastapi_app])
def test_an_exception_that_means_4xx_is_an_answer(build: Build) -> None:
    """HTTPException is how views answer 403."""
    service = Service(build(), inside=True)

    assert service.ask(path="/refuse").status == 403
    assert service.only_event.exception is None
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("build", [starlette_app, fastapi_app])
def test_a_handled_exception_is_what_its_handler_answers(build: Build) -> None:
    """An exception handler of the user's that answers 503 is a 503; one that answers 400 is an answer."""

    async def handler(request: Request, exc: Exception) -> Response:
        return PlainTextResponse("sorry", 400)

    app = build()
    app.add_exception_handler(RuntimeError, handler)
    service = Service(app, inside=True)

    assert service.ask(path="/boom").status == 400
    assert service.counts() == (1, 0)


def test_an_unhandled_exception_is_bad_whatever_the_bad_statuses_are() -> None:
    """`bad_statuses` without 5xx forgives a 503 that was meant, never an exception."""
    service = Service(starlette_app(), {"availability": {"target": 0.9, "bad_statuses": [429]}}, inside=True)

    service.ask(path="/status/503")
    service.ask(path="/boom")

    assert [event.outcomes["availability"] for event in service.events] == [True, False]


class Failing:
    """A middleware of the user's that raises."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("middleware")


class Early:
    """A middleware of the user's that answers by itself."""

    def __init__(self, app: Any, status: int = 503) -> None:
        self.app = app
        self.status = status

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await PlainTextResponse("early", self.status)(scope, receive, send)


@pytest.mark.parametrize("build", [starlette_app, fastapi_app])
def test_an_exception_in_a_middleware_inside_ours_is_bad(build: Build) -> None:
    """No route was asked, the request failed all the same."""
    app = build()
    app.add_middleware(Failing)
    service = Service(app, inside=True)

    assert service.ask(path="/status/200").status == 500
    assert service.only_event.route is None
    assert service.counts() == (0, 1)


@pytest.mark.parametrize("build", [starlette_app, fastapi_app])
@pytest.mark.parametrize(("status", "counts"), [(200, (1, 0)), (429, (1, 0)), (503, (0, 1)), (404, (0, 0))])
def test_an_early_answer_of_a_middleware_inside_ours_counts(build: Build, status: int, counts: tuple[int, int]) -> None:
    """By its status, without a route; a 404 that no route gave is unmatched."""
    app = build()
    app.add_middleware(Early, status=status)
    service = Service(app, inside=True)

    assert service.ask(path="/status/200").status == status
    assert service.counts() == counts


def test_an_early_answer_of_a_middleware_outside_ours_is_not_seen() -> None:
    """What does not reach the middleware cannot count: add it last."""
    service = Service(starlette_app(), inside=True)
    service.app = Early(service.app)

    assert service.ask(path="/status/200").status == 503
    assert service.events == []


async def breaks_off(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})
    raise RuntimeError("midway")


async def forgets_the_end(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one", "more_body": True})


async def answers_without_route(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("answer", int(scope["path"][1:]))(scope, receive, send)


async def says_nothing(scope: Any, receive: Any, send: Any) -> None:
    pass


async def async_chunks() -> AsyncIterator[bytes]:
    yield b"one"
    raise RuntimeError("midway")


def sync_chunks() -> Iterator[bytes]:
    yield b"one"
    raise RuntimeError("midway")


def streaming(framework: type[Any], chunks: Callable[[], Any]) -> Any:
    app = framework()

    async def view(request: Request) -> Response:
        return StreamingResponse(chunks())

    app.add_route("/", view)
    return app


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("framework", [Starlette, FastAPI])
@pytest.mark.parametrize("chunks", [async_chunks, sync_chunks])
@pytest.mark.parametrize("spec_version", ["2.3", "2.4"])
def test_a_stream_that_breaks_off_is_bad_though_200_went_out(
    framework: type[Any], chunks: Any, inside: bool, spec_version: str
) -> None:
    """The client has half an answer."""
    service = Service(streaming(framework, chunks), inside=inside)

    given = service.ask(spec_version=spec_version)

    assert (given.status, given.body) == (200, b"one")
    assert given.exception is not None
    assert service.only_event.status == 200
    assert service.counts() == (0, 1)


def test_an_exception_after_the_response_started_is_bad() -> None:
    """The same without a framework."""
    service = Service(breaks_off)

    service.ask()

    assert isinstance(service.only_event.exception, RuntimeError)
    assert service.counts() == (0, 1)


def test_an_application_that_returns_in_the_middle_of_its_response_failed() -> None:
    """Servers close the connection: the client has half an answer."""
    service = Service(forgets_the_end)

    assert service.ask().exception is None
    assert service.only_event.status == 200
    assert service.counts() == (0, 1)


def test_an_application_that_answers_nothing_failed() -> None:
    """Servers make a 500 of it."""
    service = Service(says_nothing)

    service.ask()

    assert service.only_event.status == 500
    assert service.counts() == (0, 1)


@pytest.mark.parametrize(
    ("status", "counts"), [(200, (1, 0)), (400, (1, 0)), (503, (0, 1)), (404, (0, 0)), (307, (0, 0))]
)
def test_an_application_without_routes_counts_what_it_answers(status: int, counts: tuple[int, int]) -> None:
    """Where no route is known, a 404 or a redirect is unmatched; everything else counts."""
    service = Service(answers_without_route)

    service.ask(path=f"/{status}")

    assert service.counts() == counts


def test_unmatched_requests_count_where_the_definition_asks_for_them() -> None:
    """`"unmatched": True` takes the 404 of an unknown path in."""
    service = Service(starlette_app(), {"availability": {"target": 0.9, "unmatched": True, "bad_statuses": [404]}})

    assert service.ask(path="/nowhere").status == 404
    assert service.counts() == (0, 1)
