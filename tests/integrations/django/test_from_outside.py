"""`slo` on the project's database: typed in the project's folder, without manage.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SETTINGS = """
from pathlib import Path

SECRET_KEY = "only-for-tests"
INSTALLED_APPS = ["slo_django", "orders.Orders"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": Path(__file__).with_name("db.sqlite3")}}
SLO_STORE = "django://default"
SLO_SERVICE = "shop"
SLO_DEFINITIONS = {"availability": {"target": 0.9}}
"""

# Asks for its SLOs while the apps are still being loaded.
ORDERS = """
from django.apps import AppConfig

class Orders(AppConfig):
    name = "orders"

    def ready(self):
        from slo_django import get_registry
        get_registry()
"""

RECORD = """
import time, django
django.setup()
from slo_django import get_registry
for number in range(100):
    get_registry()["availability"].record(number >= 4, at=time.time() - 4 * 86_400)
get_registry().close()
"""


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """As somebody types it in that folder, which is on no path; a warning is an error."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "SLO_TOKEN")}
    environment |= {"DJANGO_SETTINGS_MODULE": "shop_settings", "PYTHONWARNINGS": "error::RuntimeWarning"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=180, check=False
    )


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose SLO has been measured for four days, with 4 of 100 events bad."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "shop_settings.py").write_text(SETTINGS)
    (folder / "orders.py").write_text(ORDERS)
    for arguments in (["-m", "django", "migrate", "-v", "0"], ["-c", RECORD]):
        done = run(folder, sys.executable, *arguments)
        assert done.returncode == 0, done.stderr
    return folder


def slo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(folder, str(Path(sys.executable).with_name("slo")), *arguments)


def test_the_status_is_that_of_the_database(project: Path) -> None:
    """The settings are found in the folder, and Django has nothing to warn of."""
    done = slo(project, "status", "django://default", "--json")

    assert (done.returncode, done.stderr) == (0, "")
    (found,) = json.loads(done.stdout)["slos"]
    assert (found["service"], found["name"], found["total"], found["failures"]) == ("shop", "availability", 100, 4)


def test_the_gate_asks_the_database(project: Path) -> None:
    """4 bad of 100 at 90 % leave 60 %."""
    done = slo(project, "gate", "django://default", "--min-budget", "60%")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("PASS     availability: 60% of the error budget left")


def test_settings_that_are_nowhere_are_told(tmp_path: Path) -> None:
    """In one line."""
    done = slo(tmp_path, "status", "django://default")

    assert (done.returncode, done.stdout) == (2, "")
    assert "No module named 'shop_settings'" in done.stderr
    assert done.stderr.count("\n") == 1
