"""SLO definitions as people configure them."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from types import MappingProxyType

import pytest

from slo_core import AlertRule, ConfigError, HTTPRule, SLODefinition
from slo_core.config.definitions import parse_definitions
from slo_core.objectives.task_rule import TaskRule

DAY = 86_400


def one(**options: object) -> SLODefinition:
    (definition,) = parse_definitions({"a": {"target": 0.999, **options}})
    return definition


def problems_of(config: object, *, where: str = "SLO_DEFINITIONS") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_definitions(config, where=where)  # type: ignore[arg-type]  # whatever a settings file may hold
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return [str(problem) for problem in caught.value.problems]


def problems_with(**options: object) -> list[str]:
    return problems_of({"a": {"target": 0.999, **options}})


def classify_everything(status: int, exception: BaseException | None) -> bool:
    return True


def test_the_example_of_the_documentation() -> None:
    """Percent, durations, routes, methods, custom."""
    availability, latency, orders = parse_definitions(
        {
            "availability": {"target": "99.9%", "window": "30d"},
            "checkout-latency": {"target": 0.99, "latency": "300ms", "routes": ["/checkout/*"], "methods": ["POST"]},
            "orders-fresh": {"target": 0.99, "kind": "custom"},
        }
    )

    assert availability == SLODefinition("availability", 0.999, kind="http", http=HTTPRule())
    assert latency.http == HTTPRule(routes=("/checkout/*",), methods=("POST",), latency_seconds=0.3)
    assert orders == SLODefinition("orders-fresh", 0.99, kind="custom")


def test_a_target_in_percent_typed_as_a_number_is_recognised() -> None:
    """The message of the documentation, to the letter."""
    (problem,) = problems_of({"availability": {"target": 99.9}}, where="settings.SLO_DEFINITIONS")

    path = "settings.SLO_DEFINITIONS['availability'].target"
    assert problem == f'{path}: expected a ratio between 0 and 1, got 99.9; did you mean "99.9%"?'


@pytest.mark.parametrize(
    ("text", "ratio", "allowance"),
    [
        ("99.9%", 0.999, Fraction(1, 1000)),
        ("99.99 %", 0.9999, Fraction(1, 10_000)),
        (" 90%", 0.9, Fraction(1, 10)),
        ("99.995%", 0.99995, Fraction(5, 100_000)),
        ("0.1%", 0.001, Fraction(999, 1000)),
    ],
)
def test_percent_is_divided_before_it_becomes_a_float(text: str, ratio: float, allowance: Fraction) -> None:
    """99.9 / 100 in floats is 0.9990000000000001."""
    definition = one(target=text)

    assert definition.target == ratio
    assert definition.objective.allowance == allowance


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("0.999", "expected a ratio between 0 and 1 or a percentage such as \"99.9%\", got '0.999'"),
        ("99,9%", "or a percentage such as"),
        ("NaN%", "or a percentage such as"),
        ("99.9%%", "or a percentage such as"),
        ("%", "or a percentage such as"),
        ("", "or a percentage such as"),
        ("100%", 'expected a share between "0%" and "100%", got \'100%\''),
        ("0%", "expected a share between"),
        ("-5%", "expected a share between"),
        ("1e400%", "expected a share between"),
        (100, "expected a ratio between 0 and 1, got 100"),
        (0, "expected a ratio between 0 and 1, got 0"),
        (1, "expected a ratio between 0 and 1, got 1"),
        (float("nan"), "expected a ratio between 0 and 1, got nan"),
        (None, "expected a ratio between 0 and 1, got None"),
        (True, "expected a ratio between 0 and 1, got True"),
        ([0.9], "expected a ratio between 0 and 1, got [0.9]"),
        (10**400, "expected a ratio between 0 and 1, got 1000"),
    ],
)
def test_a_bad_target_is_one_problem(target: object, message: str) -> None:
    """Not two that say the same."""
    (problem,) = problems_with(target=target)

    assert problem.startswith("SLO_DEFINITIONS['a'].target: ")
    assert message in problem


def test_a_key_without_a_value_is_one_problem() -> None:
    """YAML reads it as None: what was to be typed there is no default, neither of an SLO nor of all of them."""
    every = {field.name for field in (*fields(HTTPRule), *fields(TaskRule), *fields(SLODefinition)) if field.init}
    keys = {"latency", *every} - {"name", "http", "task", "window_seconds", "latency_seconds"}

    for key in keys:
        options = {"target": 0.99, key: None}
        assert [text.partition(":")[0] for text in problems_of({"a": options})] == [f"SLO_DEFINITIONS['a'].{key}"]
    rule = {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 5}
    for key in ("long_window", "short_window", "severity", "budget_share", "min_failures"):
        (problem,) = problems_of({"a": {"target": 0.99, "alert_rules": [{**rule, key: None}]}})
        assert problem.startswith(f"SLO_DEFINITIONS['a'].alert_rules[0].{key}: ")


def test_a_missing_target_is_asked_for() -> None:
    """With an example of one."""
    assert problems_of({"a": {}}) == [
        "SLO_DEFINITIONS['a'].target: missing; expected a ratio such as 0.999, or \"99.9%\""
    ]


@pytest.mark.parametrize(
    ("window", "seconds"), [("30d", 30 * DAY), ("1w", 7 * DAY), (86_400, DAY), (86_400.0, DAY), ("1d12h", 36 * 3600)]
)
def test_a_window_is_a_duration(window: object, seconds: int) -> None:
    """Text or seconds."""
    assert one(window=window).window_seconds == seconds


@pytest.mark.parametrize("window", ["week", "month", "quarter"])
def test_a_window_is_a_calendar_window(window: str) -> None:
    """By its name, with a zone."""
    definition = one(window=window, timezone="Europe/Berlin")

    assert (definition.window, definition.timezone) == (window, "Europe/Berlin")


@pytest.mark.parametrize("window", ["monthly", "93d", "0.5s", "", 0, ["month"], True, 10**400])
def test_a_bad_window_is_one_problem_at_the_configured_key(window: object) -> None:
    """`window`, not `window_seconds`."""
    (problem,) = problems_with(window=window)

    assert problem.startswith("SLO_DEFINITIONS['a'].window: ")


@pytest.mark.parametrize(
    ("window", "burn_windows"), [("2h", (3600,)), ("10m", ()), ("6h", (3600, 21_600)), ("week", (3600, 21_600))]
)
def test_default_burn_windows_longer_than_the_window_are_dropped(window: str, burn_windows: tuple[int, ...]) -> None:
    """Those that were configured are refused instead."""
    assert one(window=window).burn_rate_windows == burn_windows

    assert problems_with(window="2h", burn_rate_windows=["6h"]) == [
        "SLO_DEFINITIONS['a'].burn_rate_windows: expected at most the SLO's window (7200 s), got 21600 s"
    ]


def test_burn_windows_are_durations() -> None:
    """Text or seconds, in a list."""
    assert one(burn_rate_windows=["30m", 7200]).burn_rate_windows == (1800, 7200)
    assert problems_with(burn_rate_windows="1h") == [
        "SLO_DEFINITIONS['a'].burn_rate_windows: expected a list of durations such as [\"1h\", \"6h\"], got '1h'"
    ]
    (problem,) = problems_with(burn_rate_windows=["1h", "soon"])
    assert problem.startswith("SLO_DEFINITIONS['a'].burn_rate_windows: expected seconds or a duration such as")


def test_every_option_finds_its_place() -> None:
    """All keys of the documentation at once."""
    definition = one(
        window="week", timezone="Asia/Kathmandu", description="words", unmatched=True, latency="1s", latency_of="total",
        latency_failures="ignore", kind="http", routes=["/x"], views=["v"], exclude=["/y"], methods=["get"],
        bad_statuses=["5xx", 429], classify=classify_everything, client_disconnect="bad", burn_rate_windows=["1h"],
        burn_rate_threshold=2, alert_rules=[], labels={"team": "shop"}, runbook="https://example.com", dashboard="https://board",
    )  # fmt: skip

    assert definition == SLODefinition(
        "a", 0.999, window="week", timezone="Asia/Kathmandu", description="words", kind="http",
        burn_rate_windows=(3600,), burn_rate_threshold=2, alert_rules=(), labels={"team": "shop"},
        runbook="https://example.com",
        dashboard="https://board",
        http=HTTPRule(
            routes=("/x",), views=("v",), exclude=("/y",), methods=("GET",), latency_seconds=1.0, latency_of="total",
            latency_failures="ignore", bad_statuses=("5xx", 429), classify=classify_everything, client_disconnect="bad",
            unmatched=True,
        ),
    )  # fmt: skip


def test_every_problem_is_reported_at_once_with_its_path() -> None:
    """Two SLOs, nine mistakes, one start."""
    problems = problems_of(
        {
            "a": {
                "target": 99.9, "window": "soon", "latency": "fast", "methods": ["FETCH"], "bad_statuses": [42],
                "labels": {"slo": "x"}, "tagret": 1,
            },
            "b": {"target": "95%", "client_disconnect": "maybe"},
            "c": "99.9%",
        }
    )  # fmt: skip

    assert {problem.partition(": ")[0] for problem in problems} == {
        "SLO_DEFINITIONS['a']", "SLO_DEFINITIONS['a'].target", "SLO_DEFINITIONS['a'].window",
        "SLO_DEFINITIONS['a'].latency", "SLO_DEFINITIONS['a'].methods", "SLO_DEFINITIONS['a'].bad_statuses",
        "SLO_DEFINITIONS['a'].labels", "SLO_DEFINITIONS['b'].client_disconnect", "SLO_DEFINITIONS['c']",
    }  # fmt: skip
    assert len(problems) == 9


def test_an_unknown_key_is_an_error_with_the_nearest_known_one() -> None:
    """A misspelt key would otherwise leave its default in force."""
    assert problems_with(tagret=0.9) == ["SLO_DEFINITIONS['a']: unknown key 'tagret'; did you mean \"target\"?"]
    (problem,) = problems_with(zzz=1)
    assert problem.startswith("SLO_DEFINITIONS['a']: unknown key 'zzz'; known: alert_rules, alerts, bad_statuses, ")


def test_unknown_keys_are_reported_in_the_order_of_the_configuration() -> None:
    """The same at every start."""
    problems = problems_with(zz=1, yy=2, xx=3, ww=4, vv=5)

    assert [problem.split("'")[3] for problem in problems] == ["zz", "yy", "xx", "ww", "vv"]


def test_a_list_of_mappings_with_names() -> None:
    """As YAML has it."""
    first, second = parse_definitions([{"name": "a", "target": 0.9}, {"name": "b", "target": "95%"}])

    assert (first.name, second.name) == ("a", "b")
    assert problems_of([{"target": 0.9}, {"name": 5, "target": 0.9}, {"name": "c", "target": 2}], where="slos") == [
        "slos[0].name: expected the SLO's name, got None",
        "slos[1].name: expected the SLO's name, got 5",
        'slos[2].target: expected a ratio between 0 and 1, got 2; did you mean "2%"?',
    ]


def test_a_name_given_twice_is_a_problem() -> None:
    """The second one is named."""
    assert problems_of([{"name": "a", "target": 0.9}, {"name": "a", "target": 0.99}]) == [
        "SLO_DEFINITIONS[1]: the name 'a' is already registered; choose another name"
    ]


def test_the_names_of_a_mapping_are_texts() -> None:
    """`{1: {...}}` is a slip."""
    (problem,) = problems_of({1: {"target": 0.9}})

    assert problem == "SLO_DEFINITIONS[1].name: must be non-empty text, got 1"


def test_definition_objects_count_requests_unless_they_say_custom() -> None:
    """Without an `http` part they get the default one; with one they keep it."""
    rule = HTTPRule(routes=("/x",))
    plain, custom, routed = parse_definitions(
        [SLODefinition("a", 0.9), SLODefinition("b", 0.9, kind="custom"), SLODefinition("c", 0.9, http=rule)]
    )

    assert plain.http == HTTPRule()
    assert custom.http is None
    assert routed.http is rule


def test_definition_objects_in_a_mapping_carry_its_name() -> None:
    """Two names for one SLO are one too many."""
    assert parse_definitions({"a": SLODefinition("a", 0.9)})[0].name == "a"
    assert problems_of({"a": SLODefinition("b", 0.9)}) == [
        "SLO_DEFINITIONS['a']: expected a definition named 'a', got one named 'b'"
    ]


@pytest.mark.parametrize("config", [None, 5, "availability", b"x", SLODefinition("a", 0.9)])
def test_what_is_no_configuration_is_refused(config: object) -> None:
    """With what was expected."""
    (problem,) = problems_of(config)

    assert problem.startswith("SLO_DEFINITIONS: expected a mapping of SLO names to options, or a list, got")


@pytest.mark.parametrize("config", [{}, [], (), iter(()), MappingProxyType({})])
def test_nothing_configured_is_no_problem(config: object) -> None:
    """An application without SLOs starts."""
    assert parse_definitions(config) == ()  # type: ignore[arg-type]


def test_entries_are_mappings_or_definitions() -> None:
    """Anything else is named with its place."""
    assert problems_of(["a", None]) == [
        "SLO_DEFINITIONS[0]: expected a mapping of options or an SLODefinition, got 'a'",
        "SLO_DEFINITIONS[1]: expected a mapping of options or an SLODefinition, got None",
    ]


def test_a_custom_slo_takes_no_keys_of_requests() -> None:
    """Each of them is named."""
    assert problems_with(kind="custom", routes=["/x"], latency="1s") == [
        "SLO_DEFINITIONS['a'].latency: a custom SLO counts no requests; drop this key or kind: \"custom\"",
        "SLO_DEFINITIONS['a'].routes: a custom SLO counts no requests; drop this key or kind: \"custom\"",
    ]


def test_a_text_where_a_list_belongs_is_recognised() -> None:
    """A text is a list of letters to Python."""
    assert problems_with(routes="/x") == [
        "SLO_DEFINITIONS['a'].routes: expected a list of texts, got '/x'; did you mean ['/x']?"
    ]
    assert problems_with(bad_statuses=503)[0].endswith("did you mean [503]?")


def test_a_classifier_may_be_a_dotted_path() -> None:
    """Imported at start-up, so that a mistake shows there."""
    http = one(classify="operator.eq").http
    assert http is not None
    assert http.classify is __import__("operator").eq

    for path in ("nowhere.at_all", "operator.nothing", "operator", ".relative.path", "", "a..b"):
        (problem,) = problems_with(classify=path)
        assert problem.startswith("SLO_DEFINITIONS['a'].classify: expected a callable or its dotted path, got")
    assert problems_with(classify="sys.path")[0].startswith("SLO_DEFINITIONS['a'].classify: expected a callable")


def test_alert_rules_are_mappings_with_the_fields_of_alert_rule() -> None:
    """Durations as text, shares in percent."""
    rules = one(
        alert_rules=[
            {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 14.4},
            {"long_window": "1d", "short_window": "2h", "severity": "ticket", "budget_share": "10%", "min_failures": 5},
            AlertRule("3d", "6h", severity="ticket", burn_rate=1),
        ]
    ).alert_rules

    assert rules == (
        AlertRule(3600, 300, severity="page", burn_rate=14.4),
        AlertRule(86_400, 7200, severity="ticket", budget_share=Fraction(1, 10), min_failures=5),
        AlertRule("3d", "6h", severity="ticket", burn_rate=1),
    )


def test_every_problem_of_the_alert_rules_is_reported() -> None:
    """With the rule's place in the list."""
    problems = problems_with(
        alert_rules=[
            {"long_window": "1h", "short_window": "2h", "severity": "", "burn_rate": 0},
            {"long_window": "1h", "short_window": "5m", "severity": "page", "budget_share": "lots", "min_failures": 0},
            {"long_window": "1h", "shrt_window": "5m", "severity": "page"},
            "page",
            {"long_window": "1h", "short_window": "5m", "severity": "page", "budget_share": "200%"},
        ]
    )

    assert [problem.removeprefix("SLO_DEFINITIONS['a'].alert_rules") for problem in problems] == [
        "[0].burn_rate: expected a number above 0, got 0",
        "[0].short_window: expected less than the long window (3600 s), got 7200 s",
        '[0].severity: expected text such as "page" or "ticket", got \'\'',
        "[1].budget_share: expected a ratio between 0 and 1 or a percentage such as \"99.9%\", got 'lots'",
        "[1].min_failures: expected a whole number from 1, got 0",
        "[2]: unknown key 'shrt_window'; did you mean \"short_window\"?",
        "[2].short_window: missing",
        "[3]: expected a mapping with the fields of AlertRule, got 'page'",
        "[4].budget_share: expected a share up to 1, got Fraction(2, 1)",
    ]


