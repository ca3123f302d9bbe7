"""What a release gate finds, and that it decides in integers. Tests of gate, and of sources/registry."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from slo_core import SLORegistry
from slo_core.budgets.snapshot import SLOSnapshots
from slo_core.errors import ConfigError, StoreError
from slo_core.status.finding import Finding
from slo_core.status.gate import Gate, gate_from
from slo_core.status.gate_limits import BurnLimit, parse_burn_limit, parse_min_budget, parse_min_time
from slo_core.status.gate_report import GateReport
from slo_core.status.service_status import ServiceStatus, service_status_or_error
from slo_core.testing import FakeClock


def service(
    events: dict[str, tuple[int, int]], *, days: float = 30, target: float = 0.999, name: str = "shop", **options: Any
) -> ServiceStatus:
    """A service measured for so many days, whose SLOs have just had so many good and bad events."""
    clock = FakeClock()
    registry = SLORegistry.from_config(
        {slo: {"target": target, **options} for slo in events}, service=name, clock=clock
    )
    clock.advance(days=days)
    for slo, (good, bad) in events.items():
        for success, times in ((True, good), (False, bad)):
            for _ in range(times):
                registry[slo].record(success)
    return service_status_or_error(registry)


def verdicts_of(asked: Gate, *services: ServiceStatus) -> list[tuple[str, str]]:
    """Verdict and subject of each finding."""
    return [(finding.verdict, finding.subject) for finding in asked.judge(services)]


def only(asked: Gate, status: ServiceStatus) -> Finding:
    (finding,) = asked.judge([status])
    return finding


def test_exactly_as_much_as_is_asked_is_enough() -> None:
    """9 bad of 10,000 at 99.9 % leave 1 of 10 allowed failures: 10 %. In floats it is 0.09999999999999998."""
    status = service({"availability": (9_991, 9)})

    assert only(gate_from(min_budget="10%"), status).verdict == "pass"
    assert only(gate_from(min_budget="10.1%"), status).verdict == "fail"


@pytest.mark.parametrize(("bad", "verdict"), [(60, "pass"), (61, "fail")])
def test_exactly_the_burn_rate_that_is_accepted_passes(bad: int, verdict: str) -> None:
    """60 bad of 100 at 90 % burn at 6, and leave most of the budget of a busy week. In floats it is 6.000000000000001."""
    clock = FakeClock()
    registry = SLORegistry.from_config({"a": {"target": 0.9}}, clock=clock)
    for _ in range(1_000):
        registry["a"].record(True)
    clock.advance(days=7)
    for number in range(100):
        registry["a"].record(number >= bad)

    finding = only(gate_from(max_burns=["6/1h"]), service_status_or_error(registry))

    assert finding.verdict == verdict


@pytest.mark.parametrize(
    ("bad", "asked", "verdict", "reason"),
    [
        (60, "4h", "pass", "the budget lasts 4h at the pace of the last 6h, at least 4h asked"),
        (60, "14401s", "fail", "the budget lasts 4h at the pace of the last 6h, at least 4h1s asked"),
        (61, "4h", "fail", "the budget lasts 3h50m at the pace of the last 6h, at least 4h asked"),
        (11, "30d", "fail", "the budget lasts 2d at the pace of the last 6h, at least 30d asked"),
        (10, "30d", "pass", "6h burns at 1.0x: a budget lasts at 1x or less"),
        (0, "2d", "pass", "no failures in 6h, so nothing burns"),
        (100, "1s", "fail", "the budget lasts 0s at the pace of the last 6h, at least 1s asked"),
        (101, "1s", "fail", "the budget lasts 0s at the pace of the last 6h, at least 1s asked"),
    ],
)
def test_exactly_as_long_as_is_asked_passes(bad: int, asked: str, verdict: str, reason: str) -> None:
    """
    Of 1,000 events at 90 % 100 may be bad: 40 are left after six hours with 60, and last four.

    Ten of a hundred are what every hundred may have: at that rate a budget is never gone.
    """
    clock = FakeClock()
    registry = SLORegistry.from_config({"a": {"target": 0.9}}, clock=clock)
    for _ in range(900):
        registry["a"].record(True)
    clock.advance(days=7)
    for number in range(max(100, bad)):
        registry["a"].record(number >= bad)

    finding = only(gate_from(min_time=asked), service_status_or_error(registry))

    assert finding.verdict == verdict
    assert reason in finding.reason


def test_a_burn_rate_that_is_too_high_never_reads_as_if_it_were_not() -> None:
    """61 bad of 101 at 90 % burn at 6.0396, 6.0x in every table: with more digits, or in words, where that is accepted."""
    for most, text in (("5.9", "6.0x"), ("6", "6.03x"), ("6.03", "just over 6.03x")):
        (finding,) = gate_from(max_burns=[f"{most}/1h"]).judge([service({"a": (40, 61)}, target=0.9)])

        assert f"burn rate {text} in 1h, at most {most}x accepted: 61 of 101 events failed" in finding.reason


def test_a_pass_names_an_alert_that_fires() -> None:
    """A budget that is left passes, whatever burns: --max-burn is there for that. But the line says so."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}}, clock=(clock := FakeClock()))
    registry["a"].record_success(at=clock() - 600)
    clock.advance(days=20)
    for number in range(1_000):
        registry["a"].record(number >= 9, at=clock() - (0 if number < 9 else 86_400))

    finding = only(Gate(), service_status_or_error(registry))
    assert finding.verdict == "pass"
    assert "; note: the alert page 6h/30m fires, 9 of 9 events failed" in finding.reason
    assert only(gate_from(max_burns=["6/6h"]), service_status_or_error(registry)).verdict == "fail"


