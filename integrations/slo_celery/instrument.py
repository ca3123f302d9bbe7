"""Celery in one line."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

from celery import Celery

from slo_celery.django_settings import DjangoRecorder, has_django_settings
from slo_celery.observer import OBSERVER, TaskObserver
from slo_core.budgets.recent_failures import DEFAULT_RECENT_FAILURES
from slo_core.config.definitions import DefinitionsConfig, parse_definitions
from slo_core.config.settings import SLOSettings
from slo_core.conventions import DEFAULT_SERVICE, DEFAULT_STORE
from slo_core.errors import ConfigError, Problem
from slo_core.stores.base import Store
from slo_core.tasks.recorder import TaskRecorder
from slo_core.tracking.registry import SLORegistry

__all__ = ["instrument_celery"]


@overload
def instrument_celery(
    app: Celery,
    definitions: DefinitionsConfig,
    *,
    store: Store | str = ...,
    store_options: Mapping[str, object] | None = ...,
    flush_interval: float | None = ...,
    exclude: Iterable[str] = ...,
    enabled: bool = ...,
    service: str = ...,
    release: str | None = ...,
    metrics_causes: bool = ...,
    recent_failures: int = ...,
    trace_url: str | None = ...,
    clock: Callable[[], float] = ...,
) -> SLORegistry: ...
@overload
def instrument_celery(
    app: Celery,
    *,
    registry: SLORegistry,
    exclude: Iterable[str] = ...,
    enabled: bool = ...,
    clock: Callable[[], float] = ...,
) -> SLORegistry: ...
@overload
def instrument_celery(
    app: Celery, *, exclude: Iterable[str] = ..., enabled: bool = ..., clock: Callable[[], float] = ...
) -> None: ...


def instrument_celery(
    app: Celery,
    definitions: DefinitionsConfig | None = None,
    *,
    registry: SLORegistry | None = None,
    store: Store | str = DEFAULT_STORE,
    store_options: Mapping[str, object] | None = None,
    flush_interval: float | None = None,
    exclude: Iterable[str] = (),
    enabled: bool = True,
    service: str = DEFAULT_SERVICE,
    release: str | None = None,
    metrics_causes: bool = False,
    recent_failures: int = DEFAULT_RECENT_FAILURES,
    trace_url: str | None = None,
    clock: Callable[[], float] = time.time,
) -> SLORegistry | None:
    """
    Count the tasks of a Celery application.

    Call it where the application is made; tasks may be defined before or after. A task counts once, when it ends for good:
    good when it succeeds, bad when it fails. Retries are no events; ignored, rejected and revoked tasks are left out. What
    a process has counted is handed over when it ends. A second call on the same application changes nothing, warns, and
    returns what the first has returned.

    Without `definitions` and `registry` it counts for the SLOs of the Django project's settings, in the same store; that
    needs `slo_django`. They are read with the first task, not here.

    Args:
        app: The application.
        definitions: A mapping of SLO names to options, a list of mappings with `name`, or `SLODefinition` objects. Those
            that do not say their `kind` count tasks.
        registry: A registry made elsewhere, in place of definitions, store and service.
        store: URL of the store, or a `Store`.
        store_options: Options of that store.
        flush_interval: Seconds between two writes to a shared store; None leaves it to the store.
        exclude: Globs of task names that never count.
        enabled: False counts nothing; the definitions are checked all the same.
        service: Names the service.
        release: The release that counts, for the marks of the service; None marks none.
        metrics_causes: Metrics of this registry show what bad events were caused by, too.
        recent_failures: So many bad events of each SLO are kept one by one, the newest; 0 keeps none.
        trace_url: The address of a trace for the links of pages, with the placeholder `{trace_id}`; None links none.
        clock: Seconds since the epoch; tests pass `slo_core.testing.FakeClock`.

    Returns:
        The registry, which is also at `app.slo_registry`; None for that of a Django project: see `slo_django.get_registry`.

    Raises:
        ConfigError: All problems of the definitions, or of the other arguments.
        StoreError: The store's URL is unknown or refused.
        TypeError: It is no Celery application.
    """
    application = _application(app)
    existing = getattr(application, OBSERVER, None)
    if isinstance(existing, TaskObserver):
        warnings.warn("instrument_celery() was called twice on one application; the first call stands", stacklevel=2)
        return getattr(application, "slo_registry", None)
    settings = SLOSettings(
        store=store,
        store_options=store_options or {},
        flush_interval=flush_interval,
        exclude=_as_tuple(exclude),
        enabled=enabled,
        service=service,
        release=release,
        metrics_causes=metrics_causes,
        recent_failures=recent_failures,
        trace_url=trace_url,
    )
    problems = list(_conflicts(settings, definitions, registry))
    if problems:
        raise ConfigError(problems)
    if definitions is not None:
        registry = SLORegistry.from_config(
            parse_definitions(definitions, where="definitions", default_kind="task"),
            store=settings.store,
            store_options=settings.store_options,
            flush_interval=settings.flush_interval,
            service=settings.service,
            release=settings.release,
            metrics_causes=settings.metrics_causes,
            recent_failures=settings.recent_failures,
            trace_url=settings.trace_url,
            clock=clock,
            where="definitions",
        )
    if registry is None:
        find_recorder: Callable[[], TaskRecorder | None] = DjangoRecorder(settings.exclude)
    else:
        recorder = TaskRecorder(registry, exclude=settings.exclude)
        find_recorder = lambda: recorder  # noqa: E731  # it is that simple
    observer = TaskObserver(application, find_recorder, clock=clock)
    setattr(application, OBSERVER, observer)
    application.slo_registry = registry  # as `app.state.slo_registry` of other frameworks
    if settings.enabled:
        observer.connect()
    return registry


def _application(app: object) -> Any:
    """The application itself, also of `celery.current_app`."""
    unwrap = getattr(type(app), "_get_current_object", None)
    application = app if unwrap is None else unwrap(app)
    if not isinstance(application, Celery):
        raise TypeError(f"instrument_celery(): expected a Celery application, got {type(app).__name__}")
    return application


def _as_tuple(exclude: Iterable[str]) -> tuple[str, ...]:
    """The globs as a tuple. A text, or an object that is no list, stays as it is: the settings refuse it."""
    if isinstance(exclude, str) or not isinstance(exclude, Iterable):
        return exclude  # type: ignore[return-value]  # as above
    return tuple(exclude)


def _conflicts(
    settings: SLOSettings, definitions: DefinitionsConfig | None, registry: SLORegistry | None
) -> Iterable[Problem]:
    if registry is not None and definitions is not None:
        yield Problem("definitions", "expected none with registry=", "add them with registry.define()")
    if definitions is not None:
        return
    usual = SLOSettings()
    for name in (
        "store",
        "store_options",
        "flush_interval",
        "service",
        "release",
        "metrics_causes",
        "recent_failures",
        "trace_url",
    ):
        if getattr(settings, name) == getattr(usual, name):
            continue
        if registry is not None:
            yield Problem(name, "expected none with registry=, which brings its own", "drop one of the two")
        else:
            yield Problem(name, "expected none without definitions", f"the Django setting SLO_{name.upper()} says it")
    if registry is None and not has_django_settings():
        yield Problem(
            "definitions",
            "missing",
            'expected SLOs such as {"invoices": {"target": "99%", "tasks": ["shop.*"]}}, registry=, or a Django project '
            "(DJANGO_SETTINGS_MODULE) whose settings hold SLO_DEFINITIONS",
        )
