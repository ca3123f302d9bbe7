"""Without `"slo_django"` in INSTALLED_APPS no check runs: the log says it, once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
from django.conf import settings
apps, options = {apps!r}, {options!r}
settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, INSTALLED_APPS=apps,
    DATABASES={{"default": {{"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}}},
    SLO_DEFINITIONS={{"availability": {{"target": 0.99}}}}, **options,
)
import django
django.setup()
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from slo_django import get_registry
urlpatterns = [path("", lambda request: HttpResponse("hello"))]
call_command("migrate", verbosity=0)
for _ in range(2):
    assert Client().get("/").status_code == 200
get_registry()["availability"].record_success()
"""
MIDDLEWARE = {"MIDDLEWARE": ["slo_django.middleware.SLOMiddleware"]}


@pytest.mark.parametrize(
    ("apps", "options", "times"),
    [
        ([], MIDDLEWARE, 1),
        ([], {**MIDDLEWARE, "SLO_STORE": "django://default"}, 1),
        ([], {}, 1),  # no middleware either: the first use of the registry says it
        (["slo_django"], MIDDLEWARE, 0),
        (["slo_django.apps.SLOConfig"], MIDDLEWARE, 0),
    ],
)
def test_the_log_names_the_setting(tmp_path: Path, apps: list[str], options: dict[str, object], times: int) -> None:
    """With the app there is no message."""
    script = SCRIPT.format(apps=apps, options=options)
    ended = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count('"slo_django" is not in settings.INSTALLED_APPS: add it.') == times, ended.stderr
