"""Whatever stands in a configuration: it is understood, or refused with a `ConfigError` that says what is wrong."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core import ConfigError, SLODefinition
from slo_core.config.definitions import parse_definitions
from slo_core.config.sources.file import ENDINGS
from slo_core.config.sources.load import load_definitions
from slo_core.errors import SLOError

# Lone surrogates too: JSON can write them.
texts = st.text(st.characters(), max_size=20)
numbers = st.one_of(
    st.integers(),
    st.floats(),
    st.decimals(),
    st.fractions(),
    st.sampled_from([0, 1, -1, 0.999, 99.9, 1e308, Decimal("1e-999999999"), Decimal("sNaN"), Fraction(1, 3)]),
)
# Nearly right, which goes further than what is plainly wrong.
likely = st.sampled_from(
    [
        "99.9%", "0%", "1e999999999%", "1e-999999999%", "NaN%", "30d", "1h30m", "month", "week", "0s", "9" * 400 + "d",
        "300ms",
        "http", "custom", "page", "ticket", "UTC", "Europe/Berlin", "../UTC", "/etc/passwd", "\0", "os.path.join", ".",
        "..",
        "os.", ".os", "no.such.module", "antigravity.", "5xx", "6xx", "GET", "*", "[", "first-byte", "total", "auto",
        True, None,
    ]
)  # fmt: skip
scalars = st.one_of(st.none(), st.booleans(), numbers, texts, st.binary(max_size=8), likely)
keys = st.one_of(
    texts,
    st.integers(),
    st.sampled_from([None, True, 0.5]),
    st.sampled_from(
        [
            "name", "target", "window", "timezone", "description", "kind", "burn_rate_windows", "burn_rate_threshold",
            "alert_rules", "labels", "runbook", "alerts", "routes", "views", "methods", "exclude", "latency", "latency_of",
            "latency_failures", "bad_statuses", "classify", "client_disconnect", "unmatched", "long_window", "dashboard",
            "short_window",
            "severity", "burn_rate", "budget_share", "min_failures", "target ", "Target", "windwo",
        ]
    ),
)  # fmt: skip
nested = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
options = st.fixed_dictionaries(
    {"target": st.just(0.9) | nested},
    optional=dict.fromkeys(
        (
            "name", "window", "timezone", "description", "kind", "burn_rate_windows", "burn_rate_threshold",
            "alert_rules", "labels", "runbook", "alerts", "routes", "views", "methods", "exclude", "latency", "latency_of",
            "latency_failures", "bad_statuses", "client_disconnect", "unmatched", "dashboard",
        ),
        nested,
    ),
)  # fmt: skip
rules = st.lists(
    st.fixed_dictionaries(
        {
            "long_window": st.just("1h") | nested,
            "short_window": st.just("5m") | nested,
            "severity": st.just("page") | nested,
        },
        optional={"burn_rate": nested, "budget_share": nested, "min_failures": nested},
    ),
    max_size=2,
)
configurations = st.one_of(
    nested,
    st.dictionaries(texts, options, max_size=3),
    st.lists(options, max_size=3),
    st.builds(lambda found: {"a": {"target": 0.9, "alert_rules": found}}, rules),
)


def deep(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = {"a": [made]}
    return made


def refused_or_defined(config: Any) -> None:
    try:
        found = parse_definitions(config)
    except ConfigError as exc:
        assert exc.problems
        # It ends in logs, on terminals and in Django's checks.
        str(exc).encode()
    else:
        assert all(isinstance(definition, SLODefinition) for definition in found)
        for definition in found:
            repr(definition)
            assert definition.windows
            definition.active_alert_rules, definition.alert_concerns  # noqa: B018


@given(configurations)
def test_any_data_is_a_configuration_or_a_config_error(config: Any) -> None:
    """Never another exception, and never one whose text cannot be written down."""
    refused_or_defined(config)


def rule(**more: Any) -> dict[str, Any]:
    return {"long_window": 3600, "short_window": 300, "severity": "page", **more}


HUGE = 10**5000  # more digits than Python writes down


@pytest.mark.parametrize(
    "config",
    [
        {"a": {"target": "1e999999999%"}}, {"a": {"target": "1e-999999999%"}}, {"a": {"target": "0e999999999%"}},
        {"a": {"target": "9" * 10**6 + "%"}},
        {"a": {"target": 0.9, "alert_rules": [rule(budget_share="1e-999999999%")]}},
        {"a": {"target": 0.9, "alert_rules": [rule(burn_rate=Decimal("1e-999999999"))]}},
        {"a": {"target": HUGE}}, {"a": {"target": 0.9, HUGE: 1}}, {HUGE: {"target": 0.9}}, {"a": HUGE}, HUGE, [HUGE],
        [{"name": HUGE}],
        [{"name": "a", "target": 0.9, "description": [HUGE]}], {"a": {"target": 0.9,
        "alert_rules": [rule(min_failures=HUGE)]}},
        deep(100_000), {"a": {"target": 0.9, "routes": deep(100_000)}}, {"a": {"target": 0.9,
        "labels": {"x": deep(500)}}},
        {"a": {"target": 0.9, "classify": "\ud800.a"}}, {"a": {"target": 0.9, "\ud800": 1}}, {"a": {"target": 0.9,
        "timezone": []}},
        {"a": {"target": 0.9, "window": "9" * 10**5 + "d"}}, {"\ud800": {"target": 0.9}},
    ],
    ids=range(23),
)  # fmt: skip
def test_traps_are_refused(config: Any) -> None:
    """At once, too: a fraction of a billion digits would take minutes and all memory."""
    with pytest.raises(ConfigError) as caught:
        parse_definitions(config)

    str(caught.value).encode()


def test_a_cycle_is_refused() -> None:
    """Data that hold themselves."""
    config: dict[str, Any] = {"a": {"target": 0.9}}
    config["a"]["labels"] = config

    refused_or_defined(config)


class Hostile:
    """A value of somebody else's, whose text cannot be had."""

    def __repr__(self) -> str:
        raise RuntimeError("not for you")


