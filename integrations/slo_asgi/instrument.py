"""FastAPI and Starlette in one line."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from slo_asgi.metrics import MetricsApp
from slo_asgi.outermost import observe_outermost
from slo_asgi.route_table import RouteTable, is_mount
from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.config.definitions import DefinitionsConfig
from slo_core.config.settings import SLOSettings
from slo_core.conventions import DEFAULT_METRICS_PATH, DEFAULT_SERVICE, DEFAULT_STORE
from slo_core.http.lifespan import ASGIApp
from slo_core.http.recorder import HTTPRecorder
from slo_core.stores.base import Store
from slo_core.tracking.registry import SLORegistry

__all__ = ["Application", "instrument"]


class Application(Protocol):
    """The part of an application that `instrument` needs; FastAPI and Starlette have it."""

    @property
    def state(self) -> Any: ...

    @property
    def router(self) -> Any: ...

    @property
    def routes(self) -> Any: ...

    @property
    def middleware_stack(self) -> ASGIApp | None: ...

    @property
    def build_middleware_stack(self) -> Callable[[], ASGIApp]: ...


def instrument(
    app: Application,
    definitions: DefinitionsConfig,
    *,
    store: Store | str = DEFAULT_STORE,
    store_options: Mapping[str, object] | None = None,
    flush_interval: float | None = None,
    exclude: Iterable[str] = (),
    metrics_path: str | None = DEFAULT_METRICS_PATH,
    metrics_token: str | None = None,
    status_path: str | None = None,
    enabled: bool = True,
    service: str = DEFAULT_SERVICE,
    release: str | None = None,
    metrics_causes: bool = False,
    recent_failures: int = DEFAULT_RECENT_FAILURES,
    request_id_header: str | None = None,
    trace_url: str | None = None,
    clock: Callable[[], float] = time.time,
    timer: Callable[[], float] = time.perf_counter,
) -> SLORegistry:
    """
    Count the requests of a FastAPI or Starlette application and give it a metrics view.

    Call it before the application starts; the order of your own `add_middleware` calls does not matter. Requests are
    observed around all middleware and exception handlers, and once more around the router. The registry is also at
    `app.state.slo_registry`. A second call on the same application changes nothing, warns, and returns the registry of the
    first. Routes may be added before or after: the views of slo-suite come before a mount or a pattern that would take
    their paths. If an earlier route has the very path, that one answers, and a warning says so.

    Args:
        app: The application.
        definitions: A mapping of SLO names to options, a list of mappings with `name`, or `SLODefinition` objects.
        store: URL of the store, or a `Store`.
        store_options: Options of that store.
        flush_interval: Seconds between two writes to a shared store; None leaves it to the store.
        exclude: Globs of routes and paths that never count.
        metrics_path: Where the metrics view answers; None is nowhere.
        metrics_token: Bearer token that scrapers must send; None asks for none. The status page asks for it too.
        status_path: Where the status page answers; its JSON answers at the same path with `.json`. None is nowhere.
        enabled: False counts and mounts nothing; the definitions are checked all the same.
        service: Names the service.
        release: The release that counts, for the marks of the service; None marks none.
        metrics_causes: The metrics view shows what bad events were caused by, too: at most 32 series an SLO.
        recent_failures: So many bad events of each SLO are kept one by one, the newest; 0 keeps none.
        request_id_header: The name of the request header with the id that is kept with them; None keeps none.
        trace_url: The address of a trace for the links of pages, with the placeholder `{trace_id}`; None links none.
        clock: Seconds since the epoch; tests pass `slo_core.testing.FakeClock`.
        timer: Monotonic seconds; tests pass the same.

    Raises:
        ConfigError: All problems of the definitions, or of the other arguments.
        StoreError: The store's URL is unknown or refused.
        TypeError: It is no such application: a router, or a middleware around one.
        RuntimeError: The application has started already.
    """
    if not all(hasattr(app, name) for name in ("state", "router", "routes", "build_middleware_stack")):
        raise TypeError(
            f"instrument(): expected a FastAPI or Starlette application, got {type(app).__name__}; pass the application "
            "itself, before a middleware is put around it. Any other ASGI application takes SLOMiddleware"
        )
    existing = getattr(app.state, "slo_registry", None)
    if isinstance(existing, SLORegistry):
        warnings.warn("instrument() was called twice on one application; the first call stands", stacklevel=2)
        return existing
    if app.middleware_stack is not None:
        raise RuntimeError(
            "instrument() was called after the application had started; call it before the first request"
        )
    settings = SLOSettings(
        store=store,
        store_options=store_options or {},
        flush_interval=flush_interval,
        exclude=_as_tuple(exclude),
        metrics_path=metrics_path,
        metrics_token=metrics_token,
        status_path=status_path,
        enabled=enabled,
        service=service,
        release=release,
        metrics_causes=metrics_causes,
        recent_failures=recent_failures,
        request_id_header=request_id_header,
        trace_url=trace_url,
    )
    registry = SLORegistry.from_config(
        definitions,
        store=settings.store,
        store_options=settings.store_options,
        flush_interval=settings.flush_interval,
        service=settings.service,
        release=settings.release,
        metrics_causes=settings.metrics_causes,
        recent_failures=settings.recent_failures,
        request_id_header=settings.request_id_header,
        trace_url=settings.trace_url,
        clock=clock,
        where="definitions",
    )
    observe_again: Callable[[], None] | None = None
    if settings.enabled:
        # Idle is allowed: custom SLOs may be fed by views marked with `slo_track`.
        recorder = HTTPRecorder(registry, exclude=settings.exclude, timer=timer, may_be_idle=True)
        own_paths = [path for path in (settings.metrics_path, settings.status_path) if path is not None]
        observe_again = observe_outermost(app, recorder, registry, own_paths=own_paths)
    app.state.slo_registry = registry
    if settings.enabled and settings.metrics_path is not None:
        _warn_of_an_earlier_route(app, settings.metrics_path, "the metrics view", "metrics_path")
        view = MetricsApp(registry, token=settings.metrics_token, not_observed=observe_again)
        _add_view(app, settings.metrics_path, view, name="slo-metrics")
    if settings.enabled and settings.status_path is not None:
        _warn_of_an_earlier_route(app, settings.status_path, "the status page", "status_path")
        _add_status(app, settings.status_path, registry, token=settings.metrics_token)
    return registry


def _add_status(app: Application, path: str, registry: SLORegistry, *, token: str | None) -> None:
    # Imported here, because most applications have no status page.
    from slo_asgi.status import StatusAsset, StatusJSON, StatusPageApp
    from slo_core.status_page.view import StatusView

    view = StatusView(registry, path=path, token=token)
    path = path.rstrip("/")
    _add_view(app, path, StatusPageApp(view), name="slo-status")
    _add_view(app, f"{path}.json", StatusJSON(view), name="slo-status-json")
    _add_view(app, f"{path}/{{name}}", StatusAsset(view), name="slo-status-asset")


def _add_view(app: Application, path: str, view: Any, *, name: str) -> None:
    # Not by the application's `add_route`, which some frameworks replace by one with other arguments.
    from starlette.routing import Route

    # With methods: extensions that build an application of the routes of another one go through those of each.
    route = Route(path, view, methods=["GET"], name=name, include_in_schema=False)
    taking = _route_at(app, path)
    routes = app.router.routes
    if taking is None or _has_route(app, path):
        routes.append(route)
    else:
        # A mount, or a pattern, that takes all paths.
        routes.insert(routes.index(taking), route)


def _as_tuple(exclude: Iterable[str]) -> tuple[str, ...]:
    """The globs as a tuple. A text, or an object that is no list, stays as it is: the settings refuse it."""
    if isinstance(exclude, str) or not isinstance(exclude, Iterable):
        return exclude  # type: ignore[return-value]  # as above
    return tuple(exclude)


def _warn_of_an_earlier_route(app: Application, path: str, name: str, argument: str) -> None:
    taking = _route_at(app, path)
    if taking is None:
        return
    if _has_route(app, path):
        warnings.warn(
            f"GET {path} goes to a route that was added before {name}; call instrument() before you add it, or pass another "
            f"{argument}=, or None",
            stacklevel=3,
        )
    elif is_mount(taking) and not taking.routes and "staticfiles" not in type(taking.app).__module__:
        warnings.warn(
            f"GET {path} goes to {name}, and to what is mounted at {getattr(taking, 'path', '') or '/'!r} no longer; if that "
            f"has such a path of its own, pass another {argument}=, or None",
            stacklevel=3,
        )


def _has_route(app: Application, path: str) -> bool:
    """Whether a route has the very path."""
    try:
        routes = RouteTable(app.routes).routes
    except Exception:  # as in `_route_at`
        return True
    return any(route.template == path and (route.methods is None or "GET" in route.methods) for route in routes)


def _route_at(app: Application, path: str) -> Any | None:
    """The route of the application that already answers GET at a path; None when there is none."""
    scope = {"type": "http", "method": "GET", "path": path, "root_path": "", "headers": [], "path_params": {}}
    try:
        for route in getattr(app, "routes", ()):
            match, _ = route.matches(dict(scope))
            if match.name == "FULL":
                return route
    except Exception:  # from a router of an unknown kind: no warning
        return None
    return None
