"""Reads the project's settings."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import cast

from django.apps import apps
from django.conf import Settings, UserSettingsHolder, settings

from slo_core.config.definitions import DefinitionsConfig
from slo_core.config.settings import PREFIX, SLOSettings, default_service
from slo_core.conventions import DEFAULT_STORE
from slo_core.errors import StoreError
from slo_django.own_file import database_file, obstacle_to, own_file

__all__ = [
    "DEFINITIONS",
    "DJANGO_STORE",
    "SQLITE_STORE",
    "WHERE",
    "DefaultStore",
    "default_store",
    "given_settings",
    "is_being_tested",
    "is_store_named",
    "read_definitions",
    "read_settings",
]

# Messages put this before the name of a setting.
WHERE = "settings."

DEFINITIONS = "SLO_DEFINITIONS"

# The start of a URL that names a database of the project.
DJANGO_STORE = "django://"

# The start of a URL that names a file.
SQLITE_STORE = "sqlite:///"

_STORE = "SLO_STORE"

# Names of the script behind `manage.py test`.
_COMMANDS = ("manage.py", "django-admin", "__main__.py")


@dataclass(frozen=True, slots=True)
class DefaultStore:
    """
    The store that is taken where no setting names one.

    Attributes:
        url: Its URL.
        alias: The database of the project that it is in, or beside; None for memory.
        obstacle: Why it is not beside an SQLite database but in it; else empty.
    """

    url: str
    alias: str | None = None
    obstacle: str = ""


def default_store() -> DefaultStore:
    """
    The store when no setting names one: the database that the project's routers choose for our models.

    Beside an SQLite database it is a file of our own, where that can be. It is memory for a project without a database, or
    with a database that the store cannot use. It is memory in tests too: their counts are not to be kept, and each test
    has the database for itself.
    """
    if not apps.is_installed("slo_django") or is_being_tested():
        return DefaultStore(DEFAULT_STORE)
    from django.db import connections, router

    from slo_django.models import Bucket
    from slo_django.store.dialect import dialect_of, is_in_memory

    alias = router.db_for_write(Bucket)
    database = connections.settings[alias]
    try:
        dialect = dialect_of(database["ENGINE"])
    except StoreError:
        return DefaultStore(DEFAULT_STORE)
    if is_in_memory(database):
        return DefaultStore(DEFAULT_STORE)
    if dialect.vendor != "sqlite":
        return DefaultStore(f"{DJANGO_STORE}{alias}", alias)
    file = database_file(database)
    obstacle = obstacle_to(file)
    url = f"{DJANGO_STORE}{alias}" if obstacle else f"{SQLITE_STORE}{own_file(file)}"
    return DefaultStore(url, alias, obstacle)


def is_being_tested() -> bool:
    """
    Whether Django's test runner, or pytest-django, is at work in this process.

    Also before it has begun: apps may ask for the SLOs while they are loaded.
    """
    utils = sys.modules.get("django.test.utils")
    if utils is not None and hasattr(utils._TestState, "saved_data"):  # set by the runner
        return True
    is_command = os.path.basename(sys.argv[0] if sys.argv else "") in _COMMANDS  # noqa: PTH119
    return "pytest_django.plugin" in sys.modules or (is_command and sys.argv[1:2] == ["test"])


def is_store_named() -> bool:
    """
    Whether a setting names the store.

    In tests a test must have done so: the store of the settings is the running service's, and tests leave it alone. An
    object is the project's own, and stays.
    """
    if not hasattr(settings, _STORE):
        return False
    store = getattr(settings, _STORE)
    is_reached_for = isinstance(store, str) and store != DEFAULT_STORE
    return _is_overridden(_STORE) if is_reached_for and is_being_tested() else True


def _is_overridden(name: str) -> bool:
    """Whether `override_settings`, or pytest-django's `settings`, has set a setting."""
    holder = settings._wrapped
    # The last one holds what `settings.configure` was given.
    while isinstance(holder, UserSettingsHolder) and isinstance(
        holder.default_settings, (Settings, UserSettingsHolder)
    ):
        if name in vars(holder):
            return True
        holder = holder.default_settings
    return False


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
    root_urlconf = getattr(settings, "ROOT_URLCONF", None)
    if is_store_named():
        given.setdefault("SLO_SERVICE", default_service(root_urlconf, given[_STORE]))
        return SLOSettings.from_mapping(given, where=WHERE)
    default = default_store()
    given[_STORE] = default.url
    if is_being_tested():
        given.pop("SLO_STORE_OPTIONS", None)  # they are the other store's
    if default.alias is not None:
        given.setdefault("SLO_SERVICE", default_service(root_urlconf, f"{DJANGO_STORE}{default.alias}"))
    return SLOSettings.from_mapping(given, where=WHERE)


def read_definitions() -> DefinitionsConfig:
    """The value of `SLO_DEFINITIONS`; empty where the setting is missing."""
    return cast("DefinitionsConfig", getattr(settings, DEFINITIONS, {}))  # the parser checks every value
