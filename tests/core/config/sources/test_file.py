"""
Files: each format says the same, and a mistake is named with its file and key, and its line where that is known.

Tests of file, line_map and toml_document.
"""

from __future__ import annotations

import pytest

from slo_core.config.sources.load import load_definitions
from slo_core.errors import ConfigError
from written_definitions import YAML, Write, problems

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


@pytest.mark.parametrize(
    ("name", "text"), [("slos.yaml", YAML), ("a.YML", YAML), ("slos.toml", TOML), ("slos.json", JSON)]
)
def test_the_three_formats_say_the_same(name: str, text: str, write: Write) -> None:
    """Tabs in JSON are no trouble either."""
    definition_set = load_definitions(write(name, text))

    availability, checkout = definition_set.definitions
    assert (availability.name, availability.target) == ("availability", 0.999)
    assert checkout.http is not None
    assert checkout.http.latency_seconds == 0.3
    assert (definition_set.where, definition_set.service, definition_set.scope) == (name, "shop", "fleet")
    assert definition_set.labels == {"team": "payments"}


def test_a_file_may_start_with_a_byte_order_mark(write: Write) -> None:
    """Some editors put one there."""
    assert load_definitions(write("slos.yaml", b"\xef\xbb\xbf" + YAML.encode())).service == "shop"


def test_a_list_of_slos_is_fine_too(write: Write) -> None:
    """As SLO_DEFINITIONS may be one."""
    definition_set = load_definitions(write("slos.yaml", "service: shop\nslos:\n  - {name: a, target: 0.9}\n"))

    assert [definition.name for definition in definition_set.definitions] == ["a"]


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
    ("name", "text", "message"),
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
def test_a_file_that_cannot_be_read_has_the_line_too(name: str, text: str, message: str, write: Write) -> None:
    """And nothing that stands in it is run."""
    (problem,) = problems(write(name, text))

    assert problem.startswith(message)


@pytest.mark.parametrize(
    ("name", "content", "message"),
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
def test_a_file_with_other_content_is_refused(name: str, content: str | bytes, message: str, write: Write) -> None:
    """With what a file holds."""
    (problem,) = problems(write(name, content))

    assert problem.startswith(message)


SWITCHED = """\
service: shop
defaults: {window: 7d}
alerts: {budget: off, traffic: ticket}
severities: {page: critical}
slos:
  a: {target: 0.9}
  b: {target: 0.9, window: 30d}
"""


def test_a_file_may_hold_defaults_and_switches_of_alerts(write: Write) -> None:
    """For all of its SLOs."""
    definition_set = load_definitions(write("slos.yaml", SWITCHED))

    assert [definition.window_seconds // 86_400 for definition in definition_set.definitions] == [7, 30]
    assert definition_set.alerts == {"budget": False, "traffic": "ticket"}
    assert definition_set.severities == {"page": "critical"}


def test_a_mistake_in_defaults_and_switches_has_its_line(write: Write) -> None:
    """Once, and where it was made."""
    text = (
        SWITCHED.replace("7d", "never")
        .replace("traffic", "trafic")
        .replace("critical", "''")
        .replace(", window: 30d", "")
    )

    with pytest.raises(ConfigError) as caught:
        load_definitions(write("slos.yaml", text))

    assert [str(problem).partition("; ")[0] for problem in caught.value.problems] == [
        "slos.yaml:3: alerts: unknown alert 'trafic'",
        "slos.yaml:4: severities: expected non-empty text, got ''",
        'slos.yaml:2: defaults.window: expected seconds or a duration such as "30d", "1h30m" or "300ms", got \'never\'',
    ]
