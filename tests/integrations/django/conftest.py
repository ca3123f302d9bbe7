"""The test project, served through WSGI and ASGI."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

# Only these tests need Django, and so only they configure it.
sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slo_test_project.settings")

import django  # noqa: E402  # only now are there settings
from django.test import override_settings  # noqa: E402

django.setup()

from slo_test_project.clock import clock  # noqa: E402
from slo_test_project.project import OpenProject, Project  # noqa: E402

from slo_core.testing import capture_requests  # noqa: E402
from slo_django.installation import current  # noqa: E402


@pytest.fixture(scope="package", autouse=True)
def collected_garbage() -> Iterator[None]:
    """The drivers collect garbage after each request: they do not look through what all other tests have left behind."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def fresh_installation() -> Iterator[None]:
    """Each test starts with nothing counted."""
    current.replace()
    yield
    current.replace()


@pytest.fixture
def open_for() -> Iterator[OpenProject]:
    """`open_for("wsgi", SETTING=...)` opens the project under those settings until the test ends."""
    with ExitStack() as stack:

        def open_project(interface: str, **settings: Any) -> Project:
            stack.enter_context(override_settings(**settings))
            recorder = current.installation.recorder
            if recorder is None:
                return Project(interface, [])
            recorder.timer = clock
            return Project(interface, stack.enter_context(capture_requests(current.installation.registry)))

        yield open_project


@pytest.fixture(params=["wsgi", "asgi"])
def open_project(request: pytest.FixtureRequest, open_for: OpenProject) -> OpenProject:
    """`open_project(SETTING=...)`, once for each interface."""
    return lambda **settings: open_for(request.param, **settings)


@pytest.fixture
def project(open_project: OpenProject) -> Project:
    """The project under its own settings."""
    return open_project()
