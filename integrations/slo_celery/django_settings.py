"""The SLOs of a Django project, for its Celery application."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

from slo_core.tasks.recorder import TaskRecorder

__all__ = ["DjangoRecorder", "has_django_settings"]


def has_django_settings() -> bool:
    """Whether the process belongs to a Django project. Its settings may not be read yet: they may import the application."""
    conf = sys.modules.get("django.conf")
    return bool(os.environ.get("DJANGO_SETTINGS_MODULE")) or (conf is not None and conf.settings.configured)


class DjangoRecorder:
    """
    Returns the recorder for the settings in force, made with the first task; None with `SLO_ENABLED = False`.

    Args:
        exclude: Globs of task names that count for no SLO.
    """

    __slots__ = ("_exclude", "_installation", "_recorder")

    def __init__(self, exclude: tuple[str, ...]) -> None:
        self._exclude = exclude
        self._installation: Any = None
        self._recorder: TaskRecorder | None = None

    def __call__(self) -> TaskRecorder | None:
        # By name, because the package is there in Django projects only.
        installation = import_module("slo_django.installation").current.installation
        if installation is not self._installation:
            is_enabled = installation.settings.enabled
            self._recorder = TaskRecorder(installation.registry, exclude=self._exclude) if is_enabled else None
            self._installation = installation
        return self._recorder