def test_a_value_that_cannot_be_shown_is_refused_all_the_same() -> None:
    """The message does without it."""
    refused_or_defined({"a": {"target": Hostile()}})
    refused_or_defined({"a": {"target": 0.9, "description": Hostile()}})


def test_a_module_that_fails_when_it_is_imported_is_a_config_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its code raises."""
    (tmp_path / "broken_on_import.py").write_text("raise LookupError('no such region')\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ConfigError, match="no such region"):
        parse_definitions({"a": {"target": 0.9, "classify": "broken_on_import.classify"}})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("definitions")


def loaded_or_refused(folder: Path, ending: str, content: bytes) -> None:
    file = folder / f"slos{ending}"
    file.write_bytes(content)
    try:
        found = load_definitions(str(file))
    except SLOError as exc:
        assert str(exc)
        str(exc).encode()
    else:
        assert found.definitions


fragments = st.sampled_from(
    [
        "service: a\n", "slos:\n", "  a:\n", "    target: 0.9\n", "    target: !!int ''\n", "    target: !!float ''\n",
        "    target: !!bool maybe\n", "    target: !!timestamp x\n", "    target: !!binary é\n",
        "    target: 2024-02-31\n",
        "    <<: [1]\n", "&a [*a]", "? [1]\n: 2\n", "!!python/object:os.system x\n", "!!set {1}\n", "!!omap [1]\n",
        "!!pairs [1]\n",
        "{", "}", "[", "]", ",", ":", '"', "\\ud800", "\t", "\n", "'", "- ", "--- ", "...\n", "%YAML 9.9\n", "&b ",
        "*b", "|\n", "0x",
        "[slos]\n", "[[slos]]\n", "[slos.a]\n", "target = 0.9\n", 'service = "a"\n', "a.b.c = 1\n",
        "1979-05-27T07:32:00Z",
        '"service": "a"', '"slos": {"a": {"target": 0.9}}', "Infinity", "NaN", "1e999", "null", "true", "0xffff", "1_0",
        "-",
        "store: redis://[\n", "store: sqlite:///a\n", "labels: {a: b}\n", 'store = "redis://["\n',
    ]
)  # fmt: skip
documents = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(fragments | st.text(max_size=3), max_size=12).map(lambda parts: "".join(parts).encode("utf-8", "replace")),
    nested.map(lambda value: json.dumps(value, default=str, skipkeys=True).encode() if printable(value) else b""),
)


def printable(value: object) -> bool:
    try:
        json.dumps(value, default=str, skipkeys=True)
    except ValueError:  # a number of 5,000 digits
        return False
    return True


@pytest.mark.parametrize("ending", ENDINGS)
@given(content=documents)
def test_any_bytes_are_definitions_or_a_config_error(folder: Path, ending: str, content: bytes) -> None:
    """A file of somebody's editor, of a template that failed, of a network share."""
    loaded_or_refused(folder, ending, content)