@pytest.mark.parametrize("rules", ["page", 5, None, {"long_window": "1h"}])
def test_alert_rules_are_a_list(rules: object) -> None:
    """Anything else is named."""
    (problem,) = problems_with(alert_rules=rules)

    assert problem.startswith("SLO_DEFINITIONS['a'].alert_rules: expected a list of alert rules, got")


def test_rules_the_same_by_severity_and_windows_are_a_problem() -> None:
    """Found by the definition, told at the configured place."""
    rule = {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 2}

    assert problems_with(alert_rules=[rule, rule]) == [
        "SLO_DEFINITIONS['a'].alert_rules: severity and windows must be unique within an SLO, got page 1h/5m twice"
    ]


def test_defaults_are_options_of_every_slo_that_has_none_of_its_own() -> None:
    """Labels and alerts are put together key by key; a custom SLO takes none that are about requests."""
    defaults = {
        "target": "99%",
        "window": "7d",
        "latency": "300ms",
        "labels": {"team": "shop", "tier": "1"},
        "alerts": {"traffic": False, "absent": "ticket"},
    }
    plain, own, custom = parse_definitions(
        {
            "plain": {},
            "own": {"window": "month", "labels": {"tier": "2"}, "alerts": {"traffic": "ticket"}},
            "custom": {"kind": "custom", "target": 0.9},
        },
        defaults=defaults,
    )

    assert (plain.target, plain.window_seconds, plain.labels) == (0.99, 7 * 86_400, {"team": "shop", "tier": "1"})
    assert plain.http is not None
    assert plain.http.latency_seconds == 0.3
    assert plain.alerts == {"traffic": False, "absent": "ticket"}
    assert (own.window, own.labels) == ("month", {"team": "shop", "tier": "2"})
    assert own.alerts == {"traffic": "ticket", "absent": "ticket"}
    assert (custom.target, custom.http) == (0.9, None)


