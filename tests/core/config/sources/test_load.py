"""Definitions from files and modules; every mistake is named with its file and key, and its line where that is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from slo_core import SLODefinition, SLORegistry
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.config.sources.load import load_definitions, load_django_settings
from slo_core.errors import ConfigError, Problem
from slo_core.stores.open import bucket_store_from_url, store_from_url
from slo_core.stores.url import scope_of_url

YAML = """\
service: shop
store: redis://:hunter2@host/0
labels: {team: payments}
slos:
  availability:
    target: 99.9%
  checkout:
    target: 0.99
    latency: 300ms
    routes: ["/checkout/*"]
"""
TOML = """\
service = "shop"
store = "redis://:hunter2@host/0"
labels = { team = "payments" }
[slos.availability]
target = "99.9%"
[slos.checkout]
target = 0.99
latency = "300ms"
routes = ["/checkout/*"]
"""
JSON = """\
{
\t"service": "shop",
\t"store": "redis://:hunter2@host/0",
\t"labels": {"team": "payments"},
\t"slos": {
\t\t"availability": {"target": "99.9%"},
\t\t"checkout": {"target": 0.99, "latency": "300ms", "routes": ["/checkout/*"]}
\t}
}
"""

Write = Callable[[str, str | bytes], str]


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are named as they are typed: without a folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def write() -> Write:
    """`write("slos.yaml", text)` makes a file and returns its name."""

    def make(name: str, content: str | bytes) -> str:
        Path(name).write_bytes(content if isinstance(content, bytes) else dedent(content).encode())
        return name

    return make


def problems(source: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_definitions(source)
    assert "hunter2" not in str(caught.value)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "text"), [("slos.yaml", YAML), ("a.YML", YAML), ("slos.toml", TOML), ("slos.json", JSON)]
)
def test_the_three_formats_say_the_same(name: str, text: str, write: Write) -> None:
    """Tabs in JSON are no trouble either."""
    found = load_definitions(write(name, text))

    availability, checkout = found.definitions
    assert (availability.name, availability.target) == ("availability", 0.999)
    assert checkout.http is not None
    assert checkout.http.latency_seconds == 0.3
    assert (found.where, found.service, found.scope) == (name, "shop", "fleet")
    assert found.labels == {"team": "payments"}


def test_a_file_may_start_with_a_byte_order_mark(write: Write) -> None:
    """Some editors put one there."""
    assert load_definitions(write("slos.yaml", b"\xef\xbb\xbf" + YAML.encode())).service == "shop"


def test_a_list_of_slos_is_fine_too(write: Write) -> None:
    """As SLO_DEFINITIONS may be one."""
    found = load_definitions(write("slos.yaml", "service: shop\nslos:\n  - {name: a, target: 0.9}\n"))

    assert [definition.name for definition in found.definitions] == ["a"]


MISTAKES = {
    "yaml": """\
        service: shop
        slos:
          checkout:
            target: 99.9
            latencyy: 300ms
            alert_rules:
              - {long_window: 1h, short_window: 5m, severity: page, burn_rate: 14.4}
              - {long_window: 1h, short_window: 2h, severity: page, burn_rate: 14.4}
          orders: {window: 7d}
        stor: x
        """,
    "json": """\
        {"service": "shop",
        "slos": {
          "checkout": {
            "target": 99.9,
            "latencyy": "300ms",
            "alert_rules": [
              {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 14.4},
              {"long_window": "1h", "short_window": "2h", "severity": "page", "burn_rate": 14.4}]},
          "orders": {"window": "7d"}},
        "stor": "x"}
        """,
    "toml": """\
        service = "shop"
        stor = "x"
        [slos.checkout]
        target = 99.9
        latencyy = "300ms"
        [[slos.checkout.alert_rules]]
        long_window = "1h"
        short_window = "5m"
        severity = "page"
        burn_rate = 14.4
        [[slos.checkout.alert_rules]]
        long_window = "1h"
        short_window = "2h"
        severity = "page"
        burn_rate = 14.4
        [slos.orders]
        window = "7d"
        """,
}


def mistakes(*places: str) -> list[str]:
    store, latency, target, window, orders = places
    rule = "slos['checkout'].alert_rules[1].short_window"
    return [
        f'{store}: stor: unknown key; did you mean "store"?',
        f"{latency}: slos['checkout']: unknown key 'latencyy'; did you mean \"latency\"?",
        f"{target}: slos['checkout'].target: expected a ratio between 0 and 1, got 99.9; did you mean \"99.9%\"?",
        f"{window}: {rule}: expected less than the long window (3600 s), got 7200 s",
        f"{orders}: slos['orders'].target: missing; expected a ratio such as 0.999, or \"99.9%\"",
    ]


@pytest.fixture
def without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is not installed."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "slo_core.config.sources.yaml_file", raising=False)


@pytest.mark.parametrize("name", ["slos.yaml", "slos.json"])
def test_every_mistake_has_file_line_and_key(name: str, write: Write) -> None:
    """All at once, with what was expected and the nearest known key; what is missing has the line of what lacks it."""
    lines = (10, 5, 4, 8, 9)

    assert problems(write(name, MISTAKES[name.removeprefix("slos.")])) == mistakes(
        *(f"{name}:{line}" for line in lines)
    )


def test_mistakes_in_toml_have_file_and_key(write: Write) -> None:
    """Python's reader of TOML does not say in which line a value stands."""
    assert problems(write("slos.toml", MISTAKES["toml"])) == mistakes(*["slos.toml"] * 5)