def test_a_spent_budget_is_never_enough() -> None:
    """10 bad of 10,000 at 99.9 % leave nothing, and nothing is asked for."""
    assert only(Gate(), service({"a": (9_990, 10)})).verdict == "fail"
    assert only(Gate(), service({"a": (9_991, 9)})).verdict == "pass"


def test_an_overspent_budget_is_told_below_zero() -> None:
    """12 bad where 10 are allowed."""
    assert only(Gate(), service({"a": (9_988, 12)})).reason.startswith(
        "-20% of the error budget left, more than 0% asked"
    )


def test_the_reason_has_the_numbers() -> None:
    """In one line, with the counts to check it by."""
    finding = only(gate_from(min_budget="10%", max_burns=["2/1h"]), service({"availability": (9_996, 4)}))

    assert str(finding) == (
        "PASS     availability: 60% of the error budget left, at least 10% asked: 4 of 10,000 events failed in 30d, "
        "target 99.9%; burn rate 0.4x in 1h, at most 2x accepted: 4 of 10,000 events failed"
    )


def test_too_little_never_reads_as_if_it_were_enough() -> None:
    """1 bad of 1,500 with 1.5 allowed leaves 33.333... %: rounded down."""
    assert only(Gate(), service({"a": (1_499, 1)})).reason.startswith("33.33% of")


@pytest.mark.parametrize(("days", "verdict"), [(2, "young"), (2.999, "young"), (3, "pass"), (30, "pass")])
def test_a_tenth_of_the_window_must_have_been_measured(days: float, verdict: str) -> None:
    """Of 30 days three."""
    finding = only(Gate(), service({"a": (1_000, 0)}, days=days))

    assert finding.verdict == verdict
    if verdict == "young":
        assert finding.reason == "measured 2 of 30 days; a tenth is needed to judge the budget"


def test_before_a_tenth_even_a_spent_budget_cannot_be_told() -> None:
    """One failure in the first ten requests says nothing of a month."""
    assert only(Gate(), service({"a": (9, 1)}, days=1)).verdict == "young"


def test_one_failure_is_too_few_to_fail_for() -> None:
    """It spends what 999 events allow, and says nothing of the others to come; two are judged."""
    finding = only(Gate(), service({"a": (998, 1)}))

    assert finding.verdict == "young"
    assert finding.reason.startswith(
        "too few failures to judge by: -0.11% of the error budget left, more than 0% asked"
    )
    assert only(Gate(), service({"a": (998, 2)})).verdict == "fail"
    assert only(Gate(), service({"a": (99_999, 1)})).verdict == "pass"


def test_more_failures_than_the_last_period_allowed_fail_before_a_tenth() -> None:
    """Of 1,000 events, as many as before, one may fail: three of the first hour spend any such budget."""
    status = service({"a": (997, 3)}, days=0.04)
    ((definition, snapshot),) = status.snapshots
    judged = SLOSnapshots([(definition, replace(snapshot, is_warming_up=False))])

    assert only(Gate(), replace(status, snapshots=judged)).verdict == "fail"


