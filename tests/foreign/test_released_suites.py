"""The released test suites of frameworks, with slo-suite in every application that they make."""

from __future__ import annotations

import os

import pytest

from foreign_suite import SUITES, Comparison, Suite
from released_sdist import SdistError


@pytest.fixture(scope="module", params=SUITES, ids=lambda suite: suite.package)
def comparison(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The suite, run with slo-suite, and its failed tests without it."""
    suite: Suite = request.param
    try:
        return suite.compare(tmp_path_factory.mktemp(suite.package))
    except SdistError as exc:
        reason = f"missing server: {exc}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


def test_slo_suite_changes_the_outcome_of_no_test(comparison: Comparison) -> None:
    """What passes without slo-suite in the applications passes with it."""
    assert comparison.changed_outcomes() == {}, comparison.injected.output
    after = comparison.injected.outcomes()
    assert {name: after[name] for name in comparison.suite.fails} == dict.fromkeys(comparison.suite.fails, "failed")


def test_the_environment_has_what_the_suite_needs(comparison: Comparison) -> None:
    """Nearly every test passes; else the comparison would say little."""
    outcomes = list(comparison.injected.outcomes().values())
    assert outcomes.count("passed") > 0.9 * len(outcomes), comparison.injected.output


def test_each_request_is_recorded_as_it_left(comparison: Comparison) -> None:
    """In every test, as many requests are recorded as good, bad and left out as leave on the wire."""
    assert comparison.miscounted() == {}
    wire, _ = comparison.injected.totals()
    assert wire["every"].total() >= comparison.suite.least_requests
    # Test clients stay to the end: were many seen to go, both sides might mistake something else for that.
    assert sum(entry["clients gone"] for entry in comparison.injected.ledger().values()) <= 10