def test_a_mistake_in_the_defaults_is_reported_once_and_there() -> None:
    """Not for each SLO that inherits it; one of an SLO's own options keeps its place."""
    with pytest.raises(ConfigError) as caught:
        parse_definitions(
            {"a": {"target": 0.9}, "b": {"target": 0.9}, "c": {"target": 0.9, "window": "never"}},
            where="slos",
            defaults={
                "window": "93d",
                "latency": "fast",
                "alert_rules": [{"long_window": "1h", "short_window": "5m", "severity": "", "burn_rate": 2}],
                "windwo": 1,
            },
        )

    assert [problem.path for problem in caught.value.problems] == [
        "defaults",
        "defaults.alert_rules[0].severity",
        "defaults.latency",
        "defaults.window",
        "slos['c'].window",
    ]


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ("off", 'expected a mapping such as {"traffic": "off"}, got \'off\''),
        ({"trafic": "off"}, "unknown alert 'trafic'; did you mean \"traffic\"?"),
        ({"SLOBudgetlow": "off"}, "unknown alert 'SLOBudgetlow'; did you mean \"SLOBudgetLow\"?"),
        ({"traffic": 3}, 'expected "on", "off" or a severity for \'traffic\', got 3'),
        ({"SLOStoreDown": "off"}, "SLOStoreDown is about the service, not about one SLO; switch it for the whole file"),
    ],
)
def test_alerts_are_switched_by_known_names(alerts: object, message: str) -> None:
    """A misspelt family would otherwise go on paging."""
    assert problems_with(alerts=alerts) == [f"SLO_DEFINITIONS['a'].alerts: {message}"]


