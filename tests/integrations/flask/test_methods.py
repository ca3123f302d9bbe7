"""Methods, and answers that no view gave: HEAD, OPTIONS, 405, 404, slash redirects, 429."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from flask_service import Service


def shop() -> Flask:
    app = Flask("shop")
    app.add_url_rule("/orders", "orders", lambda: "answer", methods=["GET", "POST"])
    app.add_url_rule("/folder/", "folder", lambda: "answer")
    app.add_url_rule("/items/<int:number>", "item", lambda number: "answer", methods=["DELETE"])
    return app


def test_head_counts_as_get() -> None:
    """For an SLO that takes GET only, too."""
    service = Service(shop(), {"availability": {"target": 0.9, "methods": ["GET"]}})

    answer = service.ask("HEAD", "/orders")

    assert (answer.status, answer.content) == (200, b"")
    assert (service.only_event.method, service.only_event.route) == ("GET", "/orders")
    assert service.counts() == (1, 0)


@pytest.mark.parametrize("headers", [{}, {"HTTP_ORIGIN": "https://x", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}])
def test_options_count_for_nobody(headers: dict[str, str]) -> None:
    """Neither Flask's automatic answer nor a CORS preflight."""
    service = Service(shop())

    assert service.ask("OPTIONS", "/orders", **headers).status == 200

    assert service.events == []


@pytest.mark.parametrize(("path", "route"), [("/orders", "/orders"), ("/items/7", "/items/<int:number>")])
def test_a_method_that_is_not_allowed_is_answered(path: str, route: str) -> None:
    """405 counts for the route whose method was missed, so that an SLO of that route sees it."""
    service = Service(shop(), {"availability": {"target": 0.9, "routes": [route]}})

    assert service.ask("PUT", path).status == 405

    assert (service.only_event.status, service.only_event.route) == (405, route)
    assert service.counts() == (1, 0)


def test_an_unmatched_path_counts_for_nobody() -> None:
    """Scanners and typos are not the service's work."""
    service = Service(shop())

    assert service.ask(path="/wp-login.php").status == 404

    assert service.events == []


def test_an_unmatched_path_counts_where_asked_for() -> None:
    """`"unmatched": True` takes them in, without a route."""
    service = Service(shop(), {"availability": {"target": 0.9, "unmatched": True, "bad_statuses": [404]}})

    service.ask(path="/wp-login.php")

    assert (service.only_event.route, service.counts()) == (None, (0, 1))


def test_a_slash_redirect_counts_for_nobody() -> None:
    """The client asks again at once, and that counts."""
    service = Service(shop())

    assert service.ask(path="/folder").status == 308
    assert service.events == []
    assert service.ask(path="/folder/").status == 200
    assert service.counts() == (1, 0)


def test_a_path_with_a_slash_too_many_counts_for_nobody() -> None:
    """A strict route does not take it: 404."""
    service = Service(shop())

    assert service.ask(path="/orders/").status == 404
    assert service.events == []


def test_a_page_for_404_that_says_200_counts() -> None:
    """An error handler of the user's that answers every path serves a page: an answer like any other."""
    app = shop()
    app.register_error_handler(404, lambda exc: ("index.html", 200))
    service = Service(app)

    assert service.ask(path="/some/client/route").status == 200
    assert (service.only_event.route, service.counts()) == (None, (1, 0))


@pytest.mark.parametrize(("bad_statuses", "counts"), [(["5xx"], (1, 0)), (["5xx", 429], (0, 1))])
def test_a_429_from_a_middleware_counts_as_the_slo_says(bad_statuses: list[object], counts: tuple[int, int]) -> None:
    """A rate limiter inside ours answers before Flask sees the request."""
    app = shop()

    def limit(environ: Any, start_response: Any) -> list[bytes]:
        start_response("429 TOO MANY REQUESTS", [("Retry-After", "1")])
        return [b"slow down"]

    app.wsgi_app = limit  # type: ignore[method-assign]
    service = Service(app, {"availability": {"target": 0.9, "bad_statuses": bad_statuses}})

    assert service.ask(path="/orders").status == 429
    assert (service.only_event.status, service.counts()) == (429, counts)


def test_an_slo_of_one_method_takes_no_other() -> None:
    """`"methods": ["POST"]` leaves GET alone."""
    service = Service(shop(), {"availability": {"target": 0.9, "methods": ["POST"]}})

    service.ask("GET", "/orders")
    service.ask("POST", "/orders")

    assert service.only_event.method == "POST"
