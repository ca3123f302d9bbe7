"""An incident to look at, with FastAPI, Flask or in Django's admin: `python incident.py FRAMEWORK PORT`."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from typing import Any

from slo_core import SLORegistry

__all__ = ["DEFINITIONS", "PASSWORD", "USER"]

USER, PASSWORD = "sre", "correct horse"
# The order of the list: what pages, what asks for a ticket, what waits, then spent budgets.
DEFINITIONS: dict[str, dict[str, Any]] = {
    "quiet": {"target": "99.9%", "labels": {"team": "search"}},
    "exports": {"target": "99%", "labels": {"team": "search"}, "description": "ייצוא"},
    "mails": {
        "target": "99%",
        "alert_rules": [{"long_window": "6h", "short_window": "1h", "severity": "page", "burn_rate": 2}],
    },
    "search": {"target": "99%", "labels": {"team": "search"}},
    "checkout": {
        "target": "99.9%",
        "labels": {"team": "payments"},
        "description": "Customers can pay.",
        "runbook": "https://wiki.example/checkout",
    },
}
for options in DEFINITIONS.values():
    options["kind"] = "custom"
MINUTE, HOUR, DAY = 60, 3600, 86_400


def record(registry: SLORegistry) -> None:
    """Three weeks, as told in a few thousand events."""
    now = time.time()
    for tracker in registry:
        for hour in range(21 * 24, 0, -1):
            for _ in range(6):
                tracker.record_success(at=now - hour * HOUR)
    for minute in range(24 * 60, 0, -10):
        registry["search"].record(minute % 200 != 0, at=now - minute * MINUTE)  # burns at 3 to 5: below a page
    for second in range(25 * MINUTE, 0, -5):
        registry["checkout"].record(second % 25 != 0, at=now - second)
    for event in range(100):
        registry["exports"].record_failure(at=now - 10 * DAY - event)
    registry.annotate("4.2", kind="release", at=now - 25 * MINUTE)
    registry["mails"].record_failure(at=now - 10 * MINUTE)  # one is not enough


def serve_fastapi(port: int) -> None:
    import uvicorn
    from fastapi import FastAPI

    from slo_asgi import instrument

    app = FastAPI()
    record(instrument(app, DEFINITIONS, status_path="/slo"))
    uvicorn.run(app, port=port, log_level="warning")


def serve_flask(port: int) -> None:
    from flask import Flask

    from slo_flask import SLO

    app = Flask("incident")
    app.config.update(SLO_STATUS_PATH="/slo", SLO_DEFINITIONS=DEFINITIONS)
    SLO().init_app(app)
    record(app.extensions["slo"].registry)
    app.run(port=port, threaded=True)


# Themes of the admin, by the application that brings them; what their own scripts need beside our policy.
LOOSE = "default-src 'self' data:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'"
POLICIES = {"django": "default-src 'self'", "unfold": LOOSE, "jazzmin": LOOSE}


def serve_django(port: int, theme: str) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    folder = tempfile.mkdtemp(prefix="slo-incident-")
    contrib = [f"django.contrib.{name}" for name in "admin auth contenttypes sessions messages staticfiles".split()]
    settings.configure(
        DEBUG=True,
        SECRET_KEY="only for tests",
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF="incident_urls",
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}},
        INSTALLED_APPS=[*([theme] if theme != "django" else []), *contrib, "slo_django"],
        MIDDLEWARE=[
            "incident_urls.policy",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.locale.LocaleMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        TIME_ZONE="UTC",
        STATIC_URL="/static/",
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        INCIDENT_POLICY=POLICIES[theme],
        JAZZMIN_SETTINGS={"use_google_fonts_cdn": False},
        SLO_DEFINITIONS=DEFINITIONS,
        SLO_STORE="memory://",
    )
    django.setup()
    from django.contrib.auth.models import User

    from slo_django import get_registry

    call_command("migrate", verbosity=0)
    User.objects.create_superuser(USER, password=PASSWORD)
    record(get_registry())
    call_command("runserver", str(port), use_reloader=False, skip_checks=True)


if __name__ == "__main__":
    framework, port = sys.argv[1], int(sys.argv[2])
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    if framework == "fastapi":
        serve_fastapi(port)
    elif framework == "flask":
        serve_flask(port)
    else:
        serve_django(port, framework)
