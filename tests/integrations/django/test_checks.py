"""System checks: each mistake has its id, its place and what to do about it; a good project hears nothing."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage, run_checks
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.urls import include, path, re_path
from django.views.decorators.csrf import csrf_exempt
from slo_test_project import urls, views
from slo_test_project.project import COMMON, MIDDLEWARE, manage

from slo_django import slo_track
from slo_django.checks import TAG, CheckID


class UnmarkedUrls:
    """The project's URL configuration without views that are marked for an SLO."""

    urlpatterns = [pattern for pattern in urls.urlpatterns if "tracked" not in str(pattern.pattern)]


GOOD: dict[str, Any] = {
    "ROOT_URLCONF": UnmarkedUrls,
    "SLO_DEFINITIONS": {
        "availability": {"target": "99.9%"},
        "shop": {"target": 0.99, "views": ["shop:*"], "routes": ["/shop/items/*"]},
    },
    "SLO_METRICS_TOKEN": "s3cret",
    # The marked views are missing from `UnmarkedUrls`.
    "SILENCED_SYSTEM_CHECKS": [CheckID.STORE_OF_ONE_PROCESS, CheckID.UNUSED_MARK],
}


def messages(*, deploy: bool = False, silenced: bool = False, **settings: Any) -> list[CheckMessage]:
    """What the checks say under those settings, on top of good ones."""
    with override_settings(**{**GOOD, **settings}):
        found = run_checks(tags=[TAG], include_deployment_checks=deploy)
        return [message for message in found if silenced or not message.is_silenced()]


def only(**settings: Any) -> CheckMessage:
    """The one message they give."""
    (message,) = messages(**settings)
    return message


def define(**options: Any) -> dict[str, Any]:
    """Settings with one SLO of those options."""
    return {"SLO_DEFINITIONS": {"one": {"target": 0.9, **options}}}


def test_a_good_project_hears_nothing() -> None:
    """Neither at start-up nor before deployment."""
    assert messages() == []
    assert messages(deploy=True) == []


def test_check_and_deploy_pass_on_the_command_line() -> None:
    """What a pipeline runs: `check` and `check --deploy --tag slo --fail-level WARNING`."""
    with override_settings(**GOOD):
        call_command("check", stdout=io.StringIO(), stderr=io.StringIO())
        call_command("check", "--deploy", "--tag", "slo", "--fail-level", "WARNING", stdout=io.StringIO())


def test_a_bad_project_fails_on_the_command_line() -> None:
    """An error stops `check`, and with it runserver and migrate."""
    with override_settings(**{**GOOD, **define(target=99.9)}), pytest.raises(CommandError, match=r"slo\.E001"):
        call_command("check", stdout=io.StringIO(), stderr=io.StringIO())