@pytest.mark.usefixtures("without_pyyaml")
def test_so_have_those_in_json_without_pyyaml(write: Write) -> None:
    """It keeps the lines; everything else is the same without it."""
    assert problems(write("slos.json", MISTAKES["json"])) == mistakes(*["slos.json"] * 5)


@pytest.mark.usefixtures("without_pyyaml")
def test_without_pyyaml_json_refuses_a_key_that_is_there_twice(write: Write) -> None:
    """By its name alone."""
    text = '{"service": "a", "slos": {"x": {"target": 0.9, "target": 0.8}}}'

    assert problems(write("a.json", text)) == ["a.json: the key 'target' is there twice; drop one of the two"]


@pytest.mark.parametrize("key", ['"latencyy"\n', f'"{"k" * 1100}"'])
def test_json_that_yaml_cannot_read_has_keys_but_no_lines(key: str, write: Write) -> None:
    """YAML wants a key of a thousand characters at most, and its colon in the same line."""
    text = f'{{"service": "a", "slos": {{"x": {{"target": 99.9, "latency": 1, "latency": 1}}}}, {key}: 1}}'

    told = problems(write("a.json", text))

    assert told[0] == "a.json: the key 'latency' is there twice; drop one of the two"
    assert told[2].startswith("a.json: slos['x'].target: expected a ratio")


def test_values_in_json_are_those_of_json(write: Write) -> None:
    """YAML 1.1 reads 1e-1 as a text, and two halves of a character as two characters."""
    text = '{"service": "\\ud83d\\ude00\\/", "slos": {"x": {"target": 1e-1, "description": "true"}}}'

    found = load_definitions(write("a.json", text))

    assert (found.service, found.definitions[0].target) == ("\U0001f600/", 0.1)


@pytest.mark.parametrize(
    ("name", "text", "path", "first"),
    [
        ("a.yaml", "service: a\nslos:\n  x: {target: 0.9}\n  x: {target: 0.8}\n", "4: slos['x']", 3),
        ("a.yaml", "service: a\nslos: {x: {target: 0.9, target: 0.8}}\n", "2: slos['x'].target", 2),
        ("a.json", '{"service": "a",\n\t"slos": {"x": {"target": 0.9}},\n "service": "b"}', "3: service", 1),
    ],
)
def test_a_key_that_is_there_twice_is_refused(name: str, text: str, path: str, first: int, write: Write) -> None:
    """Of two targets the last would win without a word."""
    assert problems(write(name, text)) == [
        f"{name}:{path}: the key is there twice, first in line {first}; drop one of the two"
    ]


