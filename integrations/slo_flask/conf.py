"""The SLO settings in `app.config`, read with all their problems in one error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from werkzeug.routing import Map

from slo_core.config.definitions import DefinitionsConfig, parse_definitions
from slo_core.config.settings import SLOSettings, unknown_settings
from slo_core.errors import ConfigError, Problem, StoreError
from slo_core.objectives.definition import SLODefinition
from slo_core.tracking.registry import SLORegistry

__all__ = ["read"]

_DEFINITIONS = "SLO_DEFINITIONS"

# A registry made elsewhere has these already.
_OF_THE_REGISTRY = (
    _DEFINITIONS, "SLO_STORE", "SLO_STORE_OPTIONS", "SLO_SERVICE", "SLO_RELEASE", "SLO_RECENT_FAILURES",
    "SLO_REQUEST_ID_HEADER", "SLO_TRACE_URL",
)  # fmt: skip


def read(
    config: Mapping[str, object], *, definitions: DefinitionsConfig | None, registry: SLORegistry | None, url_map: Map
) -> tuple[SLOSettings, SLORegistry]:
    """
    The settings of an application, and its SLOs.

    Args:
        config: `app.config`.
        definitions: SLOs given in code.
        registry: A registry given in code.
        url_map: The application's routes so far; the paths of the metrics and the status page must be free.

    Raises:
        ConfigError: All problems of the definitions, the other settings and the store.
    """
    problems = [*_conflicts(config, definitions, registry), *_located(unknown_settings(list(config)))]
    settings = SLOSettings()
    try:
        settings = SLOSettings.from_mapping(config)
    except ConfigError as exc:
        problems += _located(exc.problems)
    else:
        problems += _taken_paths(settings, url_map)
    parsed: tuple[SLODefinition, ...] = ()
    try:
        parsed = _parse(config, definitions)
    except ConfigError as exc:
        problems += exc.problems
    try:
        where = _key(_DEFINITIONS) if definitions is None else "definitions"
        open_registry = _open(settings, where) if registry is None else registry
    except StoreError as exc:
        raise ConfigError([*problems, Problem(_key("SLO_STORE"), str(exc))]) from exc
    if problems:
        if registry is None:
            open_registry.close()
        raise ConfigError(problems)
    for definition in parsed:
        open_registry.define(definition)
    return settings, open_registry


def _open(settings: SLOSettings, where: str) -> SLORegistry:
    registry = SLORegistry(
        settings.store,
        service=settings.service,
        store_options=settings.store_options,
        flush_interval=settings.flush_interval,
        release=settings.release,
        metrics_causes=settings.metrics_causes,
        recent_failures=settings.recent_failures,
        request_id_header=settings.request_id_header,
        trace_url=settings.trace_url,
    )
    registry.internals.store_setting = "SLO_STORE"
    registry.internals.definitions_setting = where
    return registry


def _parse(config: Mapping[str, object], definitions: DefinitionsConfig | None) -> tuple[SLODefinition, ...]:
    if definitions is not None:
        return parse_definitions(definitions, where="definitions")
    configured = cast("DefinitionsConfig", config.get(_DEFINITIONS, {}))  # the parser looks at every value
    return parse_definitions(configured, where=_key(_DEFINITIONS))


def _conflicts(
    config: Mapping[str, object], definitions: DefinitionsConfig | None, registry: SLORegistry | None
) -> Iterator[Problem]:
    """Settings that are given twice, so that the intended one is unknown."""
    if registry is not None:
        if definitions is not None:
            yield Problem("definitions", "expected none with registry=", "add them with registry.define()")
        for name in _OF_THE_REGISTRY:
            if name in config:
                yield Problem(_key(name), "expected none with registry=, which brings its own", "drop one of the two")
    elif definitions is not None and _DEFINITIONS in config:
        yield Problem(_key(_DEFINITIONS), "expected none with definitions=", "drop one of the two")


def _taken_paths(settings: SLOSettings, url_map: Map) -> Iterator[Problem]:
    """Paths that other routes have taken: of two rules for one path, Flask always uses the first."""
    if not settings.enabled:
        return
    hint = "choose another path; or None, and SLOCollector(registry) in the registry that is shown there"
    taken = {rule.rule: rule.endpoint for rule in url_map.iter_rules()}
    if settings.metrics_path in taken:
        message = f"the endpoint {taken[settings.metrics_path]!r} answers at {settings.metrics_path} already"
        yield Problem(_key("SLO_METRICS_PATH"), message, hint)
    if settings.status_path in taken:
        message = f"the endpoint {taken[settings.status_path]!r} answers at {settings.status_path} already"
        yield Problem(_key("SLO_STATUS_PATH"), message, "choose another path, or None")


def _located(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The same problems, with the path as it stands in the user's code."""
    for problem in problems:
        yield Problem(_key(problem.path), problem.message, problem.hint)


def _key(name: str) -> str:
    return f"app.config[{name!r}]"
