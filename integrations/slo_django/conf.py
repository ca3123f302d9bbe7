"""The project's settings, as slo-suite reads them."""

from __future__ import annotations

from typing import cast

from django.conf import settings

from slo_core.config import DefinitionsConfig
from slo_core.conventions import DEFAULT_STORE
from slo_core.settings import PREFIX, SLOSettings

__all__ = ["DEFAULTS", "DEFINITIONS", "WHERE", "given_settings", "read_definitions", "read_settings"]

# What messages put before the name of a setting.
WHERE = "settings."

DEFINITIONS = "SLO_DEFINITIONS"

# Where Django's defaults differ from `SLOSettings`, here is the place to say so.
DEFAULTS: dict[str, object] = {"SLO_STORE": DEFAULT_STORE}


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
    return SLOSettings.from_mapping({**DEFAULTS, **given_settings()}, where=WHERE)


def read_definitions() -> DefinitionsConfig:
    """`SLO_DEFINITIONS` as it stands in the settings; empty where it is missing."""
    return cast("DefinitionsConfig", getattr(settings, DEFINITIONS, {}))  # the parser looks at every value
