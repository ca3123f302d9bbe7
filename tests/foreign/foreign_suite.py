"""The foreign suites: which they are, and how a run with slo-suite is compared with one without."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from released_sdist import released_sdist
from suite_run import DjangoRun, PytestRun, SuiteRun

__all__ = ["DJANGO_QUICK", "DJANGO_WHOLE", "SUITES", "Comparison", "Suite"]


@dataclass(frozen=True, slots=True)
class Suite:
    """
    The tests of a package, or some of them.

    Attributes:
        package: Its name on the package index.
        run: How they run.
        injection: The module that injects slo-suite.
        least_requests: So many requests pass the wire at least: fewer would mean that nothing was injected.
        arguments: Which tests.
        fails: Tests that fail with slo-suite by design, each with the reason.
        miscounts: Tests whose wire and records differ by design, each with the reason.
    """

    package: str
    run: type[SuiteRun]
    injection: str
    least_requests: int
    arguments: Sequence[str] = ("tests",)
    fails: Mapping[str, str] = field(default_factory=dict)
    miscounts: Mapping[str, str] = field(default_factory=dict)

    def compare(self, results: Path, *, in_full: bool = False) -> Comparison:
        """
        Run it with slo-suite, and the tests that failed once more without it.

        Args:
            results: A folder for what the runs leave.
            in_full: Run all tests without slo-suite too, both runs side by side.

        Raises:
            SdistError: The suite cannot be downloaded.
        """
        folder = released_sdist(self.package)

        def run(injection: str | None, arguments: Sequence[str]) -> SuiteRun:
            return self.run(folder, arguments, injection, results / ("injected" if injection else "baseline"))

        injected = run(self.injection, self.arguments)
        baseline = run(None, self.arguments) if in_full else None
        injected.wait()
        failed = self.unexpected(injected)
        if baseline is None and failed:
            baseline = run(None, self.run.only(self.arguments, failed))
        if baseline is not None:
            baseline.wait()
        return Comparison(self, baseline, injected)

    def unexpected(self, injected: SuiteRun) -> set[str]:
        """The tests that failed with slo-suite, except those of `fails`: did they fail without it, too?"""
        return {name for name, outcome in injected.outcomes().items() if outcome == "failed"} - self.fails.keys()


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    The runs of a suite with and without slo-suite.

    Attributes:
        suite: Its tests.
        baseline: The run without; None where each test passed with slo-suite.
        injected: The run with slo-suite.
    """

    suite: Suite
    baseline: SuiteRun | None
    injected: SuiteRun

    def changed_outcomes(self) -> dict[str, str]:
        """The tests that end otherwise with slo-suite, except those of `fails`."""
        after = self.injected.outcomes()
        before = dict.fromkeys(self.suite.unexpected(self.injected), "not run")
        if self.baseline is not None:
            before |= self.baseline.outcomes()
        return {
            name: f"{outcome} without slo-suite, {after.get(name, 'not run')} with it"
            for name, outcome in before.items()
            if after.get(name) != outcome and name not in self.suite.fails
        }

    def miscounted(self) -> dict[str, dict[str, Any]]:
        """The tests of which the wire and the records differ, except those of `miscounts`."""
        return {
            name: entry
            for name, entry in self.injected.ledger().items()
            if entry["wire"] != entry["recorded"] and name not in self.suite.miscounts
        }


SUITES = [
    Suite("starlette", PytestRun, "starlette_under_slo", 1000),
    Suite(
        "flask",
        PytestRun,
        "flask_under_slo",
        400,
        fails={
            "tests.test_basic::test_app_freed_on_zero_refcount": "every middleware around `app.wsgi_app`, put there as Flask "
            "documents it, refers to the application that refers to it",
        },
    ),
    Suite("djangorestframework", PytestRun, "django_under_slo", 200),
]

DJANGO_QUICK = Suite(
    "django",
    DjangoRun,
    "django_settings_under_slo",
    80,
    arguments=("handlers", "middleware", "requests_tests", "asgi"),
)
SUITES.append(DJANGO_QUICK)

# The labels that send requests. The others test the ORM and the like.
DJANGO_WHOLE = replace(
    DJANGO_QUICK,
    least_requests=2500,
    arguments=(
        *DJANGO_QUICK.arguments, "admin_views", "admin_docs", "admin_inlines", "admin_changelist", "async", "auth_tests",
        "builtin_server", "cache", "conditional_processing", "context_processors", "csrf_tests", "decorators", "file_uploads",
        "flatpages_tests", "generic_views", "get_object_or_404", "httpwrappers", "i18n", "logging_tests", "messages_tests",
        "middleware_exceptions", "redirects_tests", "resolve_url", "responses", "servers", "sessions_tests", "shortcuts",
        "signals", "sitemaps_tests", "sites_tests", "staticfiles_tests", "syndication_tests", "template_backends",
        "test_client", "test_client_regress", "test_exceptions", "urlpatterns", "urlpatterns_reverse", "view_tests", "wsgi",
    ),
    miscounts={
        "middleware_exceptions.tests.RootUrlconfTests.test_missing_root_urlconf": "without ROOT_URLCONF Django raises before "
        "it calls any middleware",
    },
)  # fmt: skip
