"""Arguments of commands that read definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import click

from slo_core.cli.import_path import import_from_here
from slo_core.config.sources.definition_set import DefinitionSet
from slo_core.config.sources.load import load_definitions, load_django_settings

__all__ = ["chosen_definitions", "source_options"]

Command = TypeVar("Command", bound=Callable[..., Any])


def source_options(command: Command) -> Command:
    """
    Add the arguments `source`, `django_settings` and `service`, for `chosen_definitions`.

    SOURCE is a file, or `module:attribute`.
    """
    options = (
        click.argument("source", required=False),
        click.option(
            "--django-settings", metavar="MODULE", help="Read SLO_DEFINITIONS from a Django project's settings."
        ),
        click.option("--service", metavar="NAME", help="The service, in place of the one that SOURCE names."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def chosen_definitions(source: str | None, django_settings: str | None, service: str | None) -> DefinitionSet:
    """
    The definitions that the arguments name.

    Raises:
        click.UsageError: Neither a source nor a settings module is named, or both.
        ConfigError: Every problem with the definitions.
        SLOError: A package that reads them is not installed.
    """
    if (source is None) == (django_settings is None):
        raise click.UsageError(
            "Expected one of SOURCE (a .yaml, .toml or .json file, or module:attribute) and --django-settings."
        )
    import_from_here()
    if django_settings is not None:
        definitions = load_django_settings(django_settings)
    else:
        assert source is not None  # checked above
        definitions = load_definitions(source)
    return definitions if service is None else replace(definitions, service=service)
