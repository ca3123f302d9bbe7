"""Definitions in a module: an attribute, a factory, or Django settings."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.config.sources.load import load_definitions, load_django_settings
from slo_core.errors import ConfigError
from written_definitions import Write, problems

Module = Callable[..., str]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Module]:
    """`module(NAME=value)`: a module of these names can be imported as `shop_slos`."""

    def make(**names: object) -> str:
        made = ModuleType("shop_slos")
        vars(made).update(names)
        monkeypatch.setitem(sys.modules, "shop_slos", made)
        return "shop_slos"

    monkeypatch.syspath_prepend(str(tmp_path))
    yield make
    for name in [name for name in sys.modules if name.startswith("written_")]:
        del sys.modules[name]


DEFINITIONS = {"availability": {"target": "99.9%"}}


def registry() -> SLORegistry:
    made = SLORegistry(service="till")
    made.define(SLODefinition("a", 0.9))
    return made


@pytest.mark.parametrize(
    "value", [DEFINITIONS, [{"name": "availability", "target": 0.999}], [SLODefinition("availability", 0.999)]]
)
def test_an_attribute_may_hold_definitions(value: object, module: Module) -> None:
    """In each form that the configuration takes."""
    definition_set = load_definitions(f"{module(SLOS=value)}:SLOS")

    assert [definition.name for definition in definition_set.definitions] == ["availability"]
    assert (definition_set.service, definition_set.scope) == ("default", None)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda registry: registry,
        lambda registry: SimpleNamespace(extensions={"slo": SimpleNamespace(registry=registry)}),
        lambda registry: SimpleNamespace(state=SimpleNamespace(slo_registry=registry)),
    ],
    ids=["registry", "flask", "fastapi"],
)
def test_an_attribute_may_be_a_registry_or_an_application(wrap: Any, module: Module) -> None:
    """Whose service and store are known with it."""
    definition_set = load_definitions(f"{module(app=wrap(registry()))}:app")

    assert (definition_set.service, definition_set.scope, [d.name for d in definition_set.definitions]) == (
        "till",
        "process",
        ["a"],
    )


def test_a_factory_is_called_when_it_is_written_so(module: Module) -> None:
    """As gunicorn has it; without the brackets the message says how."""
    name = module(create_app=registry, holder=SimpleNamespace(inner=registry()))

    assert load_definitions(f"{name}:create_app()").service == "till"
    assert load_definitions(f"{name}:holder.inner").service == "till"
    (problem,) = problems(f"{name}:create_app")
    assert problem.endswith(f'got function; call it: "{name}:create_app()"')


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        ("SLOZ", "there is no 'SLOZ'; did you mean \"SLOS\"?"),
        ("number", "expected a mapping or list of definitions"),
        ("text", "expected a mapping or list of definitions"),
        ("empty", "expected at least one SLO"),
        ("bare", "the registry has no SLO"),
        ("broken()", "the call failed: ZeroDivisionError"),
        ("SLOS", "['a'].target: expected a ratio"),
    ],
)
def test_an_attribute_that_is_none_of_that_is_refused(attribute: str, message: str, module: Module) -> None:
    """With its name in front."""
    names = {"SLOS": {"a": {"target": 2}}, "number": 3, "text": "a", "empty": {}, "bare": SLORegistry()}
    name = module(**names, broken=lambda: 1 // 0)

    (problem,) = problems(f"{name}:{attribute}")

    assert problem.startswith(f"{name}:{attribute}")
    assert message in problem


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (None, "there is no module 'written_shop'; is its folder the current one, or in PYTHONPATH?"),
        ("import no_such_thing", "written_shop cannot be imported: No module named 'no_such_thing'; is it installed?"),
        ("1 / 0", "written_shop cannot be imported: ZeroDivisionError: division by zero"),
        ("(", "written_shop cannot be imported: SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(
    code: str | None, message: str, module: Module, write: Write
) -> None:
    """That it is missing, or what it does."""
    if code is not None:
        write("written_shop.py", code)

    (problem,) = problems("written_shop:SLOS")

    assert problem.startswith(f"written_shop:SLOS: {message}")


@pytest.mark.parametrize("name", ["{}", "{}:", "{}:SLO_DEFINITIONS"])
def test_settings_bring_their_service_and_store(name: str, module: Module) -> None:
    """Without anything of Django's; three ways to write it."""
    settings = module(SLO_DEFINITIONS=DEFINITIONS, SLO_SERVICE="shop", SLO_STORE="sqlite:///slo.db", DEBUG=True)
    source = name.format(settings)

    definition_set = load_definitions(source) if ":" in source else load_django_settings(source)

    assert (definition_set.service, definition_set.scope, len(definition_set.definitions)) == ("shop", "host", 1)


@pytest.mark.parametrize(
    ("names", "service", "scope"),
    [
        ({"DATABASES": {"default": {}}, "ROOT_URLCONF": "shop.urls"}, "shop", "fleet"),
        (
            {"DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3"}}, "ROOT_URLCONF": "shop.urls"},
            "shop",
            "host",
        ),
        ({"DATABASES": {"own": {"ENGINE": "gis.spatialite"}}, "SLO_STORE": "django://own"}, "default", "host"),
        (
            {"DATABASES": {"default": {"ENGINE": "django.db.backends.mysql"}}, "ROOT_URLCONF": "shop.urls"},
            "shop",
            "fleet",
        ),
        ({"DATABASES": {}, "ROOT_URLCONF": "shop.urls"}, "default", "process"),
        ({}, "default", "process"),
    ],
)
def test_settings_that_are_not_there_are_as_in_django(
    names: dict[str, object], service: str, scope: str, module: Module
) -> None:
    """A project with a database keeps its events in it, under the name of its package."""
    definition_set = load_django_settings(module(SLO_DEFINITIONS=DEFINITIONS, **names))

    assert (definition_set.service, definition_set.scope) == (service, scope)


def test_every_mistake_in_settings_is_told_at_once(module: Module) -> None:
    """Names that are slips, values and definitions."""
    name = module(SLO_DEFINITIONS={"a": {"target": 2}}, SLO_STOR="x", SLO_ENABLED="no")

    with pytest.raises(ConfigError) as caught:
        load_django_settings(name)

    assert [str(problem).partition(": ")[0] for problem in caught.value.problems] == [
        "shop_slos.SLO_STOR",
        "shop_slos.SLO_ENABLED",
        "shop_slos.SLO_DEFINITIONS['a'].target",
    ]


def test_settings_without_definitions_are_told(module: Module) -> None:
    """And how to name something else."""
    with pytest.raises(ConfigError, match="there is no SLO_DEFINITIONS; name another attribute, module:attribute"):
        load_django_settings(module(DEBUG=True))


def test_a_store_of_somebody_elses_has_no_known_scope(module: Module) -> None:
    """Rules of its SLOs need the scope from their author."""
    definition_set = load_django_settings(module(SLO_DEFINITIONS=DEFINITIONS, SLO_STORE="mine://x"))

    assert definition_set.scope is None
    assert isinstance(definition_set, DefinitionSet)
