"""The test project as a test reaches it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slo_core import SLORegistry
from slo_core.testing import RequestEvent
from slo_django.installation import current
from slo_test_project.drivers import Answer, serve_asgi, serve_wsgi

MIDDLEWARE = "slo_django.middleware.SLOMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"


class Project:
    """
    The test project under some settings, reached through one interface.

    Attributes:
        interface: `"wsgi"` or `"asgi"`.
        events: The requests that were counted.
    """

    def __init__(self, interface: str, events: list[RequestEvent]) -> None:
        self.interface = interface
        self.events = events

    @property
    def registry(self) -> SLORegistry:
        """The SLOs."""
        return current.installation.registry

    def ask(self, method: str, path: str, **options: Any) -> Answer:
        """Send one request; see the drivers for options."""
        serve = serve_wsgi if self.interface == "wsgi" else serve_asgi
        return serve(method, path, **options)

    def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return self.ask("GET", path, **options)

    def only_event(self) -> RequestEvent:
        """The one request that was counted."""
        (event,) = self.events
        return event

    def counts(self, name: str = "availability") -> tuple[int, int]:
        """Events and failures of an SLO."""
        snapshot = self.registry[name].snapshot()
        return snapshot.total, snapshot.failures


OpenProject = Callable[..., Project]


def manage(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A management command of the test project, in a process of its own, as from a shell."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "slo_test_project.settings",
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, sys.path)]),
    }
    command = [sys.executable, "-m", "django", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)