@pytest.mark.parametrize(("days", "verdict"), [(0.01, "young"), (2.79, "young"), (2.8, "fail"), (7, "fail")])
def test_a_month_that_has_just_begun_cannot_be_told(days: float, verdict: str) -> None:
    """Measured for weeks, but of this month only from its first on: 2.8 of February's 28 days are needed."""
    clock = FakeClock(datetime(2026, 1, 11, tzinfo=UTC).timestamp())
    registry = SLORegistry.from_config({"a": {"target": 0.9, "window": "month", "alert_rules": []}}, clock=clock)
    clock.advance(days=21)
    clock.advance(days=days)
    registry["a"].record(False)
    registry["a"].record(False)

    finding = only(Gate(), service_status_or_error(registry))

    assert finding.verdict == verdict
    if verdict == "young":
        measured = "14m24s" if days == 0.01 else "2"
        assert finding.reason == f"measured {measured} of 28 days; a tenth is needed to judge the budget"


def test_without_events_it_cannot_be_told() -> None:
    """A quiet service is not a healthy one."""
    finding = only(Gate(), service({"a": (0, 0)}))

    assert (finding.verdict, finding.reason) == ("unknown", "no events in 30d")


def test_an_slo_that_is_missing_cannot_be_told() -> None:
    """A mistyped name must not pass; those that there are help."""
    asked = gate_from(slos=["availabilty"])

    (finding,) = asked.judge([service({"availability": (10, 0)})])

    assert finding.verdict == "unknown"
    assert 'did you mean "availability"?' in finding.reason


def test_only_the_slos_that_are_named_are_asked() -> None:
    """The other one has failed. All stand in the order of their names, which every source knows."""
    status = service({"good": (100, 0), "bad": (0, 100)})

    assert verdicts_of(gate_from(slos=["good"]), status) == [("pass", "good")]
    assert verdicts_of(Gate(), status) == [("fail", "bad"), ("pass", "good")]


def test_a_burn_rate_of_another_window_cannot_be_told() -> None:
    """And the windows that there are are named."""
    finding = only(gate_from(max_burns=["6/7m"]), service({"a": (100, 0)}))

    assert finding.verdict == "unknown"
    assert "its burn rate over 7m is not counted; choose one of its windows: 5m, 30m, 1h, 2h, 6h, 1d, 3d, 30d" in str(
        finding
    )


def test_an_hour_without_events_does_not_burn() -> None:
    """Ten days ago there were some."""
    clock = FakeClock()
    registry = SLORegistry.from_config({"a": {"target": 0.9}}, clock=clock)
    registry["a"].record(True)
    clock.advance(days=10)

    finding = only(gate_from(max_burns=["6/1h"]), service_status_or_error(registry))

    assert finding.verdict == "pass"
    assert "no events in 1h, so nothing burns" in finding.reason


def test_too_little_counts_more_than_not_knowing() -> None:
    """Of an SLO and of a burn rate."""
    status = service({"a": (0, 10)})

    assert only(gate_from(max_burns=["6/7m"]), status).verdict == "fail"
    findings = [Finding("unknown", "a", ""), Finding("fail", "b", ""), Finding("pass", "c", "")]
    assert GateReport(findings=findings).exit_code == 1


@pytest.mark.parametrize(
    ("verdicts", "codes"),
    [
        # By default; with --on-unknown pass; with --on-young fail; with both.
        (["pass"], [0, 0, 0, 0]),
        (["pass", "unknown"], [2, 0, 2, 0]),
        (["pass", "young"], [0, 0, 2, 2]),
        (["young", "unknown"], [2, 0, 2, 2]),
        (["unknown", "young", "fail"], [1, 1, 1, 1]),
        (["fail"], [1, 1, 1, 1]),
    ],
)
def test_young_and_unknown_are_let_through_one_by_one(verdicts: list[Any], codes: list[int]) -> None:
    """Too little never is."""
    findings = [Finding(verdict, "a", "") for verdict in verdicts]

    assert [
        GateReport(findings=findings, **options).exit_code
        for options in ({}, {"on_unknown": "pass"}, {"on_young": "fail"}, {"on_unknown": "pass", "on_young": "fail"})
    ] == codes


def test_services_are_told_apart() -> None:
    """Where there are several."""
    services = service({"a": (100, 0)}, name="shop"), service({"a": (0, 100)}, name="till")

    assert verdicts_of(Gate(), *services) == [("pass", "shop/a"), ("fail", "till/a")]


