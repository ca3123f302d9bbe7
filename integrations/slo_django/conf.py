"""The project's settings, as slo-suite reads them."""

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

# What messages put before the name of a setting.
WHERE = "settings."

DEFINITIONS = "SLO_DEFINITIONS"

# What a URL starts with that names a database of the project.
DJANGO_STORE = "django://"


def default_store() -> str:
    """
    Where events are kept unless the settings say it: in the database that the project's routers name for our models.

    A project without a database, or with one of a kind that the store cannot use, counts in memory; and so does every
    project while Django's test runner is at work: a test's counts are nobody's, and its database is its own.
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
    return utils is not None and hasattr(utils._TestState, "saved_data")  # the runner's own mark


def given_settings() -> dict[str, object]:
    """Every setting whose name starts with `SLO_`, as the project gives it."""
    names = (name for name in dir(settings) if name.startswith(PREFIX) and name.isupper())
    # An override may have deleted a name that dir() still lists.
    return {name: getattr(settings, name) for name in names if hasattr(settings, name)}


def read_settings() -> SLOSettings:
    """
    The settings beside the definitions.

    Raises:
        ConfigError: Every setting that is wrong, by name.
    """
    given = given_settings()
    if "SLO_STORE" not in given:
        given["SLO_STORE"] = default_store()
    given.setdefault("SLO_SERVICE", default_service(getattr(settings, "ROOT_URLCONF", None), given["SLO_STORE"]))
    return SLOSettings.from_mapping(given, where=WHERE)


def read_definitions() -> DefinitionsConfig:
    """`SLO_DEFINITIONS` as it stands in the settings; empty where it is missing."""
    return cast("DefinitionsConfig", getattr(settings, DEFINITIONS, {}))  # the parser looks at every value
