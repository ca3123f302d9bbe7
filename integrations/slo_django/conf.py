"""Reads the project's settings."""

from __future__ import annotations

import sys
from typing import cast

from django.apps import apps
from django.conf import settings

from slo_core.config.definitions import DefinitionsConfig
from slo_core.config.settings import PREFIX, SLOSettings, default_service
from slo_core.conventions import DEFAULT_STORE
from slo_core.errors import StoreError

__all__ = [
    "DEFINITIONS",
    "DJANGO_STORE",
    "WHERE",
    "default_store",
    "given_settings",
    "is_being_tested",
    "read_definitions",
    "read_settings",
]

# Messages put this before the name of a setting.
WHERE = "settings."

DEFINITIONS = "SLO_DEFINITIONS"

# The start of a URL that names a database of the project.
DJANGO_STORE = "django://"


def default_store() -> str:
    """
    The URL of the store when no setting names one: the database that the project's routers choose for our models.

    It is memory for a project without a database, or with a database that the store cannot use. It is memory in tests too:
    their counts are not to be kept, and each test has the database for itself.
    """
    if not apps.is_installed("slo_django") or is_being_tested():
        return DEFAULT_STORE
    from django.db import connections, router

    from slo_django.models import Bucket
    from slo_django.store.dialect import dialect_of, is_in_memory

    alias = router.db_for_write(Bucket)
    database = connections.settings[alias]
    try:
        dialect_of(database["ENGINE"])
    except StoreError:
        return DEFAULT_STORE
    return DEFAULT_STORE if is_in_memory(database) else f"{DJANGO_STORE}{alias}"


def is_being_tested() -> bool:
    """Whether Django's test runner, or pytest-django, is at work in this process."""
    utils = sys.modules.get("django.test.utils")
    return utils is not None and hasattr(utils._TestState, "saved_data")  # set by the runner


def given_settings() -> dict[str, object]:
    """Every setting of the project whose name starts with `SLO_`."""
    names = (name for name in dir(settings) if name.startswith(PREFIX) and name.isupper())
    # An override may have deleted a name that dir() still lists.
    return {name: getattr(settings, name) for name in names if hasattr(settings, name)}


def read_settings() -> SLOSettings:
    """
    The settings except the definitions.

    Raises:
        ConfigError: All settings that are wrong, by name.
    """
    given = given_settings()
    if "SLO_STORE" not in given:
        given["SLO_STORE"] = default_store()
    given.setdefault("SLO_SERVICE", default_service(getattr(settings, "ROOT_URLCONF", None), given["SLO_STORE"]))
    return SLOSettings.from_mapping(given, where=WHERE)


def read_definitions() -> DefinitionsConfig:
    """The value of `SLO_DEFINITIONS`; empty where the setting is missing."""
    return cast("DefinitionsConfig", getattr(settings, DEFINITIONS, {}))  # the parser checks every value
