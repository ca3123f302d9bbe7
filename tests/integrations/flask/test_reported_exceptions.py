"""Exceptions that are reported by Flask's signal: the status on the wire decides, except for Flask's own last resort."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Blueprint, Flask, Response, abort, got_request_exception, request_started
from flask_restful import Api, Resource
from werkzeug.exceptions import InternalServerError, ServiceUnavailable
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_service import Service
from slo_core import SLORegistry
from slo_wsgi import SLOMiddleware
from wsgi_driver import serve


def report(exception: Exception) -> None:
    """What error trackers are told by, and what extensions send."""
    got_request_exception.send(Flask("anything"), exception=exception)


def in_a_view(app: Flask, answer: Any) -> None:
    @app.get("/")
    def view() -> Any:
        try:
            raise ConnectionError("the recommendations are away")
        except ConnectionError as exc:
            report(exc)
        return answer


def in_an_error_handler(app: Flask, answer: Any) -> None:
    @app.errorhandler(ValueError)
    def explain(exc: ValueError) -> Any:
        report(exc)
        return answer

    app.add_url_rule("/", "view", lambda: int("x"))


def in_a_blueprints_error_handler(app: Flask, answer: Any) -> None:
    blueprint = Blueprint("numbers", __name__)
    blueprint.add_url_rule("/", "view", lambda: int("x"))

    @blueprint.errorhandler(ValueError)
    def explain(exc: ValueError) -> Any:
        report(exc)
        return answer

    app.register_blueprint(blueprint)


def before_the_request(app: Flask, answer: Any) -> None:
    app.add_url_rule("/", "view", lambda: "never called")

    @app.before_request
    def refuse() -> Any:
        report(PermissionError("the session store is away"))
        return answer


REPORTS = [in_a_view, in_an_error_handler, in_a_blueprints_error_handler, before_the_request]


@pytest.mark.parametrize("place", REPORTS)
@pytest.mark.parametrize(
    ("status", "counts"), [(200, (1, 0)), (302, (1, 0)), (422, (1, 0)), (500, (0, 1)), (503, (0, 1))]
)
def test_an_exception_that_the_application_reports_itself_is_what_it_answers(
    place: Callable[[Flask, Any], None], status: int, counts: tuple[int, int]
) -> None:
    """The signal is for error trackers; what the client got is the answer."""
    app = Flask("shop")
    place(app, ("answer", status))
    service = Service(app)

    assert service.ask().status == status
    assert (service.only_event.exception is None) == (status < 500)
    assert service.counts() == counts


@pytest.mark.parametrize(
    ("status", "counts"), [(200, (0, 1)), (302, (0, 1)), (400, (1, 0)), (422, (1, 0)), (500, (0, 1)), (503, (0, 1))]
)
@pytest.mark.parametrize("reports_too", [False, True])
def test_an_unhandled_exception_is_the_error_page_from_400_and_bad_below(
    status: int, counts: tuple[int, int], reports_too: bool
) -> None:
    """`errorhandler(500)` makes the page of Flask's last resort: a page that says 200 hides a failure, a 4xx is an answer."""
    app = Flask("shop")
    app.add_url_rule("/", "view", lambda: 1 / 0)

    @app.errorhandler(500)
    def page(exc: Exception) -> tuple[str, int]:
        if reports_too:
            report(exc)
        return "sorry", status

    service = Service(app)

    assert service.ask().status == status
    assert isinstance(service.only_event.exception, ZeroDivisionError)
    assert service.counts() == counts


def test_an_unhandled_exception_after_one_that_was_reported_is_the_one_that_counts() -> None:
    """The view handled the first."""
    app = Flask("shop")

    @app.get("/")
    def view() -> str:
        report(ConnectionError())
        raise RuntimeError("a bug")

    app.register_error_handler(500, lambda exc: ("sorry", 200))
    service = Service(app)

    service.ask()

    assert str(service.only_event.exception) == "a bug"
    assert service.counts() == (0, 1)


def test_a_stream_that_fails_after_a_report_stays_bad() -> None:
    """Its 200 is on the wire, and half of its answer."""
    app = Flask("shop")

    @app.get("/")
    def stream() -> Response:
        report(ConnectionError("handled"))

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise RuntimeError("midway")

        return Response(chunks())

    service = Service(app)

    service.ask()

    assert str(service.only_event.exception) == "midway"
    assert service.counts() == (0, 1)


def test_a_report_while_a_good_stream_runs_changes_nothing() -> None:
    """The stream handled it."""
    app = Flask("shop")

    @app.get("/")
    def stream() -> Response:
        from flask import stream_with_context

        def chunks() -> Iterator[bytes]:
            yield b"one"
            report(ConnectionError("handled"))
            yield b"two"

        return Response(stream_with_context(chunks()))

    service = Service(app)

    assert service.ask().content == b"onetwo"
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("status", [200, 409])
def test_a_mounted_application_that_we_are_not_installed_in_has_a_last_resort_too(status: int) -> None:
    """The signal of its `handle_exception` counts the same."""
    mounted = Flask("mounted")
    mounted.add_url_rule("/", "view", lambda: 1 / 0)
    mounted.register_error_handler(500, lambda exc: ("sorry", status))
    app = Flask("root")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/m": mounted})  # type: ignore[method-assign]
    service = Service(app)

    assert service.ask(path="/m/").status == status
    assert service.counts() == ((1, 0) if status == 409 else (0, 1))


def test_an_application_class_with_a_last_resort_of_its_own_is_seen() -> None:
    """It calls Flask's, and changes the answer."""

    class Shop(Flask):
        def handle_exception(self, e: Exception) -> Response:
            super().handle_exception(e)
            return Response("sorry", 200)

    app = Shop("shop")
    app.add_url_rule("/", "view", lambda: 1 / 0)
    service = Service(app)

    assert service.ask().status == 200
    assert service.counts() == (0, 1)


