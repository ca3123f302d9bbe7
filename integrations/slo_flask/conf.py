"""What `app.config` says about SLOs, and everything that is wrong with it, at once."""

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

# What a registry made elsewhere brings with it.
_OF_THE_REGISTRY = (_DEFINITIONS, "SLO_STORE", "SLO_STORE_OPTIONS", "SLO_SERVICE")


def read(
    config: Mapping[str, object], *, definitions: DefinitionsConfig | None, registry: SLORegistry | None, url_map: Map
) -> tuple[SLOSettings, SLORegistry]:
    """
    The settings of an application, and its SLOs.

    Args:
        config: `app.config`.
        definitions: SLOs given in code.
        registry: A registry given in code.
        url_map: The application's routes so far, among which the metrics must find a place.

    Raises:
        ConfigError: Every problem of the definitions, the other settings and the store.
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
        found = _open(settings) if registry is None else registry
    except StoreError as exc:
        raise ConfigError([*problems, Problem(_key("SLO_STORE"), str(exc))]) from exc
    if problems:
        if registry is None:
            found.close()
        raise ConfigError(problems)
    for definition in parsed:
        found.define(definition)
    return settings, found


def _open(settings: SLOSettings) -> SLORegistry:
    registry = SLORegistry(
        settings.store,
        service=settings.service,
        store_options=settings.store_options,
        flush_interval=settings.flush_interval,
    )
    registry.internals.store_setting = "SLO_STORE"
    return registry


def _parse(config: Mapping[str, object], definitions: DefinitionsConfig | None) -> tuple[SLODefinition, ...]:
    if definitions is not None:
        return parse_definitions(definitions, where="definitions")
    configured = cast("DefinitionsConfig", config.get(_DEFINITIONS, {}))  # the parser looks at every value
    return parse_definitions(configured, where=_key(_DEFINITIONS))


def _conflicts(
    config: Mapping[str, object], definitions: DefinitionsConfig | None, registry: SLORegistry | None
) -> Iterator[Problem]:
    """What is said twice: which of the two was meant cannot be told."""
    if registry is not None:
        if definitions is not None:
            yield Problem("definitions", "expected none beside registry=", "add them with registry.define()")
        for name in _OF_THE_REGISTRY:
            if name in config:
                yield Problem(_key(name), "expected none beside registry=, which brings its own", "drop one of the two")
    elif definitions is not None and _DEFINITIONS in config:
        yield Problem(_key(_DEFINITIONS), "expected none beside definitions=", "drop one of the two")


def _taken_paths(settings: SLOSettings, url_map: Map) -> Iterator[Problem]:
    """Of two rules for one path Flask asks the first, and the other is never heard of."""
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
