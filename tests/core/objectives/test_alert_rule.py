"""Multi-window alert rules: what is accepted as one, and how a rule reads."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import pytest

from slo_core import AlertRule, ConfigError

PAGE = AlertRule("1h", "5m", severity="page", burn_rate=14.4)


def test_windows_are_understood_as_text_and_as_seconds() -> None:
    """Both are whole seconds inside."""
    assert AlertRule("1h", "5m", severity="page", burn_rate=2) == AlertRule(3600, 300.0, severity="page", burn_rate=2)


@pytest.mark.parametrize("factor", [14.4, Decimal("14.4"), Fraction(72, 5)])
def test_a_factor_is_taken_by_its_digits(factor: float | Decimal | Fraction) -> None:
    """Held as a fraction, whatever it came as."""
    assert AlertRule("1h", "5m", severity="page", burn_rate=factor).burn_rate == Fraction(72, 5)


def test_a_rule_reads_as_one_names_it() -> None:
    """Severity and both windows."""
    assert str(PAGE) == "page 1h/5m"
    assert PAGE.key == ("page", 3600, 300)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"short_window": "1h"}, "AlertRule.short_window: expected less than the long window (3600 s), got 3600 s"),
        ({"long_window": "1.5s"}, "AlertRule.long_window: expected whole seconds, got '1.5s'"),
        ({"long_window": None}, "AlertRule.long_window: expected seconds or a duration"),
        ({"severity": ""}, 'AlertRule.severity: expected text such as "page" or "ticket"'),
        ({"severity": None}, "AlertRule.severity: "),
        ({"burn_rate": None}, "AlertRule: expected exactly one of burn_rate and budget_share"),
        ({"budget_share": 0.1}, "AlertRule: expected exactly one of burn_rate and budget_share"),
        ({"burn_rate": None, "budget_share": 1.1}, "AlertRule.budget_share: expected a share up to 1, got 1.1"),
        ({"burn_rate": 0}, "AlertRule.burn_rate: expected a number above 0, got 0"),
        ({"burn_rate": math.nan}, "AlertRule.burn_rate: expected a number above 0, got nan"),
        ({"burn_rate": math.inf}, "AlertRule.burn_rate: "),
        ({"burn_rate": True}, "AlertRule.burn_rate: "),
        ({"burn_rate": "14.4"}, "AlertRule.burn_rate: "),
        ({"burn_rate": 10**400}, "AlertRule.burn_rate: "),
        ({"burn_rate": Decimal("sNaN")}, "AlertRule.burn_rate: "),
        ({"min_failures": 0}, "AlertRule.min_failures: expected a whole number from 1, got 0"),
        ({"min_failures": 1.5}, "AlertRule.min_failures: "),
        ({"min_failures": True}, "AlertRule.min_failures: "),
    ],
)
def test_a_bad_field_is_named(options: dict[str, object], expected: str) -> None:
    """One sentence, whatever came."""
    given = {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 14.4, **options}
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # the whole message is compared
        AlertRule(given.pop("long_window"), given.pop("short_window"), **given)  # type: ignore[arg-type]

    assert str(caught.value).startswith(expected)


def test_all_bad_fields_are_named_at_once() -> None:
    """As everywhere."""
    with pytest.raises(ConfigError) as caught:
        AlertRule("x", "y", severity="", burn_rate=0, min_failures=0)

    assert [problem.path for problem in caught.value.problems] == [
        "AlertRule.long_window", "AlertRule.short_window", "AlertRule.burn_rate", "AlertRule.severity",
        "AlertRule.min_failures",
    ]  # fmt: skip
