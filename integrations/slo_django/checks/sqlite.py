"""Checks of a store in, or beside, an SQLite database of the project."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage
from django.db import connections, router

from slo_core.errors import ConfigError, SLOError
from slo_core.stores.url import file_of_url
from slo_django import conf
from slo_django.checks.messages import CheckID
from slo_django.default_store import COPY_COMMAND, SECOND_WRITER_CONSEQUENCE, left_behind
from slo_django.own_file import database_file, own_file
from slo_django.store.dialect import dialect_of, is_in_memory

__all__ = ["check_left_behind", "check_sqlite"]

# Transactions that wait for others: they begin with the lock that they need to write.
_WAITING = ("IMMEDIATE", "EXCLUSIVE")


def check_sqlite(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The store does not write into an SQLite file of the project's own; no database is asked."""
    try:
        slo_settings = conf.read_settings()
    except ConfigError:  # reported by check_settings
        return []
    store = slo_settings.store
    if not isinstance(store, str):
        return []
    if store.startswith(conf.DJANGO_STORE):
        return list(_of_tables(store.removeprefix(conf.DJANGO_STORE)))
    return list(_of_file(store))


def _of_tables(alias: str) -> Iterator[CheckMessage]:
    database = connections.settings.get(alias)
    if database is None or not _is_file(database) or not _is_written_by_others(alias):
        return
    mode = database.get("OPTIONS", {}).get("transaction_mode")
    if str(mode).upper() in _WAITING:
        return
    file = database_file(database)
    obstacle = "" if conf.is_store_named() else conf.default_store().obstacle
    if obstacle:
        problem = f"Events are kept in the SQLite database {alias!r} itself, because {obstacle}"
        remedy = (
            f"Let this process write in the folder {file.parent}, or mount the folder instead of the file, and events are "
            f'kept in {own_file(file).name}; or name a file elsewhere: SLO_STORE = "sqlite:////path/slo.db"'
        )
    else:
        problem = (
            f"{conf.WHERE}SLO_STORE keeps events in the SQLite database {alias!r}, into which the project writes, too"
        )
        remedy = f"Leave SLO_STORE out: events are then kept in {own_file(file)}"
    yield checks.Warning(
        f"{problem}: {SECOND_WRITER_CONSEQUENCE}.",
        hint=f'{remedy}; or have transactions wait: "OPTIONS": {{"transaction_mode": "IMMEDIATE"}} in DATABASES.',
        id=CheckID.SECOND_WRITER,
    )


def _of_file(store: str) -> Iterator[CheckMessage]:
    file = file_of_url(store)
    if file is None:
        return
    for alias, database in connections.settings.items():
        if _is_file(database) and database_file(database) == database_file({"NAME": os.fspath(file)}):
            yield checks.Warning(
                f"{conf.WHERE}SLO_STORE names the file of the SQLite database {alias!r}: each finds the other's tables in "
                f"its file, and {SECOND_WRITER_CONSEQUENCE}.",
                hint=f'Name another file: SLO_STORE = "{conf.SQLITE_STORE}{own_file(database_file(database))}".',
                id=CheckID.SECOND_WRITER,
            )


def _is_file(database: Mapping[str, Any]) -> bool:
    try:
        return dialect_of(database["ENGINE"]).vendor == "sqlite" and not is_in_memory(database)
    except SLOError:
        return False


def _is_written_by_others(alias: str) -> bool:
    """Whether a model that is not ours goes to a database."""
    others = (model for model in apps.get_models() if model._meta.app_label != "slo_django")
    return any(router.db_for_write(model) == alias for model in others)


def check_left_behind(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The events that the project's SQLite database holds from before are in our own file, too."""
    message = left_behind()
    if not message:
        return []
    hint = f"Copy them, whenever you like: {COPY_COMMAND}. What has been counted since stays."
    return [checks.Warning(message, hint=hint, id=CheckID.COUNTS_LEFT_BEHIND)]