def test_toml_itself_refuses_a_key_that_is_there_twice(write: Write) -> None:
    """With its line."""
    (problem,) = problems(write("a.toml", 'service = "a"\nservice = "b"\n[slos.x]\ntarget = 0.9\n'))

    assert problem.startswith("a.toml:2: cannot be read as TOML: Cannot overwrite a value")


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.yaml", "service: a\n\tslos: {}\n", "a.yaml:2: cannot be read as YAML"),
        ("a.yaml", "service: a\nslos: {x: {target: 0.9}\n", "a.yaml:3: cannot be read as YAML"),
        ("a.yaml", "service: a\nb: !!python/object/apply:os.system [id]\n", "a.yaml:2: cannot be read as YAML"),
        ("a.yaml", "service: a\nb: 2001-99-99\n", "a.yaml:2: cannot be read as YAML: month must be in 1..12"),
        ("a.yaml", f"service: a\nb: {'9' * 5000}\n", "a.yaml:2: cannot be read as YAML: a number or a date of more"),
        ("a.yaml", "service: a\nb: \x01\n", "a.yaml:2: cannot be read as YAML: the character U+0001"),
        ("a.yaml", "a: 1\n---\nb: 2\n", "a.yaml:2: cannot be read as YAML"),
        ("a.yaml", "a: *missing\n", "a.yaml:1: cannot be read as YAML: found undefined alias"),
        ("a.yaml", "service: a\nb: " + "[" * 100 + "]" * 100, "a.yaml:2: cannot be read as YAML: nested too deeply"),
        ("a.json", '{"service": "a",\n', "a.json:2: cannot be read as JSON"),
        ("a.json", "[" * 100_000, "a.json: cannot be read as JSON: nested too deeply"),
        ("a.json", "9" * 5000, "a.json: cannot be read as JSON: Exceeds the limit"),
        ("a.toml", "service = \n", "a.toml:1: cannot be read as TOML: Invalid value (at line 1, column 11)"),
        ("a.toml", "service = 'a'\n[slos", "a.toml: cannot be read as TOML: Expected ']'"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_has_the_line_too(name: str, text: str, told: str, write: Write) -> None:
    """And nothing that stands in it is run."""
    (problem,) = problems(write(name, text))

    assert problem.startswith(told)


BOMBS = {
    "multiplied": "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{name}: &{name} [{','.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "merged": "a: &a {x: 1, y: 2}\n" + "".join(
        f"{name}: &{name} {{{', '.join(f'{key}: *{before}' for key in 'klmnopqrst')}}}\n"
        for before, name in zip("abcde", "bcdef", strict=True)
    ),
    "endless": "service: a\nb: &b\n  - *b\n",
    "deep": "a: &a0 [x]\n" + "".join(f"k{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 60)),
}  # fmt: skip


@pytest.mark.parametrize("bomb", list(BOMBS))
def test_anchors_that_multiply_are_refused(bomb: str, write: Write) -> None:
    """Before anybody walks over them: a few lines would be a billion values."""
    (problem,) = problems(write("slos.yaml", BOMBS[bomb]))

    assert problem.startswith("slos.yaml:")
    assert "anchor" in problem


def test_anchors_that_save_typing_are_fine(write: Write) -> None:
    """And a mistake below one is told where it stands."""
    text = "service: a\nslos:\n  x: &x\n    target: {}\n    window: 7d\n  y:\n    <<: *x\n    window: 30d\n"

    found = load_definitions(write("slos.yaml", text.format("0.9")))

    assert [definition.window_seconds for definition in found.definitions] == [604_800, 2_592_000]
    assert [problem.partition(": expected")[0] for problem in problems(write("b.yaml", text.format(90)))] == [
        "b.yaml:4: slos['x'].target",
        "b.yaml:4: slos['y'].target",
    ]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.yaml", "", "a.yaml: the file is empty; a file holds `service:` and `slos:`"),
        ("a.yaml", "# nothing\n", "a.yaml: the file is empty"),
        ("a.json", " \n", "a.json: the file is empty"),
        ("a.json", "{}", "a.json: the file is empty"),
        ("a.toml", "", "a.toml: the file is empty"),
        ("a.yaml", "- a\n", "a.yaml:1: expected a mapping, got list"),
        ("a.yaml", b"service: a\nslos: \xff\n", "a.yaml:2: expected UTF-8, got the byte 0xff; save it as UTF-8"),
        ("a.yaml", "x" * 1_100_000, "a.yaml: expected at most 1 MiB"),
        ("a.txt", "service: a\n", "a.txt: expected a name that ends with .yaml, .yml, .toml, .json, got .txt"),
        ("a.yaml", "service: a\n", "a.yaml: slos: missing"),
        ("a.yaml", "slos: {x: {target: 0.9}}\n", "a.yaml: service: missing"),
        ("a.json", '{"service": "a", "slos": ' + "[" * 900 + "]" * 900 + "}", "a.json: slos: expected plain values"),
        ("a.yaml", "service: a\nslos: {}\n", "a.yaml:2: slos: expected at least one SLO, got none"),
        ("a.yaml", "service: a\nslos:\n", "a.yaml:2: slos: expected a mapping"),
        ("a.yaml", "service: 3\nslos: {x: {target: 0.9}}\n", "a.yaml:1: service: expected the name of the service as text"),
        ("a.yaml", "service: a\nslos: {x: {target: 0.9}}\nstore: 3\n", "a.yaml:3: store: expected a URL"),
        ("a.yaml", "service: a\nslos: {x: {target: 0.9}}\nstore: rediss\n", "a.yaml:3: store: expected one of the schemes"),
        ("a.yaml", "service: a\nslos: {x: {target: 0.9}}\nlabels: 3\n", "a.yaml:3: labels: expected a mapping"),
        ("a.yaml", "service: a\nslos:\n  1: {target: 0.9}\n", "a.yaml:3: slos[1].name: must be non-empty text"),
    ],
)  # fmt: skip
def test_a_file_with_other_content_is_refused(name: str, content: str | bytes, told: str, write: Write) -> None:
    """With what a file holds."""
    (problem,) = problems(write(name, content))

    assert problem.startswith(told)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("slos.yaml", "slos.yaml: there is no such file"),
        ("slos", "slos: expected a file that ends with .yaml, .yml, .toml, .json, or module:attribute"),
        ("a\0.yaml", "a\0.yaml: cannot be read"),
        (".", ".: expected a file, it is a directory"),
        ("folder.yaml", "folder.yaml: expected a file, it is a directory"),
    ],
)
def test_a_source_that_is_not_there_is_told(source: str, told: str) -> None:
    """And what a source may be."""
    Path("folder.yaml").mkdir()

    (problem,) = problems(source)

    assert problem.startswith(told)


