"""Where definitions are kept: a file, an object in a module, the settings of a Django project."""

from __future__ import annotations

from slo_core.definition_source.definition_set import DefinitionSet
from slo_core.definition_source.load import load_definitions, load_django_settings

__all__ = ["DefinitionSet", "load_definitions", "load_django_settings"]
