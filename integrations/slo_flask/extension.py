"""The extension, for application factories."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from functools import partial
from inspect import ismethod

from flask import Flask, current_app, has_app_context

from slo_core.config.definitions import DefinitionsConfig
from slo_core.http.markers import slo_exempt, slo_track
from slo_core.http.recorder import HTTPRecorder
from slo_core.tracking.registry import SLORegistry
from slo_flask import commands, conf, metrics, signals, status
from slo_flask.bypass import Bypass
from slo_flask.checks import mistakes
from slo_flask.installation import EXTENSION, Installation, installation_of
from slo_flask.route import RouteTable
from slo_flask.wsgi import FlaskObserver
from slo_wsgi.observer import ObservingMiddleware

__all__ = ["SLO"]


class SLO:
    """
    Counts the requests of Flask applications for the SLOs of their configuration.

    It keeps no state of an application: one object serves any number of them. Make it at module level and call
    `init_app` in the factory.

    Args:
        app: If given, `init_app(app)` is called.
        definitions: As for `init_app`; the default for every application.
    """

    # Marks on views, also before there is an application: `@slo.track("checkout")`, `@slo.exempt`.
    track = staticmethod(slo_track)
    exempt = staticmethod(slo_exempt)

    def __init__(self, app: Flask | None = None, *, definitions: DefinitionsConfig | None = None) -> None:
        self._definitions = definitions
        if app is not None:
            self.init_app(app)

    def init_app(
        self,
        app: Flask,
        *,
        definitions: DefinitionsConfig | None = None,
        registry: SLORegistry | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """
        Count the requests of an application from now on, and mount its metrics.

        The configuration is read here, once. A second call for the same application warns and changes nothing.

        Args:
            app: The application; afterwards `app.extensions["slo"].registry` holds its SLOs.
            definitions: SLOs, in place of `app.config["SLO_DEFINITIONS"]`.
            registry: A registry made elsewhere, in place of definitions, store and service.
            timer: Monotonic seconds; tests pass `slo_core.testing.FakeClock`.

        Raises:
            ConfigError: All problems of the configuration.
        """
        if EXTENSION in app.extensions:
            warnings.warn(f"SLO.init_app was called before for {app!r}; this call does nothing", stacklevel=2)
            return
        if definitions is None and registry is None:
            definitions = self._definitions
        settings, registry = conf.read(app.config, definitions=definitions, registry=registry, url_map=app.url_map)
        if not registry.names():
            warnings.warn(
                "no SLO is defined, nothing is counted; for a start: "
                'app.config["SLO_DEFINITIONS"] = {"availability": {"target": "99.9%"}}',
                stacklevel=2,
            )
        recorder = None
        if settings.enabled:
            # Idle is allowed: a custom SLO may be fed by views marked with `slo_track`.
            recorder = HTTPRecorder(registry, exclude=settings.exclude, timer=timer, may_be_idle=True)
            bypass = Bypass()
            if settings.metrics_path is not None:
                metrics.mount(app, settings.metrics_path, registry, token=settings.metrics_token, bypass=bypass)
            if settings.status_path is not None:
                status.mount(app, settings.status_path, registry, token=settings.metrics_token, bypass=bypass)
            signals.connect()
            routes = RouteTable(app, recorder, metrics_path=settings.metrics_path, status_path=settings.status_path)
            find_mistakes = partial(mistakes, app, registry, routes, app.wsgi_app, exclude=settings.exclude)
            observer = FlaskObserver(app.wsgi_app, recorder, routes, mistakes=find_mistakes)
            # To call a method takes less time than a middleware; a middleware of the application's own may have a state.
            is_method = ismethod(app.wsgi_app)
            app.wsgi_app = observer.serve if is_method else ObservingMiddleware(app.wsgi_app, observer)  # type: ignore[method-assign]  # Flask's own way
        app.cli.add_command(commands.slo)
        app.extensions[EXTENSION] = Installation(settings=settings, registry=registry, recorder=recorder)

    @property
    def registry(self) -> SLORegistry:
        """
        The SLOs of the current application.

        Raises:
            RuntimeError: There is no application context, or `init_app` was not called for its application.
        """
        if not has_app_context():
            raise RuntimeError(
                "SLO.registry belongs to an application, and there is no application context; "
                'use `with app.app_context():`, or app.extensions["slo"].registry'
            )
        return installation_of(current_app).registry
