"""Several installations: each SLO counts a request once, and applications know nothing of each other."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from flask_service import AVAILABILITY, Service
from slo_core import SLORegistry
from slo_flask import SLO
from wsgi_driver import environ_of, serve


def app_with(name: str, path: str = "/") -> Flask:
    app = Flask(name)
    app.add_url_rule(path, "view", lambda: name)
    app.add_url_rule("/boom", "boom", lambda: 1 / 0)
    return app


def counts(registry: SLORegistry, name: str = "availability") -> tuple[int, int]:
    snap = registry[name].snapshot()
    return snap.total - snap.failures, snap.failures


def test_a_second_init_app_warns_and_changes_nothing() -> None:
    """The request counts once, by the first configuration."""
    service = Service(app_with("shop"))
    installed, middleware = service.app.extensions["slo"], service.app.wsgi_app

    with pytest.warns(UserWarning, match=r"init_app was called before for <Flask 'shop'>"):
        SLO().init_app(service.app, definitions={"other": {"target": 0.9}})

    service.ask()
    assert service.app.extensions["slo"] is installed
    assert service.app.wsgi_app is middleware
    assert service.counts() == (1, 0)


def test_one_extension_serves_two_applications() -> None:
    """The object at module level keeps nothing of an application."""
    slo = SLO(definitions=AVAILABILITY)
    first, second = app_with("first"), app_with("second")
    slo.init_app(first)
    slo.init_app(second)

    serve(first)
    serve(second)
    serve(second, path="/boom")

    with first.app_context():
        assert counts(slo.registry) == (1, 0)
    with second.app_context():
        assert counts(slo.registry) == (1, 1)
    assert first.extensions["slo"].registry is not second.extensions["slo"].registry


def test_an_application_mounted_inside_counts_for_the_outer_one_only() -> None:
    """Both have an SLO of the same name: the outermost wins."""
    inner = Service(app_with("inner", "/page"))
    root = app_with("root")
    root.wsgi_app = DispatcherMiddleware(root.wsgi_app, {"/inner": inner.app})  # type: ignore[method-assign]
    outer = Service(root)

    assert outer.ask(path="/inner/page").content == b"inner"
    assert outer.only_event.route == "/inner/page"
    assert (outer.counts(), inner.counts()) == ((1, 0), (0, 0))


def test_slos_of_another_name_count_in_a_mounted_application_too() -> None:
    """Two SLOs in two installations both count, also an exception that Flask answers."""
    inner = Service(app_with("inner", "/page"), {"inner-availability": {"target": 0.9}})
    root = app_with("root")
    root.wsgi_app = DispatcherMiddleware(root.wsgi_app, {"/inner": inner.app})  # type: ignore[method-assign]
    outer = Service(root)

    outer.ask(path="/inner/page")
    outer.ask(path="/inner/boom")

    assert [(event.route, type(event.exception)) for event in outer.events] == [
        ("/inner/page", type(None)),
        ("/inner/boom", ZeroDivisionError),
    ]
    assert [(event.route, type(event.exception)) for event in inner.events] == [
        ("/page", type(None)),
        ("/boom", ZeroDivisionError),
    ]
    assert (outer.counts(), inner.counts("inner-availability")) == ((1, 1), (1, 1))


def test_a_service_of_another_name_counts_for_itself() -> None:
    """Two services with an SLO `availability` never mix."""
    inner = app_with("inner")
    inner.config.update(SLO_DEFINITIONS=AVAILABILITY, SLO_SERVICE="inner")
    SLO(inner)
    root = app_with("root")
    root.wsgi_app = DispatcherMiddleware(root.wsgi_app, {"/inner": inner})  # type: ignore[method-assign]
    outer = Service(root)

    outer.ask(path="/inner/")

    assert (outer.counts(), counts(inner.extensions["slo"].registry)) == ((1, 0), (1, 0))


def test_an_slo_added_later_counts_from_then_on() -> None:
    """A registry may be filled while the service runs."""
    service = Service(app_with("shop"))
    service.ask()
    later = SLORegistry.from_config({"later": {"target": 0.9}}, clock=service.clock)["later"]
    service.registry.add(later)

    service.ask()

    assert (service.counts(), service.counts("later")) == ((2, 0), (1, 0))


def test_the_registry_needs_an_application_context() -> None:
    """Without one the message says what to write."""
    slo = SLO()

    with pytest.raises(RuntimeError, match=r"with app\.app_context\(\)"):
        slo.registry  # noqa: B018


def test_the_registry_of_an_application_without_slos_says_what_is_missing() -> None:
    """`init_app` was forgotten."""
    with Flask("shop").app_context(), pytest.raises(RuntimeError, match=r"'shop' has no SLOs; call slo\.init_app"):
        SLO().registry  # noqa: B018


def test_an_application_that_goes_away_takes_everything_with_it() -> None:
    """Nothing global keeps it: tests make applications by the thousand."""
    service = Service(app_with("shop"))
    service.ask()
    app = weakref.ref(service.app)

    del service
    gc.collect()

    assert app() is None


def garbage_of_fifty_requests(app: Flask) -> int:
    """Objects that only the garbage collector could free; a server's own loop keeps no cycle."""

    def ask() -> None:
        body = app(environ_of(), lambda status, headers, exc_info=None: lambda data: None)
        for _ in body:
            pass
        body.close()  # type: ignore[attr-defined]

    ask()
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            ask()
        return gc.collect()
    finally:
        gc.enable()


def test_a_request_leaves_nothing_more_to_the_garbage_collector_than_flask_does() -> None:
    """No cycle through the environ: memory is given back at the end of the request, not some time later."""
    service = Service(app_with("shop"))
    service.registry.internals.request_listeners.clear()

    assert garbage_of_fifty_requests(service.app) <= garbage_of_fifty_requests(app_with("plain"))


def test_an_exception_that_passed_is_let_go_of() -> None:
    """Its traceback leads to us; were it kept, both would wait for the garbage collector."""

    class Oops(Exception):
        pass

    def broken(environ: Any, start_response: Any) -> Any:
        raise Oops

    app = Flask("shop")
    app.wsgi_app = broken  # type: ignore[method-assign]
    service = Service(app)
    service.registry.internals.request_listeners.clear()
    passed: list[weakref.ref[Oops]] = []
    gc.disable()
    try:
        try:
            service.app(environ_of(), lambda status, headers, exc_info=None: lambda data: None)
        except Oops as exc:
            passed.append(weakref.ref(exc))

        assert [exception() for exception in passed] == [None]
    finally:
        gc.enable()
    assert service.counts() == (0, 1)


def test_a_middleware_with_a_state_is_still_reached_as_the_wsgi_app() -> None:
    """It stood in `app.wsgi_app` before, and the application goes on to ask it (calibre-web: `app.wsgi_app.script_name`)."""

    class Prefixed:
        def __init__(self, app: Flask) -> None:
            self.script_name, self.app = "/books", app.wsgi_app

        def __call__(self, environ: Any, start_response: Any) -> Any:
            return self.app(environ, start_response)

    app = app_with("shop")
    app.wsgi_app = Prefixed(app)  # type: ignore[method-assign]
    service = Service(app)
    service.ask()

    assert app.wsgi_app.script_name == "/books"  # type: ignore[attr-defined]
    assert service.counts() == (1, 0)