def test_no_migration_is_missing() -> None:
    """`makemigrations --check` has nothing to say, of this app or another."""
    done = manage("makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert "No changes detected" in done.stdout


def test_every_problem_of_the_definitions_is_an_error_of_its_own() -> None:
    """Three mistakes are three errors, each with its path and a hint."""
    found = messages(
        SLO_DEFINITIONS={"one": {"target": 99.9, "windw": "30d"}, "two": {"target": 0.9, "latency": "-1s"}}
    )

    assert [message.id for message in found] == [CheckID.INVALID_DEFINITION] * 3
    texts = {message.msg.partition(":")[0]: message for message in found}
    assert set(texts) == {
        "settings.SLO_DEFINITIONS['one'].target",
        "settings.SLO_DEFINITIONS['one']",
        "settings.SLO_DEFINITIONS['two'].latency",
    }
    assert texts["settings.SLO_DEFINITIONS['one'].target"].hint == 'Did you mean "99.9%"?'
    assert texts["settings.SLO_DEFINITIONS['one']"].hint == 'Did you mean "window"?'


@pytest.mark.parametrize("definitions", [{}, []])
def test_no_definition_is_told(definitions: object) -> None:
    """An installed app without SLOs counts nothing."""
    assert only(SLO_DEFINITIONS=definitions).id == CheckID.NO_DEFINITIONS


def test_missing_definitions_are_told() -> None:
    """The same where the setting is not there at all."""
    with override_settings(**GOOD):
        from django.conf import settings

        del settings.SLO_DEFINITIONS
        assert CheckID.NO_DEFINITIONS in [message.id for message in run_checks(tags=[TAG])]


def test_every_other_bad_setting_is_an_error() -> None:
    """Values are looked at, by name."""
    found = messages(SLO_METRICS_PATH="metrics", SLO_ENABLED="yes", SLO_FLUSH_INTERVAL=0)

    assert [message.id for message in found] == [CheckID.INVALID_SETTING] * 3
    assert {message.msg.partition(":")[0] for message in found} == {
        "settings.SLO_METRICS_PATH",
        "settings.SLO_ENABLED",
        "settings.SLO_FLUSH_INTERVAL",
    }


def test_an_unknown_setting_is_told_with_the_nearest_name() -> None:
    """A slip of the finger would otherwise be a setting that does nothing."""
    message = only(SLO_EXCLUDES=["/healthz"])

    assert message.id == CheckID.UNKNOWN_SETTING
    assert "SLO_EXCLUDES" in message.msg
    assert message.hint == 'Did you mean "SLO_EXCLUDE"?'


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"SLO_STORE": "redys://:hunter2@example.com/0"}, "schemes"),
        ({"SLO_STORE": "memory"}, "schemes"),
        ({"SLO_STORE": "memory://somewhere"}, "takes no address"),
        ({"SLO_STORE": "memory://", "SLO_STORE_OPTIONS": {"size": 3}}, "no options"),
    ],
)
def test_a_store_that_cannot_be_had_is_an_error(settings: dict[str, Any], expected: str) -> None:
    """Told from the URL alone, and without its password."""
    message = only(**settings)

    assert message.id == CheckID.INVALID_STORE
    assert expected in message.msg
    assert "hunter2" not in message.msg


def test_a_missing_middleware_is_told() -> None:
    """Definitions that count requests need it."""
    assert only(MIDDLEWARE=[COMMON]).id == CheckID.MIDDLEWARE_MISSING


def test_a_middleware_that_is_not_needed_is_not_missed() -> None:
    """A project whose SLOs are fed by tasks has no use for it."""
    assert messages(MIDDLEWARE=[COMMON], **define(kind="custom")) == []


def test_a_middleware_that_is_not_first_is_told() -> None:
    """What stands before it is not seen."""
    message = only(MIDDLEWARE=[COMMON, MIDDLEWARE])

    assert message.id == CheckID.MIDDLEWARE_NOT_FIRST
    assert message.hint == "Put it first in MIDDLEWARE."


def test_a_middleware_of_the_users_own_is_recognised() -> None:
    """A subclass is ours too, and what cannot be imported is Django's to complain of."""
    assert messages(MIDDLEWARE=["slo_test_project.middleware.Subclassed"]) == []
    assert only(MIDDLEWARE=["no.such.Middleware", "slo_test_project.middleware.Subclassed"]).id == "slo.W004"


