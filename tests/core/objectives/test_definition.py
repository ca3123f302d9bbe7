"""What an SLO promises, and what is refused as one."""

from __future__ import annotations

import copy
import dataclasses
import math
import pickle
from fractions import Fraction

import pytest

from slo_core import AlertRule, ConfigError, HTTPRule, SLODefinition

DAY = 86_400


def problems_of(**options: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        SLODefinition(**{"name": "availability", "target": 0.999, **options})  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def test_the_documented_defaults() -> None:
    """Two positional arguments make an SLO over 30 days with the documented alerts."""
    definition = SLODefinition("availability", 0.999)

    assert definition.window_seconds == 2_592_000
    assert definition.burn_rate_windows == (3600, 21_600)
    assert definition.burn_rate_threshold == 14.4
    assert definition.description == ""
    assert (definition.kind, definition.http, definition.window) == (None, None, None)


def test_the_documented_order_of_positional_arguments() -> None:
    """Name, target, window, burn windows, threshold, description."""
    definition = SLODefinition("a", 0.9, 86_400, (3600,), 2, "words")

    assert definition == SLODefinition(
        name="a",
        target=0.9,
        window_seconds=86_400,
        burn_rate_windows=(3600,),
        burn_rate_threshold=2,
        description="words",
    )


def test_a_definition_is_frozen() -> None:
    """What is counted cannot change under the counting."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        SLODefinition("a", 0.9).target = 0.5  # type: ignore[misc]  # that is the mistake


def test_a_definition_can_be_hashed_copied_and_pickled() -> None:
    """It is a value."""
    definition = SLODefinition("a", 0.999, labels={"team": "shop"}, http=HTTPRule(routes=("/x",)))

    assert hash(definition) == hash(copy.deepcopy(definition))
    assert pickle.loads(pickle.dumps(definition)) == definition
    assert pickle.loads(pickle.dumps(definition)).objective.allowance == Fraction(1, 1000)
    assert dataclasses.replace(definition, name="b").objective == definition.objective


def test_replacing_a_field_of_a_calendar_definition_keeps_the_calendar() -> None:
    """The nominal window a calendar definition fills in is no contradiction to it."""
    assert dataclasses.replace(SLODefinition("a", 0.9, window="week"), name="b").window == "week"


def test_lists_are_taken_as_tuples_and_whole_floats_as_ints() -> None:
    """YAML gives lists and 3600.0."""
    definition = SLODefinition("a", 0.9, 86_400.0, [3600.0, 7200], alert_rules=[])  # type: ignore[arg-type]

    assert definition.burn_rate_windows == (3600, 7200)
    assert type(definition.window_seconds) is int
    assert definition.alert_rules == ()


def test_the_error_budget_ratio_is_what_the_digits_say() -> None:
    """0.001, not 0.0010000000000000009."""
    assert SLODefinition("a", 0.999).error_budget_ratio == 0.001


def test_the_threshold_is_what_its_digits_say() -> None:
    """14.4 is 72/5."""
    assert SLODefinition("a", 0.999).threshold == Fraction(72, 5)


def test_the_labels_are_the_definitions_own() -> None:
    """A mapping changed later changes nothing."""
    labels = {"team": "shop"}
    definition = SLODefinition("a", 0.9, labels=labels)

    labels["team"] = "other"

    assert definition.labels == {"team": "shop"}


def test_kind_http_without_a_rule_counts_every_request() -> None:
    """The rule it gets is the default one."""
    assert SLODefinition("a", 0.9, kind="http").http == HTTPRule()


@pytest.mark.parametrize("name", ["", None, 5, b"a", "\ud800"])
def test_a_name_is_text_that_can_be_shown(name: object) -> None:
    """It becomes a label value."""
    (problem,) = problems_of(name=name)

    assert problem.startswith("SLODefinition.name: ")


@pytest.mark.parametrize("name", ["checkout", "a b", 'quo"te', "line\nbreak", "back\\slash", "größe", "🔥"])
def test_any_other_text_is_a_name(name: str) -> None:
    """Escaping is the exposition's affair."""
    assert SLODefinition(name, 0.9).name == name


@pytest.mark.parametrize("target", [0, 1, 99.9, math.nan, "99.9%", None, True])
def test_a_bad_target_is_named(target: object) -> None:
    """The message names the field."""
    (problem,) = problems_of(target=target)

    assert problem.startswith("SLODefinition.target: expected a ratio between 0 and 1, got")


@pytest.mark.parametrize("seconds", [0, -1, 1.5, math.nan, math.inf, "30d", None, True])
def test_a_window_is_positive_whole_seconds(seconds: object) -> None:
    """Text is understood in configuration, not here."""
    assert f"SLODefinition.window_seconds: must be positive whole seconds, got {seconds!r}" in problems_of(
        window_seconds=seconds, burn_rate_windows=()
    )


@pytest.mark.parametrize("seconds", [92 * DAY + 1, 10**400])
def test_windows_over_92_days_are_refused(seconds: int) -> None:
    """92 days are a quarter at its longest, and what is kept."""
    (problem,) = problems_of(window_seconds=seconds)

    assert "expected at most 92 days (7948800 s)" in problem
    assert SLODefinition("a", 0.9, 92 * DAY).window_seconds == 7_948_800


def test_burn_windows_longer_than_the_window_are_refused() -> None:
    """A day-long SLO has no six-day burn rate."""
    assert problems_of(window_seconds=3600) == [
        "SLODefinition.burn_rate_windows: expected at most the SLO's window (3600 s), got 21600 s"
    ]


@pytest.mark.parametrize("windows", [(3600, 3600), (3600, 3600.0)])
def test_a_burn_window_is_named_once(windows: tuple[int, ...]) -> None:
    """Two series of the same labels would be one too many."""
    (problem,) = problems_of(burn_rate_windows=windows)

    assert "expected each window once" in problem


@pytest.mark.parametrize("windows", [([1],), (None,), (0,), ("1h",), (math.nan,), (10**400,), 3600, "1h", {3600}])
def test_bad_burn_windows_are_named(windows: object) -> None:
    """Whatever came, the answer is a sentence and no TypeError."""
    assert all(
        problem.startswith("SLODefinition.burn_rate_windows: ") for problem in problems_of(burn_rate_windows=windows)
    )


@pytest.mark.parametrize("threshold", [1, 0, -3, math.nan, math.inf, "14.4", None, True])
def test_a_burn_threshold_is_a_number_above_1(threshold: object) -> None:
    """At 1 the budget lasts exactly the window: nothing to wake anybody for."""
    (problem,) = problems_of(burn_rate_threshold=threshold)

    assert problem.startswith("SLODefinition.burn_rate_threshold: must be a number above 1")


@pytest.mark.parametrize(("window", "seconds"), [("week", 7 * DAY), ("month", 30 * DAY), ("quarter", 90 * DAY)])
def test_a_calendar_window_has_a_nominal_length(window: str, seconds: int) -> None:
    """Burn-rate factors are worked out from it."""
    assert SLODefinition("a", 0.9, window=window).window_seconds == seconds  # type: ignore[arg-type]


@pytest.mark.parametrize("window", ["year", "", 5, ["month"]])
def test_an_unknown_calendar_window_is_refused(window: object) -> None:
    """The hint tells how a rolling window is given."""
    (problem,) = problems_of(window=window)

    assert 'expected "month", "week" or "quarter"' in problem
    assert "window_seconds" in problem


def test_a_calendar_window_and_seconds_contradict_each_other() -> None:
    """The library does not guess which one was meant."""
    (problem,) = problems_of(window="month", window_seconds=7 * DAY)

    assert "expected either a calendar window or window_seconds, got both" in problem


def test_the_longest_calendar_window_decides_what_is_kept() -> None:
    """A month has at most 31 days; clocks that go back can add up to one more."""
    assert SLODefinition("a", 0.9, window="month").longest_seconds == 32 * DAY
    assert SLODefinition("a", 0.9, window="quarter").longest_seconds == 93 * DAY
    assert SLODefinition("a", 0.9, 3 * 3600, (3600,), alert_rules=()).longest_seconds == 3 * 3600


@pytest.mark.parametrize("zone", ["Nope/Nope", "", None, 5, [1], b"UTC", "../etc/passwd", "Europe", "a\0b", "\ud800"])
def test_a_timezone_is_an_iana_name(zone: object) -> None:
    """Missing data has a remedy, and the message says it."""
    (problem,) = problems_of(timezone=zone)

    assert problem.startswith("SLODefinition.timezone: expected an IANA time zone")
    assert "pip install tzdata" in problem


@pytest.mark.parametrize("field", ["description", "runbook", "dashboard"])
def test_texts_are_texts(field: str) -> None:
    """A number is a mistake."""
    assert problems_of(**{field: 5}) == [f"SLODefinition.{field}: expected text, got 5"]


@pytest.mark.parametrize("name", ["1a", "a-b", "", "__a", 5, "ä"])
def test_label_names_are_prometheus_label_names(name: object) -> None:
    """Letters, digits and underscores."""
    (problem,) = problems_of(labels={name: "x"})

    assert problem.startswith("SLODefinition.labels: expected a label name")


@pytest.mark.parametrize(
    "name", ["slo", "slo_service", "store_id", "window_seconds", "outcome", "severity", "job", "instance", "le"]
)
def test_labels_that_others_set_are_reserved(name: str) -> None:
    """A label of that name would be overwritten, or overwrite."""
    (problem,) = problems_of(labels={name: "x"})

    assert "is set by slo-suite itself" in problem


def test_label_values_are_texts() -> None:
    """Any text that UTF-8 knows."""
    assert len(problems_of(labels={"a": 5, "b": "\ud800", "c": "fine"})) == 2
    assert problems_of(labels="team") == [
        "SLODefinition.labels: expected a mapping of label names to texts, got 'team'"
    ]


def test_a_custom_slo_counts_no_requests() -> None:
    """Both at once is a contradiction."""
    (problem,) = problems_of(kind="custom", http=HTTPRule())

    assert problem.startswith("SLODefinition.http: a custom SLO is fed by your own code")


def test_kind_and_http_must_be_what_they_are() -> None:
    """A misspelt kind is not counted silently."""
    assert problems_of(kind="htp", http="/x") == [
        'SLODefinition.kind: expected "http", "task" or "custom", got \'htp\'',
        "SLODefinition.http: expected an HTTPRule, got '/x'",
    ]


def test_rules_are_alert_rules() -> None:
    """Mappings are understood in configuration, not here."""
    (problem,) = problems_of(alert_rules=[{"long_window": "1h"}])

    assert problem.startswith("SLODefinition.alert_rules: expected a list of AlertRule")


def test_a_rule_is_unique_by_severity_and_windows() -> None:
    """The factor does not tell two series apart."""
    twice = [AlertRule("1h", "5m", severity="page", burn_rate=factor) for factor in (2, 3)]
    (problem,) = problems_of(alert_rules=twice)

    assert "must be unique within an SLO, got page 1h/5m twice" in problem


def test_rules_look_back_92_days_at_most() -> None:
    """No longer is kept."""
    (problem,) = problems_of(alert_rules=[AlertRule("93d", "1h", severity="page", burn_rate=2)])

    assert "expected windows of at most 92 days" in problem


def test_every_problem_is_reported_at_once() -> None:
    """One start of the service shows them all."""
    problems = problems_of(
        name="", target=2, window_seconds=0, burn_rate_windows=(0,), burn_rate_threshold=0, timezone="x"
    )

    assert [problem.partition(":")[0].removeprefix("SLODefinition.") for problem in problems] == [
        "name", "target", "window_seconds", "timezone", "burn_rate_windows", "burn_rate_threshold",
    ]  # fmt: skip


def test_windows_are_counted_once_each_the_slos_first() -> None:
    """30 days; 1 h and 6 h of the burn alerts; 5 m, 30 m, 1 d, 2 h, 3 d and 6 h of the rules."""
    assert SLODefinition("a", 0.999).windows == (2_592_000, 3600, 21_600, 300, 1800, 86_400, 7200, 259_200)


def test_concerns_about_the_users_own_rules_are_told() -> None:
    """They stay in force; the checks warn."""
    rule = AlertRule("1h", "5m", severity="page", burn_rate=20)
    definition = SLODefinition("a", 0.95, alert_rules=(rule, AlertRule("1h", "6m", severity="page", burn_rate=21)))

    assert len(definition.active_alert_rules) == 2
    (concern,) = definition.alert_concerns
    assert "page 1h/6m: its factor 21 can never be reached" in str(concern)