def test_problems_of_rules_are_placed_in_the_file(write: Write) -> None:
    """Rules know a definition by its position, and the service by that name."""
    found = load_definitions(write("slos.yaml", YAML))

    placed = found.located(
        [Problem("definitions[1].labels", "m"), Problem("service", "m"), Problem("--out", "m"), Problem("labels", "m")]
    )

    assert [problem.path for problem in placed] == [
        "slos.yaml:7: slos['checkout'].labels",
        "slos.yaml:1: service",
        "--out",
        "slos.yaml:3: labels",
    ]


@pytest.mark.parametrize(
    ("url", "scope"), [("memory://", "process"), ("sqlite:///slo.db", "host"), ("redis://127.0.0.1:1/0", "fleet")]
)
def test_scopes_are_known_without_a_store(url: str, scope: str) -> None:
    """And they are those of the stores."""
    store = store_from_url(url) if url == "memory://" else bucket_store_from_url(url, service="shop")

    assert (store.scope, scope_of_url(url)) == (scope, scope)
    store.close()


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
    found = load_definitions(f"{module(SLOS=value)}:SLOS")

    assert [definition.name for definition in found.definitions] == ["availability"]
    assert (found.service, found.scope) == ("default", None)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda found: found,
        lambda found: SimpleNamespace(extensions={"slo": SimpleNamespace(registry=found)}),
        lambda found: SimpleNamespace(state=SimpleNamespace(slo_registry=found)),
    ],
    ids=["registry", "flask", "fastapi"],
)
def test_an_attribute_may_be_a_registry_or_an_application(wrap: Any, module: Module) -> None:
    """Whose service and store are known with it."""
    found = load_definitions(f"{module(app=wrap(registry()))}:app")

    assert (found.service, found.scope, [d.name for d in found.definitions]) == ("till", "process", ["a"])