def test_a_middleware_that_cannot_be_imported_stops_no_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` and every other command run the checks: a module that raises is for the server's start to complain of."""
    (tmp_path / "unready_middleware.py").write_text('raise RuntimeError("not configured")\n')
    monkeypatch.syspath_prepend(tmp_path)

    assert only(MIDDLEWARE=["unready_middleware.Middleware"]).id == CheckID.MIDDLEWARE_MISSING


@pytest.mark.parametrize(("debug", "expected"), [(False, [CheckID.STORE_OF_ONE_PROCESS]), (True, [])])
def test_numbers_of_one_process_are_told_in_production(debug: bool, expected: list[str]) -> None:
    """The default store is for development and one worker."""
    assert [message.id for message in messages(DEBUG=debug, SILENCED_SYSTEM_CHECKS=[CheckID.UNUSED_MARK])] == expected


def test_a_store_object_is_asked_for_its_scope() -> None:
    """A shared store passed as an object is fine."""
    from slo_core.stores.memory.store import MemoryStore

    class Shared(MemoryStore):
        scope = "fleet"

    assert messages(SLO_STORE=Shared(), SILENCED_SYSTEM_CHECKS=[CheckID.UNUSED_MARK]) == []
    assert len(messages(SLO_STORE=MemoryStore(), SILENCED_SYSTEM_CHECKS=[CheckID.UNUSED_MARK])) == 1


def test_open_metrics_are_told_before_deployment_only() -> None:
    """In development nobody needs a token."""
    assert messages(SLO_METRICS_TOKEN=None) == []
    assert [message.id for message in messages(deploy=True, SLO_METRICS_TOKEN=None)] == [CheckID.METRICS_WITHOUT_TOKEN]


def test_an_open_status_page_is_told_too() -> None:
    """It shows the same numbers, with or without the metrics."""
    found = messages(deploy=True, SLO_METRICS_TOKEN=None, SLO_METRICS_PATH=None, SLO_STATUS_PATH="/slo")

    assert [(message.id, message.msg) for message in found] == [
        (CheckID.METRICS_WITHOUT_TOKEN, "The status page answers everybody.")
    ]
    assert messages(deploy=True, SLO_METRICS_TOKEN="s3cret", SLO_STATUS_PATH="/slo") == []


@pytest.mark.parametrize(
    "settings",
    [
        {"SLO_METRICS_PATH": None},
        {"SLO_ENABLED": False},
        {"ROOT_URLCONF": "slo_test_project.shop_urls", "SLO_METRICS_PATH": None, **define(target=0.999)},
    ],
)
def test_metrics_that_nobody_can_reach_need_no_token(settings: dict[str, Any]) -> None:
    """Switched off, or not among the project's URLs."""
    assert messages(deploy=True, SLO_METRICS_TOKEN=None, **settings) == []


@pytest.mark.parametrize(
    "names",
    [
        {"views": ["checkout"]},
        {"views": ["shop:itm"]},
        {"routes": ["/checkout/*"]},
        {"routes": ["shop/*"]},
        {"routes": ["/slow/er/"]},
        {"routes": ["/plainly/"]},
        {"routes": ["/nl/about/"]},
    ],
)
def test_a_name_that_matches_nothing_is_told(names: dict[str, list[str]]) -> None:
    """A view, or a route that no path can have, by its definition."""
    message = only(**define(**names))

    assert message.id == CheckID.MATCHES_NOTHING
    (pattern,) = next(iter(names.values()))
    assert message.msg.startswith(f"settings.SLO_DEFINITIONS['one'].{next(iter(names))}: {pattern!r}")
    assert message.hint


@pytest.mark.parametrize(
    "names",
    [
        {"views": ["shop:inner:deep", "home", "slo_test_project.views.*"]},
        {"routes": ["/shop/items/7/", "/shop/nested/*", "*", "/status/5*"]},
        {"routes": ["/shop/archive/2024/", "/reports/sales/", "/colors/"]},
        {"routes": ["/de/about/", "/*/about/"]},
        {"routes": ["/tenants/*", "/tenants/acme/", "/plain/anything"]},
        {"routes": ["/not/in/the/urls/"], "unmatched": True},
    ],
)
def test_a_name_that_may_match_is_not_told(names: dict[str, Any]) -> None:
    """Templates, paths of templates with parameters, expressions, languages; and SLOs of paths without a URL."""
    assert messages(**define(**names)) == []


class EitherUrls:
    """A URL configuration whose one expression starts in two ways."""

    urlpatterns = [re_path("^left/$|^right/$", views.item), path("", include("slo_django.urls"))]


def test_an_expression_that_starts_in_two_ways_may_match() -> None:
    """What is not certain is not told."""
    assert messages(ROOT_URLCONF=EitherUrls, **define(routes=["/right/"])) == []


def test_the_nearest_view_is_named() -> None:
    """A slip of the finger in a view name is put right."""
    assert only(**define(views=["shop:itm"])).hint == 'Did you mean "shop:item"?'


def test_a_mark_with_an_unknown_name_is_told() -> None:
    """@slo_track("orders") in a project that defines no "orders", once for each view."""
    found = messages(ROOT_URLCONF=MarkedUrls)

    assert [message.id for message in found] == [CheckID.UNKNOWN_NAME_TRACKED] * 2
    assert "'availabilty'" in found[0].msg
    assert found[0].hint == 'Did you mean "availability"?'


def test_marks_are_not_blamed_for_a_broken_definition() -> None:
    """While SLO_DEFINITIONS cannot be read nobody knows which names there are."""
    found = messages(ROOT_URLCONF=MarkedUrls, **define(target=99))

    assert [message.id for message in found] == [CheckID.INVALID_DEFINITION]


@slo_track("availabilty")
def misspelt(request: object) -> None:
    """Never called."""


class MarkedUrls:
    """A URL configuration with marked views; one of them under a decorator, and twice."""

    inner = ([path("twice/", misspelt, name="twice")], "inner")
    urlpatterns = [
        path("metrics/", include("slo_django.urls")),
        path("shop/", include("slo_test_project.shop_urls")),
        path("misspelt/", csrf_exempt(misspelt), name="misspelt"),
        path("a/", include(inner)),
        path("b/", include(inner)),
    ]


def test_a_rule_of_the_users_that_makes_little_sense_is_told() -> None:
    """At 50 % a total outage burns at 2, so that a factor of 14.4 can never be reached."""
    rule = {"long_window": "1h", "short_window": "5m", "severity": "page", "burn_rate": 14.4}

    message = only(**define(target=0.5, alert_rules=[rule]))

    assert message.id == CheckID.DOUBTFUL_ALERT_RULE
    assert "never be reached" in message.msg


def test_a_timezone_of_a_rolling_window_has_no_effect() -> None:
    """A warning; with a calendar window it has one."""
    message = only(**define(target=0.9, timezone="Europe/Berlin"))

    assert message.id == CheckID.TIMEZONE_WITHOUT_EFFECT
    assert message.msg.startswith("settings.SLO_DEFINITIONS['one']: timezone 'Europe/Berlin' has no effect")
    assert messages(**define(target=0.9, timezone="Europe/Berlin", window="month")) == []


def test_default_rules_that_were_left_out_are_named_before_deployment() -> None:
    """Not a mistake of anybody's: information, which does not fail the command, and `check` stays quiet."""
    assert messages(**define(target=0.5)) == []

    found = messages(deploy=True, **define(target=0.5))
    assert {message.id for message in found} == {CheckID.DEFAULT_RULE_LEFT_OUT}
    assert all("settings.SLO_DEFINITIONS['one']: left out the default alert rule page" in m.msg for m in found[:1])
    with override_settings(**{**GOOD, **define(target=0.5)}):
        call_command("check", "--deploy", "--tag", "slo", "--fail-level", "WARNING", stderr=io.StringIO())


def test_checks_run_while_disabled() -> None:
    """SLO_ENABLED = False in one environment does not hide a mistake from it."""
    assert only(SLO_ENABLED=False, **define(target=99.9)).id == CheckID.INVALID_DEFINITION


def test_a_project_without_urls_is_checked() -> None:
    """A worker project has none."""
    assert messages(ROOT_URLCONF=None, MIDDLEWARE=[], **define(kind="custom")) == []


def test_messages_end_like_sentences() -> None:
    """Messages and hints are read by people."""
    found = messages(
        deploy=True,
        silenced=True,
        MIDDLEWARE=[COMMON],
        SLO_METRICS_TOKEN=None,
        SLO_EXCLUDES=[],
        SLO_DEFINITIONS={"one": {"target": 0.5, "views": ["nosuch"], "routes": ["shop"]}},
    )

    ends: Callable[[str], bool] = lambda text: text.endswith((".", "?", "}", '"'))  # noqa: E731
    assert len({message.id for message in found}) >= 6
    assert all(ends(message.msg) and (message.hint is None or ends(message.hint)) for message in found)


def test_metrics_without_an_address_are_told() -> None:
    """`include("slo_django.urls")` was forgotten; it is no mistake where metrics are switched off."""
    urlconf = {"ROOT_URLCONF": "slo_test_project.shop_urls", **define(target=0.999)}

    assert only(**urlconf).id == CheckID.METRICS_WITHOUT_URL
    assert messages(**urlconf, SLO_METRICS_PATH=None) == []
    assert messages(**urlconf, SLO_ENABLED=False) == []


@pytest.mark.parametrize("is_first", [True, False])
def test_a_view_at_the_path_of_ours_is_warned_of(is_first: bool) -> None:
    """Django asks the first only, and says nothing."""
    patterns = [path("", include("slo_django.urls")), path("metrics", lambda request: None, name="exporter")]

    class Urls:
        urlpatterns = [*(patterns if is_first else reversed(patterns)), path("slo", lambda request: None)]

    message = only(ROOT_URLCONF=Urls, **define(target=0.5))

    assert message.id == CheckID.HIDDEN_VIEW
    names = ("slo:metrics", "exporter")
    first, later = names if is_first else reversed(names)
    assert message.msg == f"/metrics goes to {first!r}: {later!r} has the same path, comes later, and never answers."
