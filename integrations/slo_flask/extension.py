"""The Flask extension: configuration, the metrics route, and one wrapper around the WSGI application."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import Flask, Response, current_app, got_request_exception, has_app_context, request

from slo_core.config import DefinitionsConfig
from slo_core.errors import ConfigError, Problem
from slo_core.http import HTTPRecorder, exempt_request
from slo_core.markers import slo_exempt, slo_track
from slo_core.metrics_view import MetricsView
from slo_core.registry import SLORegistry
from slo_core.settings import SLOSettings, unknown_settings
from slo_flask.commands import slo_commands
from slo_flask.wsgi import CountedWSGI, note_exception

__all__ = ["SLO", "SLOState"]

EXTENSION_NAME = "slo"
METRICS_ENDPOINT = "slo_metrics"
# The view answers 405 itself, to whatever comes.
_EVERY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

V = TypeVar("V", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class SLOState:
    """
    What the extension keeps for one application, in `app.extensions["slo"]`.

    Attributes:
        registry: Its SLOs.
        settings: How they run.
    """

    registry: SLORegistry
    settings: SLOSettings


class SLO:
    """
    Counts the requests of Flask applications. One object serves any number of them; it keeps none.

    Args:
        app: An application to initialise at once.
        clock: Seconds since the epoch; tests pass `slo_core.testing.FakeClock`.
        timer: Monotonic seconds; tests pass the same.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._clock = clock
        self._timer = timer
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """
        Count the requests of an application, as its `SLO_` configuration says.

        Wraps `app.wsgi_app`, adds the metrics route and `flask slo`. A second call on one application changes
        nothing and warns.

        Raises:
            ConfigError: Every problem of the configuration at once.
            StoreError: The store's URL is unknown or refused.
        """
        if EXTENSION_NAME in app.extensions:
            warnings.warn("SLO.init_app() was called twice on one application; the first call stands", stacklevel=2)
            return
        settings, registry = _configured(app, clock=self._clock)
        app.extensions[EXTENSION_NAME] = SLOState(registry, settings)
        app.cli.add_command(slo_commands(registry))
        if not settings.enabled:
            return
        # Idle is allowed: custom SLOs may be fed by views marked with `slo_track`.
        recorder = HTTPRecorder(registry, exclude=settings.exclude, timer=self._timer, may_be_idle=True)
        app.wsgi_app = CountedWSGI(app.wsgi_app, app, recorder)  # type: ignore[method-assign]  # as Flask's manual says
        got_request_exception.connect(note_exception, app)
        if settings.metrics_path is not None:
            app.add_url_rule(
                settings.metrics_path,
                endpoint=METRICS_ENDPOINT,
                view_func=_metrics_view(registry, settings.metrics_token),
                methods=_EVERY_METHOD,
                provide_automatic_options=False,
            )

    @property
    def registry(self) -> SLORegistry:
        """
        The SLOs of the current application.

        Raises:
            RuntimeError: No application is current, or it was not initialised.
        """
        if not has_app_context():
            raise RuntimeError(
                "SLO.registry: no application is current; use `with app.app_context():`, "
                'or app.extensions["slo"].registry'
            )
        state = current_app.extensions.get(EXTENSION_NAME)
        if not isinstance(state, SLOState):
            raise RuntimeError("SLO.registry: call slo.init_app(app) on this application first")
        return state.registry

    def track(self, *names: str) -> Callable[[V], V]:
        """Mark a view: its requests count for these SLOs; the same as `slo_track`."""
        return slo_track(*names)

    def exempt(self, view: V) -> V:
        """Mark a view: its requests count for no SLO; the same as `slo_exempt`."""
        return slo_exempt(view)


def _configured(app: Flask, *, clock: Callable[[], float]) -> tuple[SLOSettings, SLORegistry]:
    """Settings and registry of an application, all problems gathered."""
    names = [name for name in app.config if isinstance(name, str)]
    problems = [_in_config(problem) for problem in unknown_settings(names)]
    settings, definitions = SLOSettings(), app.config.get("SLO_DEFINITIONS")
    try:
        settings = SLOSettings.from_mapping(app.config)
    except ConfigError as exc:
        problems += [_in_config(problem) for problem in exc.problems]
    if definitions is None:
        problems.append(
            Problem("app.config['SLO_DEFINITIONS']", "missing", 'for a start: {"availability": {"target": "99.9%"}}')
        )
        raise ConfigError(problems)
    try:
        registry = _registry(definitions, settings, clock=clock, is_checked=not problems)
    except ConfigError as exc:
        raise ConfigError([*problems, *exc.problems]) from None
    if problems:
        raise ConfigError(problems)
    return settings, registry


def _registry(
    definitions: DefinitionsConfig, settings: SLOSettings, *, clock: Callable[[], float], is_checked: bool
) -> SLORegistry:
    return SLORegistry.from_config(
        definitions,
        # With a mistake elsewhere this registry is thrown away: open no store for it.
        store=settings.store if is_checked else None,
        store_options=settings.store_options if is_checked else None,
        service=settings.service,
        clock=clock,
        where="app.config['SLO_DEFINITIONS']",
    )


def _in_config(problem: Problem) -> Problem:
    return Problem(f"app.config[{problem.path!r}]", problem.message, problem.hint)


def _metrics_view(registry: SLORegistry, token: str | None) -> Callable[[], Response]:
    view = MetricsView(registry, token=token)

    def metrics() -> Response:
        exempt_request(request.environ)
        headers = request.headers
        answer = view.respond(
            request.method,
            accept=headers.get("Accept", ""),
            accept_encoding=headers.get("Accept-Encoding", ""),
            authorization=headers.get("Authorization", ""),
            query=request.query_string.decode("latin-1"),
        )
        return Response(answer.body, status=answer.status, headers=list(answer.headers))

    return metrics