def test_a_factory_is_called_when_it_is_written_so(module: Module) -> None:
    """As gunicorn has it; without the brackets the message says how."""
    name = module(create_app=registry, holder=SimpleNamespace(inner=registry()))

    assert load_definitions(f"{name}:create_app()").service == "till"
    assert load_definitions(f"{name}:holder.inner").service == "till"
    (problem,) = problems(f"{name}:create_app")
    assert problem.endswith(f'got function; call it: "{name}:create_app()"')


@pytest.mark.parametrize(
    ("attribute", "told"),
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
def test_an_attribute_that_is_none_of_that_is_refused(attribute: str, told: str, module: Module) -> None:
    """With its name in front."""
    names = {"SLOS": {"a": {"target": 2}}, "number": 3, "text": "a", "empty": {}, "bare": SLORegistry()}
    name = module(**names, broken=lambda: 1 // 0)

    (problem,) = problems(f"{name}:{attribute}")

    assert problem.startswith(f"{name}:{attribute}")
    assert told in problem


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (None, "there is no module 'written_shop'; is its folder the current one, or in PYTHONPATH?"),
        ("import no_such_thing", "written_shop cannot be imported: No module named 'no_such_thing'; is it installed?"),
        ("1 / 0", "written_shop cannot be imported: ZeroDivisionError: division by zero"),
        ("(", "written_shop cannot be imported: SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(code: str | None, told: str, module: Module, write: Write) -> None:
    """That it is missing, or what it does."""
    if code is not None:
        write("written_shop.py", code)

    (problem,) = problems("written_shop:SLOS")

    assert problem.startswith(f"written_shop:SLOS: {told}")


@pytest.mark.parametrize("name", ["{}", "{}:", "{}:SLO_DEFINITIONS"])
def test_settings_bring_their_service_and_store(name: str, module: Module) -> None:
    """Without anything of Django's; three ways to write it."""
    settings = module(SLO_DEFINITIONS=DEFINITIONS, SLO_SERVICE="shop", SLO_STORE="sqlite:///slo.db", DEBUG=True)
    source = name.format(settings)

    found = load_definitions(source) if ":" in source else load_django_settings(source)

    assert (found.service, found.scope, len(found.definitions)) == ("shop", "host", 1)


@pytest.mark.parametrize(
    ("names", "service", "scope"),
    [
        ({"DATABASES": {"default": {}}, "ROOT_URLCONF": "shop.urls"}, "shop", "fleet"),
        ({"DATABASES": {}, "ROOT_URLCONF": "shop.urls"}, "default", "process"),
        ({}, "default", "process"),
    ],
)
def test_settings_that_are_not_there_are_as_in_django(
    names: dict[str, object], service: str, scope: str, module: Module
) -> None:
    """A project with a database keeps its events in it, under the name of its package."""
    found = load_django_settings(module(SLO_DEFINITIONS=DEFINITIONS, **names))

    assert (found.service, found.scope) == (service, scope)


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
    """Whoever makes rules must say it."""
    found = load_django_settings(module(SLO_DEFINITIONS=DEFINITIONS, SLO_STORE="mine://x"))

    assert found.scope is None
    assert isinstance(found, DefinitionSet)