HEXADECIMAL = "0x" + "f" * 5000

TRAPS = {
    ".yaml": [
        *(f"service: a\nslos: {{a: {{target: {value}}}}}\n" for value in (
            "!!int ''", "!!float ''", "!!float '-'", "!!bool maybe", "!!timestamp x", "!!binary é", "!!null x",
            "!!str [a]", "!!map [a]",
            "!!seq {a: b}", "!!set [a]", "!!omap {a: b}", "!!pairs x", "2024-02-31", HEXADECIMAL, f"[{HEXADECIMAL}]",
            "0b2", "1:99:99", "-", "+", "._",
            "0o9", "1e999", ".nan", "-.inf", "=", "<<", "2001-12-14T21:59:43.10-99:99",
        )),
        f"service: a\nslos: {{a: {{target: 0.9, {HEXADECIMAL}: 1}}}}\n", f"{HEXADECIMAL}: a\n",
        f"service: {HEXADECIMAL}\n", f"store: {HEXADECIMAL}\n", f"labels: {HEXADECIMAL}\n",
        f"service: a\nslos: {{{HEXADECIMAL}: {{target: 0.9}}}}\n", f"slos: {HEXADECIMAL}\n", f"- {HEXADECIMAL}\n",
        "? {a: b}\n: c\n", "? [a]\n: c\n", "<<: {service: a}\n<<: b\n",
        'service: "\\ud800"\n"\\ud800": b\n', "service: a\nstore: 'redis://['\nslos: {a: {target: 0.9}}\n",
        "service: a\nslos: {a: {target: 0.9, ? !!binary YQ== : 1}}\n", "a: &a\n  b: *a\n",
    ],
    ".toml": [
        f"service = {HEXADECIMAL}\n", f"slos = {HEXADECIMAL}\n", f'service = "a"\n[slos.a]\ntarget = {HEXADECIMAL}\n',
        f"store = {HEXADECIMAL}\n",
        'service = "a"\nslos.' + "a." * 5_000 + "b = 1\n", "[" + "a." * 5_000 + "b]\n", "a = " + "[" * 900 + "]" * 900,
        "a." * 500_000 + "b = 1",
        'service = "a"\nslos = ' + "[" * 200 + "]" * 200, 'service = "a"\nslos = ' + "{a=" * 200 + "1" + "}" * 200,
        'service = "a"\nstore = "redis://["\n[slos.a]\ntarget = 0.9\n', "a = 1979-02-31\n", '"a" = 1\na = 2\n',
        'a = "\\ud800"\n',
        'service = "a"\n[slos.a]\ntarget = 1979-05-27\nwindow = 07:32:00\n',
    ],
    ".json": [
        '{"service": "\\ud800", "slos": {"\\ud800": {"target": 0.9}}}', '{"service": "a", "\\ud800": 1}',
        '{"a": 1' + "0" * 5000 + "}",
        '{"service": "a", "slos": {"a": {"target": 0.9, "\\ud800": 1, "labels": {"\\ud800": "\\ud800"}}}}',
        "[" * 100_000, '"', "", "\ufeff{}",
        '{"service": "a", "store": "redis://[", "slos": {"a": {"target": 0.9}}}',
        '{"service": "a", "store": "\\ud800://"}',
        '{"service": "a", "slos": {"a": {"target": NaN, "window": Infinity}}}',
        '{"service": "a", "slos": ' + "[" * 40 + "]" * 40 + "}",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("ending", "content"), [(ending, text) for ending, found in TRAPS.items() for text in found])
def test_traps_of_the_formats_are_refused(folder: Path, ending: str, content: str) -> None:
    """Numbers that no decimal can show, tags that their text does not fit, keys nested by the thousand."""
    loaded_or_refused(folder, ending, content.encode())
