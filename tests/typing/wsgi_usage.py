"""What users of any WSGI framework write; it must pass `mypy --strict`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, assert_type
from wsgiref.simple_server import make_server

from slo_core import HTTPRule, SLODefinition, SLORegistry
from slo_wsgi import SLOMiddleware, metrics_wsgi_app, slo_failed, slo_outcome, status_wsgi_app

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

registry = SLORegistry()
tracker = registry.define(SLODefinition("availability", 0.999, http=HTTPRule(routes=("/orders/*",))))
metrics = metrics_wsgi_app(registry, token="secret")
status = status_wsgi_app(registry, path="/internal/slo", token="secret")


def service(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """An application that names its route and says how it went."""
    if environ["PATH_INFO"] == "/metrics":
        return metrics(environ, start_response)
    if environ["PATH_INFO"].startswith("/internal/slo"):
        return status(environ, start_response)
    environ["slo_route"] = "/orders/{order}"
    slo_failed(environ, reason="out_of_stock")
    slo_outcome(environ, True)
    start_response("200 OK", [])
    return [b"hello"]


def is_good(status: int, exception: BaseException | None) -> bool:
    """A classifier."""
    return exception is None and status < 400


app: WSGIApplication = SLOMiddleware(service, registry=registry, exclude=["/healthz"])
strict = SLOMiddleware(app, registry=registry, slo_name="availability", classify=is_good)
alone = SLOMiddleware(strict, tracker=tracker)
assert_type(alone, SLOMiddleware)


def serve() -> None:
    """Any WSGI server takes it."""
    with make_server("127.0.0.1", 0, alone) as server:
        server.handle_request()


def refuse() -> None:
    """What is wrong is seen before it runs."""
    SLOMiddleware(service, registry="availability")  # type: ignore[arg-type]  # a registry
    metrics_wsgi_app("memory://")  # type: ignore[arg-type]  # a registry
