"""Builds and test runs have no store, or not the one of the settings: they leave it alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client, override_settings

from slo_django import conf, get_registry
from slo_django.checks import TAG

# The app asks for its SLOs while apps are loaded, and registers them with Prometheus.
SETTINGS = """
import os
SECRET_KEY = "only-for-tests"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "shop_urls"
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.staticfiles", "slo_django", "shop_app.Shop"]
MIDDLEWARE = ["slo_django.middleware.SLOMiddleware"]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SHOP_DATABASE"]},
    "metrics": {"ENGINE": "django.db.backends.postgresql", "HOST": "127.0.0.1", "PORT": os.environ["SHOP_PORT"]},
}
DATABASE_ROUTERS = ["shop_app.Router"]
STATIC_URL, STATIC_ROOT = "static/", "static"
SLO_DEFINITIONS = {"availability": {"target": 0.9}}
SLO_SERVICE = "shop"
if os.environ["SHOP_STORE"]:
    SLO_STORE = os.environ["SHOP_STORE"]
"""
APP = """
from django.apps import AppConfig

class Shop(AppConfig):
    name = "shop_app"

    def ready(self):
        from prometheus_client import REGISTRY
        from slo_core import SLOCollector
        from slo_django import get_registry
        REGISTRY.register(SLOCollector(get_registry()))

class Router:
    def allow_migrate(self, db, app_label, **hints):
        return db == "default"
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
"""
MANAGE = """
import sys
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
TESTS = """
from django.test import SimpleTestCase
from prometheus_client import generate_latest
from slo_django import get_registry

class Shop(SimpleTestCase):
    def test_requests(self):
        before = get_registry()["availability"].snapshot().total
        for _ in range(40):
            assert self.client.get("/").status_code == 200
        assert get_registry()["availability"].snapshot().total == before + 40
        assert b'slo_store_up{slo_service="shop"} 1.0' in generate_latest()
"""


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A server that would notice everything that reaches for it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in (
        ("shop_settings", SETTINGS), ("shop_app", APP), ("shop_urls", URLS), ("manage", MANAGE), ("test_shop", TESTS),
    ):  # fmt: skip
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def run(project: Path, listener: socket.socket, store: str, *command: str) -> subprocess.CompletedProcess[str]:
    port = str(listener.getsockname()[1])
    environment = {
        **os.environ, "DJANGO_SETTINGS_MODULE": "shop_settings", "SHOP_STORE": store.replace("PORT", port), "SHOP_PORT": port,
        "SHOP_DATABASE": str(project / "no" / "such" / "folder" / "db.sqlite3"), "PYTHONPATH": "",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *command],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def was_left_alone(listener: socket.socket) -> bool:
    """Whether nobody has connected."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return True
    return False


BUILD = """
import sys, django
from django.core.management import call_command
django.setup()
for command in sys.argv[1:]:
    options = {"collectstatic": {"interactive": False, "verbosity": 0}, "makemigrations": {"check_changes": True}}
    call_command(command, **options.get(command, {}))
"""


@pytest.mark.parametrize(
    ("store", "commands"),
    [
        ("", ["collectstatic", "check", "makemigrations"]),
        ("django://metrics", ["collectstatic", "check", "makemigrations"]),
        ("redis://127.0.0.1:PORT/0", ["collectstatic", "check", "makemigrations"]),
        # The check says that there is no such folder, and only the check does.
        ("sqlite:////no/such/folder/slo.db", ["collectstatic"]),
    ],
)
def test_a_build_reaches_for_no_store(project: Path, listener: socket.socket, store: str, commands: list[str]) -> None:
    """Whatever asks for the SLOs while apps are loaded; and nothing of ours lies in the image."""
    done = run(project, listener, store, "-c", BUILD, *commands)

    assert done.returncode == 0, done.stderr
    assert "the store" not in done.stderr
    assert "slo.W" not in done.stderr
    assert was_left_alone(listener)
    assert list(project.glob("**/*.slo.*")) == []


@pytest.mark.parametrize(
    ("runner", "store"),
    [("manage.py", "redis://127.0.0.1:PORT/0"), ("pytest", "django://metrics"), ("pytest", "sqlite:///slo.db")],
)
def test_a_test_run_leaves_the_store_alone(project: Path, listener: socket.socket, store: str, runner: str) -> None:
    """What tests count is in memory: nothing is left at the end that could not be handed over."""
    command = ["manage.py", "test"] if runner == "manage.py" else ["-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = run(project, listener, store, *command)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "the store" not in done.stdout + done.stderr
    assert was_left_alone(listener)
    assert not (project / "slo.db").exists()


def test_a_test_may_name_a_store(tmp_path: Path) -> None:
    """Then it is that one, in `override_settings` within others, too."""
    with override_settings(SLO_STORE=f"sqlite:///{tmp_path / 'slo.db'}"), override_settings(SLO_ENABLED=True):
        assert Client().get("/plain/").status_code == 200
        assert get_registry()["availability"].snapshot().total == 1
        assert (tmp_path / "slo.db").exists()
    assert conf.read_settings().store == "memory://"


def test_the_options_of_a_store_are_left_out_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be a mistake with another store."""
    from django.conf import settings

    monkeypatch.setattr(settings._wrapped, "SLO_STORE", "redis://redis/0")
    monkeypatch.setattr(settings._wrapped, "SLO_STORE_OPTIONS", {"socket_timeout": 1}, raising=False)
    for name in ("SLO_STORE", "SLO_STORE_OPTIONS"):
        settings.__dict__.pop(name, None)
    read: Any = conf.read_settings()

    assert (read.store, read.store_options) == ("memory://", {})
    assert not [message for message in run_checks(tags=[TAG]) if "SLO_STORE" in message.msg]
    monkeypatch.undo()
    settings.__dict__.pop("SLO_STORE", None)