NO_QUOTES = "it is text, not a number: write {} without quotes"
NO_UNIT = 'it has no unit: write "{}s" for seconds, or another of ms, s, m, h, d, w'
RULE = {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 9}


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"target": "0.99"}, NO_QUOTES.format("0.99") + ', or "99%"'),
        ({"target": "99"}, 'did you mean "99%"?'),
        ({"target": "99,9%"}, 'did you mean "99.9%"?'),
        ({"window": "30"}, NO_UNIT.format("30")),
        ({"window": "30 days"}, 'did you mean "30d"?'),
        ({"window": "30min"}, 'did you mean "30m"?'),
        ({"window": "Monthly"}, 'did you mean "month"?'),
        ({"latency": "0.5"}, NO_UNIT.format("0.5")),
        ({"latency": "500msec"}, 'did you mean "500ms"?'),
        ({"burn_rate_threshold": "2"}, NO_QUOTES.format("2")),
        ({"alert_rules": [{**RULE, "burn_rate": "14.4"}]}, NO_QUOTES.format("14.4")),
        ({"alert_rules": [{**RULE, "min_failures": "2"}]}, NO_QUOTES.format("2")),
        ({"alert_rules": [{**RULE, "short_window": "60"}]}, NO_UNIT.format("60")),
        ({"ignored_statuses": "404"}, "did you mean [404]?"),
        ({"ignored_statuses": ["404"]}, NO_QUOTES.format("404")),
        ({"labels": {"tier": 1}}, 'write it in quotes: "1"'),
        ({"labels": {"paid": True}}, 'write it in quotes: "true"'),
    ],
)
def test_what_looks_right_is_refused_with_what_to_write(options: dict[str, object], hint: str) -> None:
    """Quotes, units, percent signs and decimal commas: "expected a ratio, got '0.99'" alone would be a riddle."""
    (problem,) = problems_with(**options)

    assert problem.endswith(f"; {hint}")


def test_months_have_no_length() -> None:
    """Of "1M" or "1y" none can be guessed."""
    for window in ("1M", "2 months", "1y"):
        (problem,) = problems_with(window=window)
        assert "; months and years differ in length: write days" in problem
