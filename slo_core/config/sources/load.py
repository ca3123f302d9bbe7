"""Loads definitions from a file, a `module:attribute` or Django settings."""

from __future__ import annotations

import os
import re
from pathlib import Path

from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.config.sources.file import ENDINGS, load_file
from slo_core.config.sources.parsed_file import refusal

__all__ = ["load_definitions", "load_django_settings"]

_ATTRIBUTE = re.compile(r"[A-Za-z_][\w.]*:(?:[A-Za-z_][\w.]*(?:\(\))?)?")


def load_definitions(source: str) -> DefinitionSet:
    """
    The definitions in a source.

    Args:
        source: A file that ends with .yaml, .yml, .toml or .json; or `module:attribute`.

    Raises:
        ConfigError: There is no such source, or every problem in it.
        SLOError: A package that reads it is not installed.
    """
    path = Path(source)
    if path.suffix.lower() in ENDINGS:
        return load_file(source)
    if _ATTRIBUTE.fullmatch(source):
        from slo_core.config.sources.module import load_attribute

        return load_attribute(source)
    if os.path.exists(source):  # noqa: PTH110  # Path.exists() raises for a name that is too long
        return load_file(source)
    expected = f"expected a file that ends with {', '.join(ENDINGS)}, or module:attribute"
    raise refusal(source, None, f"{expected}; there is no such file")


def load_django_settings(module: str) -> DefinitionSet:
    """
    The definitions in a Django project's settings; Django itself is not loaded.

    Args:
        module: `"shop.settings"`.

    Raises:
        ConfigError: Every problem with the settings.
    """
    from slo_core.config.sources.module import load_settings

    return load_settings(module.removesuffix(":"))