def test_a_store_out_of_reach_cannot_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is the store's."""
    registry = SLORegistry.from_config({"a": {"target": 0.9}})

    def away(*_: object) -> None:
        raise StoreError("store redis: no route to host")

    monkeypatch.setattr(registry.store, "read", away)

    (finding,) = Gate().judge([service_status_or_error(registry)])

    assert (finding.verdict, finding.reason) == ("unknown", "store redis: no route to host")


def test_old_numbers_are_no_answer() -> None:
    """The service answers, and says that its store is away: what it shows lags behind."""
    away = ServiceStatus("shop", "redis", "fleet", is_up=False, snapshots=service({"a": (100, 0)}).snapshots)

    assert verdicts_of(Gate(), away) == [("unknown", "a")]


def test_slos_that_cannot_be_read_matter_unless_others_are_named() -> None:
    """A gate over all must not pass because one of them is damaged."""
    whole = service({"a": (100, 0)})
    damaged = ServiceStatus(
        "shop", "sqlite", "host", is_up=True, snapshots=whole.snapshots, error="SLO 'b' cannot be shown"
    )

    assert verdicts_of(Gate(), damaged) == [("pass", "a"), ("unknown", "shop/*")]
    assert verdicts_of(gate_from(slos=["a"]), damaged) == [("pass", "a")]
    assert verdicts_of(gate_from(slos=["b"]), damaged) == [("unknown", "shop/*")]


def test_nothing_to_ask_cannot_be_told() -> None:
    """A service without an SLO has no reason to pass."""
    assert verdicts_of(Gate(), ServiceStatus("shop", "memory", "process", is_up=True)) == [("unknown", "-")]


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("10%", Fraction(1, 10)),
        ("0.1", Fraction(1, 10)),
        ("99.95 %", Fraction(1999, 2000)),
        ("0%", 0),
        ("100%", 1),
        ("1", 1),
    ],
)
def test_a_share_is_exact(text: str, share: Fraction) -> None:
    """As its digits say it."""
    assert parse_min_budget(text) == share


@pytest.mark.parametrize("text", ["", "ten", "-1%", "101%", "1.1", "nan", "1e400%", "10", "١٠%"])
def test_a_share_that_is_none_is_refused(text: str) -> None:
    """With what was expected."""
    with pytest.raises(ConfigError, match='--min-budget: expected a share from "0%" to "100%"'):
        parse_min_budget(text)


def test_a_percentage_without_its_sign_is_told() -> None:
    """10 would be a thousand percent."""
    with pytest.raises(ConfigError, match='did you mean "10%"'):
        parse_min_budget("10")


@pytest.mark.parametrize(
    ("text", "factor", "seconds"), [("6/1h", 6, 3600), ("14.4x / 5m", Fraction(72, 5), 300), ("1/30d", 1, 2_592_000)]
)
def test_a_burn_limit_is_a_factor_and_a_window(text: str, factor: Fraction, seconds: int) -> None:
    """14.4 is 72/5."""
    assert parse_burn_limit(text) == BurnLimit(Fraction(factor), seconds)


def test_every_wrong_option_is_told_at_once() -> None:
    """Not one after the other."""
    with pytest.raises(ConfigError) as caught:
        gate_from(
            min_budget="x", max_burns=["6", "6/", "/1h", "0/1h", "6/1y", "6/0.5s", "-1/1h", "1e9/1h"], min_time="0d"
        )

    assert len(caught.value.problems) == 10


def test_a_name_cannot_break_the_log() -> None:
    """A newline in it is shown, not obeyed."""
    assert "\n" not in str(only(Gate(), service({"a\nFAIL  b": (10, 0)})))


def test_a_limit_without_a_unit_says_so() -> None:
    """Is 90 a minute and a half, or ninety days?"""
    for parse, text, hint in (
        (parse_min_time, "90", 'it has no unit: write "90s" for seconds'),
        (parse_min_time, "2 days", 'did you mean "2d"?'),
        (parse_burn_limit, "6/60", 'it has no unit: write "60s" for seconds'),
        (parse_burn_limit, "6", 'in which window? "6/1h"'),
    ):
        with pytest.raises(ConfigError) as caught:
            parse(text)
        assert caught.value.problems[0].hint.startswith(hint)
