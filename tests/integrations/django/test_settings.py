"""Settings: read when first needed, read again when overridden, and never a request's trouble."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.test import Client, override_settings
from django.views.debug import SafeExceptionReporterFilter
from slo_test_project.clock import clock
from slo_test_project.project import OpenProject, Project

from slo_core import ConfigError
from slo_core.stores.memory.store import MemoryStore
from slo_django import get_registry

ONE = {"one": {"target": 0.9}}
BROKEN = {"one": {"target": 99.9}, "two": {"target": 0.9, "windw": "30d"}}


def test_the_registry_is_the_same_until_a_setting_changes() -> None:
    """Views, tasks and the middleware share one; an override makes another, and its end one more."""
    before = get_registry()
    assert get_registry() is before

    with override_settings(SLO_DEFINITIONS=ONE):
        during = get_registry()
        assert during is not before
        assert during.names() == ["one"]

    assert get_registry() is not during
    assert get_registry().names() == before.names()


def test_other_settings_leave_the_numbers_alone() -> None:
    """Overriding a setting of somebody else's forgets nothing."""
    before = get_registry()

    with override_settings(DEBUG=True):
        assert get_registry() is before


def test_the_middleware_follows_an_override(project: Project) -> None:
    """One and the same handler, loaded once, counts for the SLOs in force."""
    client = Client()
    client.get("/")
    assert project.counts() == (1, 0)

    with override_settings(SLO_DEFINITIONS=ONE):
        client.get("/")
        assert get_registry()["one"].snapshot().total == 1

    client.get("/")
    assert get_registry()["availability"].snapshot().total == 1


def test_disabled_counts_nothing_and_enabled_counts_again() -> None:
    """SLO_ENABLED takes effect both ways, without a new handler."""
    client = Client()
    with override_settings(SLO_ENABLED=False):
        assert client.get("/").status_code == 200
        assert get_registry()["availability"].snapshot().total == 0
        assert client.get("/metrics").status_code == 404

    client.get("/")
    assert get_registry()["availability"].snapshot().total == 1


def test_disabled_leaves_no_mark_on_requests() -> None:
    """With SLO_ENABLED = False a request passes through as if we were not there."""
    with override_settings(SLO_ENABLED=False):
        response = Client().get("/")

    assert not any(str(key).startswith("slo") for key in response.wsgi_request.META)
    assert not hasattr(response.wsgi_request, "_slo_served_request")


def test_wrong_definitions_break_no_request(open_for: OpenProject, caplog: pytest.LogCaptureFixture) -> None:
    """Requests pass uncounted, the log says why once, and whoever asks for the registry gets every problem."""
    client = Client()
    with override_settings(SLO_DEFINITIONS=BROKEN):
        assert client.get("/").status_code == 200
        assert client.get("/").status_code == 200

        with pytest.raises(ConfigError) as caught:
            get_registry()
        assert len(caught.value.problems) == 2
        assert client.get("/metrics").status_code == 503
        assert b"99.9" not in client.get("/metrics").content

    ours = [record.getMessage() for record in caplog.records if record.name == "slo_core"]
    assert len([message for message in ours if message.startswith("requests are not counted")]) == 1
    assert "SLO_DEFINITIONS['one'].target" in ours[0]

    assert client.get("/").status_code == 200
    assert get_registry()["availability"].snapshot().total == 1


def test_an_unknown_store_breaks_no_request() -> None:
    """The same for a store that cannot be had."""
    with override_settings(SLO_STORE="nosuch://"):
        assert Client().get("/").status_code == 200


def test_without_definitions_nothing_counts() -> None:
    """A project that has not said what it promises is left alone."""
    with override_settings():
        from django.conf import settings

        del settings.SLO_DEFINITIONS
        assert Client().get("/").status_code == 200
        assert len(get_registry()) == 0


def test_an_slo_defined_in_code_counts_from_then_on() -> None:
    """`get_registry().define(...)` in an AppConfig's ready() joins those of the settings."""
    from slo_core import HTTPRule, SLODefinition

    client = Client()
    client.get("/")
    get_registry().define(SLODefinition("late", 0.9, http=HTTPRule()))
    client.get("/")

    assert get_registry()["late"].snapshot().total == 1
    assert get_registry()["availability"].snapshot().total == 2


def test_the_service_and_store_come_from_the_settings() -> None:
    """SLO_SERVICE names the service; SLO_STORE may be an object, which overriding does not close."""

    class Store(MemoryStore):
        closed = False

        def close(self) -> None:
            self.closed = True

    store = Store(clock=clock)
    with override_settings(SLO_SERVICE="shop", SLO_STORE=store):
        assert get_registry().service == "shop"
        assert get_registry().store is store

    assert not store.closed
    assert get_registry().service == "default"
    assert get_registry().store.backend == "memory"


def test_importing_needs_no_settings() -> None:
    """Modules may import the marks and get_registry before Django is configured, and nothing is started by it."""
    code = (
        "import slo_django, threading; from slo_django import get_registry, slo_exempt, slo_track; import slo_django.asgi;"
        "from django.conf import settings; assert not settings.configured; assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=180, env={})


def test_setting_up_builds_nothing() -> None:
    """`django.setup()` opens and counts nothing: the first request or record does."""
    code = (
        "from django.conf import settings; import django, threading;"
        "settings.configure(INSTALLED_APPS=['slo_django'], SLO_STORE='nosuch://'); django.setup();"
        "from slo_django.installation import current; assert current.installation.registry_if_built is None;"
        "assert threading.active_count() == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=180, env={})


def test_djangos_error_reports_hide_the_token_and_a_password_among_the_options() -> None:
    """They know secrets by the names of settings: a password belongs into SLO_STORE_OPTIONS, not into the URL."""
    with override_settings(SLO_METRICS_TOKEN="hunter2", SLO_STORE_OPTIONS={"username": "me", "password": "hunter2"}):
        reported = SafeExceptionReporterFilter().get_safe_settings()

    assert "hunter2" not in str([reported["SLO_METRICS_TOKEN"], reported["SLO_STORE_OPTIONS"]])


def test_several_workers_are_warned_of_the_setting(open_for: OpenProject, caplog: pytest.LogCaptureFixture) -> None:
    """The store is named by `SLO_STORE` here, and by no argument."""
    open_for("wsgi")

    get_registry().internals.note_workers(lambda: "gunicorn -w 2")

    assert "Set SLO_STORE to a store that all workers share" in caplog.text
