"""The released test suites of frameworks, with slo-suite in every application that they make."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from released_sdist import SdistError, released_sdist
from suite_run import PytestRun


@dataclass(frozen=True, slots=True)
class Suite:
    """
    A foreign suite.

    Attributes:
        package: Its name on the package index.
        plugin: Injects slo-suite.
        least_requests: So many requests of it pass the wire at least: fewer would mean that the plugin injects nothing.
        by_design: Tests that fail with slo-suite, each with the reason.
    """

    package: str
    plugin: str
    least_requests: int
    by_design: Mapping[str, str] = field(default_factory=dict)


SUITES = [
    Suite("starlette", "starlette_under_slo", 1000),
    Suite(
        "flask",
        "flask_under_slo",
        400,
        {
            "tests.test_basic::test_app_freed_on_zero_refcount": "every middleware that is put around `app.wsgi_app`, as "
            "Flask documents it, refers to the application that refers to it",
        },
    ),
]


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a suite without and with slo-suite."""

    suite: Suite
    baseline: PytestRun
    injected: PytestRun


@pytest.fixture(scope="module", params=SUITES, ids=lambda suite: suite.package)
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    """Both runs, side by side."""
    suite: Suite = request.param
    try:
        folder = released_sdist(suite.package)
    except SdistError as exc:
        reason = f"missing server: {exc}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    results = tmp_path_factory.mktemp(suite.package)
    baseline = PytestRun(folder, ["tests"], None, results / "baseline")
    injected = PytestRun(folder, ["tests"], suite.plugin, results / "injected")
    baseline.start()
    injected.start()
    yield Runs(suite, baseline, injected)
    for run in (baseline, injected):
        run.outcomes()


def test_what_passes_without_slo_suite_passes_with_it(runs: Runs) -> None:
    """No test of the suite fails because slo-suite counts the requests of its applications."""
    before, after = runs.baseline.outcomes(), runs.injected.outcomes()
    newly_failed = {
        name for name, outcome in before.items() if outcome != "failed" and after.get(name) != outcome
    }  # fmt: skip
    assert newly_failed == set(runs.suite.by_design), runs.injected.output
    passed = sum(outcome == "passed" for outcome in before.values())
    assert passed > 0.95 * len(before), runs.baseline.output  # the environment lacks something that the suite needs


def test_each_request_on_the_wire_is_recorded_as_it_left(runs: Runs) -> None:
    """In every test of the suite, slo-suite counts as many good and bad requests as leave on the wire."""
    runs.injected.outcomes()
    ledger = runs.injected.ledger()
    differing = {name: entry for name, entry in ledger.items() if entry["wire"] != entry["recorded"]}
    assert not differing, "\n".join(_lines(differing))
    requests = sum(sum(entry["wire"].values()) for entry in ledger.values())
    assert requests >= runs.suite.least_requests


def _lines(differing: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    for name, entry in differing.items():
        yield f"{name}: on the wire {entry['wire']}, recorded {entry['recorded']}"
        requests = entry["requests"]
        assert isinstance(requests, list)
        for request in requests:
            yield f"    {request}"