class NameIsTaken(Exception):
    pass


class Names(Resource):
    def get(self) -> list[str]:
        return []

    def post(self) -> None:
        raise NameIsTaken

    def put(self) -> None:
        raise RuntimeError("a bug")

    def delete(self) -> None:
        abort(503)

    def patch(self) -> None:
        abort(404)


@pytest.mark.parametrize("is_first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("prefix", ["", "/api"])
def test_flask_restful_answers_the_exceptions_that_it_knows(is_first: bool, prefix: str) -> None:
    """`errors=` maps them to answers; what it does not know becomes 500. The signal comes for all of them."""
    app = Flask("shop")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    errors = {"NameIsTaken": {"message": "that name is taken", "status": 409}}
    if is_first:
        Api(app, errors=errors, prefix=prefix).add_resource(Names, "/names")
    service = Service(app)
    if not is_first:
        Api(app, errors=errors, prefix=prefix).add_resource(Names, "/names")

    statuses = [service.ask(method, f"{prefix}/names").status for method in ("GET", "POST", "PATCH", "PUT", "DELETE")]

    assert statuses == [200, 409, 404, 500, 503]
    assert [event.outcomes["availability"] for event in service.events] == [True, True, True, False, False]


class Retry:
    """
    A middleware inside ours that asks again where the answer is 500, or where an exception comes out.

    Args:
        app: The application.
        times: How often it asks at most.
        environ_of: Makes the environ of each attempt.
    """

    def __init__(self, app: Flask, *, times: int, environ_of: Callable[[Any], Any] = lambda environ: environ) -> None:
        self.wsgi_app, self.times, self.environ_of = app.wsgi_app, times, environ_of
        app.wsgi_app = self  # type: ignore[method-assign]

    def __call__(self, environ: Any, start_response: Any) -> Any:
        for _ in range(self.times):
            kept: list[Any] = []
            try:
                chunks = list(self.wsgi_app(self.environ_of(environ), lambda *given: kept.append(given)))  # noqa: B023
            except LookupError:
                kept, chunks = [("500 Gave Up", [])], [b""]
            if kept[0][0].startswith("200"):
                break
        start_response(*kept[0])
        return chunks


@pytest.mark.parametrize("propagate", [True, False])
@pytest.mark.parametrize(("times", "counts"), [(1, (0, 1)), (2, (0, 1)), (3, (1, 0))])
def test_a_request_that_is_tried_again_is_what_it_answers_in_the_end(
    propagate: bool, times: int, counts: tuple[int, int]
) -> None:
    """The exceptions of the first two attempts reached Flask's last resort, and no client."""
    app = Flask("shop")
    app.config["PROPAGATE_EXCEPTIONS"] = propagate
    attempts: list[int] = []

    @app.get("/")
    def view() -> str:
        attempts.append(1)
        if len(attempts) < 3:
            raise LookupError("a deadlock")
        return "done"

    app.add_url_rule("/other", "other", lambda: "answer")
    Retry(app, times=times)
    service = Service(app)

    service.ask()
    assert service.counts() == counts

    service.ask(path="/other")
    assert service.counts() == (counts[0] + 1, counts[1])
    assert not request_started.receivers


def counts_of(registry: SLORegistry, name: str) -> tuple[int, int]:
    snapshot = registry[name].snapshot()
    return snapshot.total - snapshot.failures, snapshot.failures


@pytest.mark.parametrize("environ_of", [dict, lambda environ: environ], ids=["a copy", "the same"])
@pytest.mark.parametrize(
    ("attempts", "outer"),
    [
        ([LookupError("a deadlock"), "done"], (1, 0)),
        ([ServiceUnavailable(), LookupError("a deadlock")], (0, 1)),
        ([LookupError("a deadlock"), LookupError("a deadlock")], (0, 1)),
    ],
)
def test_an_installation_around_a_retry_counts_the_last_attempt(
    environ_of: Callable[[Any], Any], attempts: list[Any], outer: tuple[int, int]
) -> None:
    """The one inside, with SLOs of its own, has counted the first: the exception of another attempt goes to the outer one."""
    app = Flask("shop")
    left = list(attempts)

    @app.get("/")
    def view() -> str:
        attempt = left.pop(0)
        if isinstance(attempt, Exception):
            raise attempt
        return str(attempt)

    @app.errorhandler(InternalServerError)
    def explain(exc: InternalServerError) -> Any:
        return "sorry", 500 if left else 200  # the last error page hides its exception

    inner = Service(app, {"inner": {"target": 0.9}})
    Retry(app, times=2, environ_of=environ_of)
    registry = SLORegistry.from_config({"outer": {"target": 0.9}})

    serve(SLOMiddleware(app, registry=registry))

    assert counts_of(registry, "outer") == outer
    assert inner.counts("inner") == (0, 1)
    inner.ask(path="/nowhere")
    assert not request_started.receivers


@pytest.mark.parametrize(("status", "counts"), [("200 Sorry", (1, 0)), ("503 Sorry", (0, 1))])
def test_an_exception_that_a_middleware_around_flask_answers_is_that_answer(
    status: str, counts: tuple[int, int]
) -> None:
    """Where Flask hands exceptions on, its last resort answers nothing."""
    app = Flask("shop")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    app.add_url_rule("/", "view", lambda: int("x"))
    inner = app.wsgi_app

    def answering(environ: Any, start_response: Any) -> Any:
        try:
            return inner(environ, start_response)
        except ValueError:
            start_response(status, [])
            return [b"sorry"]

    app.wsgi_app = answering  # type: ignore[method-assign]
    service = Service(app)

    service.ask()

    assert service.counts() == counts
