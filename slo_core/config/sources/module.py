"""Loads definitions from Python modules: an attribute of a module, or a settings module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, cast

from slo_core.config.definitions import DefinitionsConfig, parse_definitions
from slo_core.config.settings import PREFIX, SLOSettings, default_service, unknown_settings
from slo_core.config.sources.definition_set import DefinedSLOs, DefinitionSet
from slo_core.conventions import DEFAULT_STORE
from slo_core.errors import ConfigError, Problem, nearest
from slo_core.objectives.definition import SLODefinition
from slo_core.stores.base import Store, StoreScope
from slo_core.stores.url import scope_of_url

__all__ = ["load_attribute", "load_settings"]

_DEFINITIONS = "SLO_DEFINITIONS"
_EXPECTED = "a mapping or list of definitions, an SLORegistry, or an application that has one"

# The start of the URL of a store in a database of a Django project.
_DJANGO = "django://"


def load_attribute(name: str) -> DefinitionSet:
    """
    The definitions that `module:attribute` names.

    Args:
        name: `"shop.slos:SLOS"`; `"shop:create_app()"` calls a factory first. Without an attribute, and for
            `SLO_DEFINITIONS`, the other settings of the module are read, too.

    Raises:
        ConfigError: The module cannot be imported, or has no such attribute; or every problem with the definitions.
    """
    module_name, _, attribute = name.partition(":")
    if attribute in ("", _DEFINITIONS):
        return load_settings(module_name)
    value: Any = _imported(module_name, where=name)
    is_factory = attribute.endswith("()")
    for part in attribute.removesuffix("()").split("."):
        if not hasattr(value, part):
            known = [known for known in dir(value) if not known.startswith("_")]
            raise _refused(name, f"there is no {part!r}", nearest(part, known) if known else "")
        value = getattr(value, part)
    if is_factory:
        value = _called(value, where=name)
    registry = _registry_of(value)
    if registry is not None:
        if not len(registry):
            raise _refused(name, "the registry has no SLO")
        return DefinitionSet.of_registry(registry, where=name)
    if isinstance(value, (Mapping, Sequence)) and not isinstance(value, (str, bytes)):
        return DefinitionSet(where=name, definitions=_definitions(value, where=name), slos=name)
    hint = f'call it: "{name}()"' if callable(value) and not is_factory else ""
    raise _refused(name, f"expected {_EXPECTED}, got {type(value).__name__}", hint)


def load_settings(module_name: str) -> DefinitionSet:
    """
    The definitions in the settings of a Django project, or in any module with the same names.

    The module is imported and its names are read; Django itself is not set up.

    Args:
        module_name: `"shop.settings"`.

    Raises:
        ConfigError: The module cannot be imported, or every problem with its settings.
    """
    module = _imported(module_name, where=module_name)
    given: dict[str, object] = {name: value for name, value in vars(module).items() if name.startswith(PREFIX)}
    where = f"{module_name}.{_DEFINITIONS}"
    if _DEFINITIONS not in given:
        raise _refused(module_name, f"there is no {_DEFINITIONS}", "name another attribute, module:attribute")
    databases = getattr(module, "DATABASES", None)
    if "SLO_STORE" not in given:
        # With SQLite it is a file beside the database, see `slo_django.conf`: of the same scope.
        given["SLO_STORE"] = f"{_DJANGO}default" if databases else DEFAULT_STORE
    given.setdefault("SLO_SERVICE", default_service(getattr(module, "ROOT_URLCONF", None), given["SLO_STORE"]))
    problems = [
        Problem(f"{module_name}.{problem.path}", problem.message, problem.hint)
        for problem in unknown_settings([name for name in given if name.isupper()])
    ]
    settings = SLOSettings()
    definitions: tuple[SLODefinition, ...] = ()
    try:
        settings = SLOSettings.from_mapping(given, where=f"{module_name}.")
    except ConfigError as exc:
        problems += exc.problems
    try:
        definitions = _definitions(given[_DEFINITIONS], where=where)
    except ConfigError as exc:
        problems += exc.problems
    if problems:
        raise ConfigError(problems)
    store = settings.store
    return DefinitionSet(
        where=module_name,
        definitions=definitions,
        service=settings.service,
        scope=store.scope if isinstance(store, Store) else _scope_of(store, databases),
        slos=where,
    )


def _scope_of(store: str, databases: object) -> StoreScope | None:
    """The scope of a store by its URL; of one in a Django project's SQLite database it is the host's."""
    if store.startswith(_DJANGO) and isinstance(databases, Mapping):
        database = databases.get(store.removeprefix(_DJANGO))
        engine = str(database.get("ENGINE", "")) if isinstance(database, Mapping) else ""
        if "sqlite" in engine or "spatialite" in engine:
            return "host"
    return scope_of_url(store)


def _definitions(config: object, *, where: str) -> tuple[SLODefinition, ...]:
    definitions = parse_definitions(cast("DefinitionsConfig", config), where=where)  # the parser checks every value
    if not definitions:
        raise _refused(where, "expected at least one SLO, got none")
    return definitions


def _registry_of(value: Any) -> DefinedSLOs | None:
    """The registry itself, or the registry of an application that uses Flask's extension or `slo_asgi.instrument`."""
    if isinstance(value, DefinedSLOs):
        return value
    extensions = getattr(value, "extensions", None)
    extension = extensions.get("slo") if isinstance(extensions, Mapping) else None
    for candidate in (
        getattr(extension, "registry", None),
        getattr(getattr(value, "state", None), "slo_registry", None),
    ):
        if isinstance(candidate, DefinedSLOs):
            return candidate
    return None


def _imported(name: str, *, where: str) -> object:
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        if exc.name is not None and (name == exc.name or name.startswith(f"{exc.name}.")):
            hint = "is its folder the current one, or in PYTHONPATH?"
            raise _refused(where, f"there is no module {exc.name!r}", hint) from exc
        raise _refused(where, f"{name} cannot be imported: {exc}", "is it installed?") from exc
    except Exception as exc:  # foreign code may raise anything
        raise _refused(where, f"{name} cannot be imported: {type(exc).__name__}: {exc}") from exc


def _called(factory: Any, *, where: str) -> object:
    try:
        return factory()
    except Exception as exc:  # foreign code may raise anything
        raise _refused(where, f"the call failed: {type(exc).__name__}: {exc}") from exc


def _refused(path: str, message: str, hint: str = "") -> ConfigError:
    return ConfigError([Problem(path, message, hint)])
