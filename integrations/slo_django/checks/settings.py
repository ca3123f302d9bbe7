"""Checks of the settings except the definitions, and of the store that they name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from slo_core.config.settings import SLOSettings, unknown_settings
from slo_core.conventions import DEFAULT_STORE
from slo_core.errors import ConfigError, Problem, StoreError, nearest
from slo_core.stores.open import known_schemes, store_from_url
from slo_core.stores.separate_counts import WORKERS_DIFFER, separate_counts
from slo_core.stores.url import file_of_url, redacted_url
from slo_django import conf
from slo_django.checks.messages import CheckID, error_of, sentence
from slo_django.store.bucket_store import open_django
from slo_django.store.causes import CAUSE_TABLE
from slo_django.store.failures import FAILURE_TABLE
from slo_django.store.opening import shared_store

__all__ = ["check_settings", "check_tables"]

# Redis, with TLS and as a cluster.
_REDIS = ("redis://", "rediss://", "redis+cluster://", "rediss+cluster://")


def check_settings(app_configs: object = None, **_: Any) -> list[CheckMessage]:
    """The other settings: their values and names, and the store."""
    messages: list[CheckMessage] = [
        checks.Warning(
            f"{conf.WHERE}{problem.path}: {problem.message}.",
            hint=sentence(problem.hint),
            id=CheckID.UNKNOWN_SETTING,
        )
        for problem in unknown_settings(list(conf.given_settings()))
    ]
    try:
        slo_settings = conf.read_settings()
    except ConfigError as exc:
        return [*messages, *(error_of(problem, CheckID.INVALID_SETTING) for problem in exc.problems)]
    return [*messages, *_store_messages(slo_settings)]


def _store_messages(slo_settings: SLOSettings) -> Iterator[CheckMessage]:
    store = slo_settings.store
    if isinstance(store, str):
        problem = _store_problem(store, slo_settings)
        if problem is not None:
            yield error_of(problem, CheckID.INVALID_STORE)
            return
        is_of_one_process = store == DEFAULT_STORE
        if store.startswith(_REDIS) and "SLO_SERVICE" not in conf.given_settings():
            yield checks.Warning(
                f"{conf.WHERE}SLO_STORE is used without a SLO_SERVICE: another service with SLOs of the same names, in the "
                "same Redis, would be counted together with this one.",
                hint=f'Name the service: SLO_SERVICE = "{settings.ROOT_URLCONF.partition(".")[0]}".',
                id=CheckID.STORE_WITHOUT_SERVICE,
            )
    else:
        is_of_one_process = store.scope == "process"
    # Tests use it without a setting that says so.
    is_default_of_tests = conf.is_being_tested() and not conf.is_store_named()
    if is_of_one_process and slo_settings.enabled and not settings.DEBUG and not is_default_of_tests:
        yield checks.Warning(
            separate_counts(f"{conf.WHERE}SLO_STORE", WORKERS_DIFFER),
            hint=f'Use a shared store: leave SLO_STORE out, or set "sqlite:////path/slo.db" or "redis://host:6379/0". '
            f"With one worker, silence {CheckID.STORE_OF_ONE_PROCESS}.",
            id=CheckID.STORE_OF_ONE_PROCESS,
        )


def _store_problem(url: str, slo_settings: SLOSettings) -> Problem | None:
    """The problem of a store's URL, options or file; no server is contacted, and no file made."""
    where = f"{conf.WHERE}SLO_STORE"
    scheme, colon, _ = url.partition(":")
    if not colon or scheme not in {*known_schemes(), conf.DJANGO_STORE.partition(":")[0]}:
        known = [f"{known}://" for known in known_schemes()]
        expected = f"expected a URL with one of the schemes {', '.join(known)}"
        return Problem(where, f"{expected}, got {redacted_url(url)!r}", nearest(f"{scheme}://", known))
    try:
        if url.startswith((conf.DJANGO_STORE, conf.SQLITE_STORE)):
            shared_store(slo_settings)
        file = file_of_url(url)
        if file is not None and not os.path.exists(file):  # noqa: PTH110  # Path.exists() may raise
            return _folder_problem(file)
        if not url.startswith(conf.DJANGO_STORE):
            store_from_url(url, service=slo_settings.service, options=slo_settings.store_options).close()
    except StoreError as exc:
        return Problem(where, str(exc))
    return None


def _folder_problem(file: Path) -> Problem | None:
    """Why a file cannot be made."""
    folder = file.absolute().parent
    if conf.is_store_named() and not os.access(folder, os.W_OK | os.X_OK):
        return Problem(
            f"{conf.WHERE}SLO_STORE",
            f"{file.name} cannot be made in {folder}, which does not exist, or where this process may not write",
        )
    return None


def check_tables(app_configs: object = None, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """The tables of `django://` exist; until then events wait in memory, and requests are served as always."""
    try:
        store = conf.read_settings().store
        if not isinstance(store, str) or not store.startswith(conf.DJANGO_STORE):
            return []
        tables = open_django(store)
        # A database without any table is about to be migrated for the first time.
        if tables.alias not in (databases or ()) or not tables.has_tables("django_migrations"):
            return []
        trouble = "missing, or of an older version: events wait in memory until they are there"
        if tables.has_tables():
            if tables.has_tables(CAUSE_TABLE, FAILURE_TABLE):
                return []
            lost = "recent failures are" if tables.has_tables(CAUSE_TABLE) else "what bad events were caused by is"
            trouble = f"of an older version: {lost} not kept until they are of this one"
    except (ConfigError, StoreError):  # reported by check_settings, or by the check of the database
        return []
    database = "" if tables.alias == "default" else f" --database {tables.alias}"
    return [
        checks.Warning(
            f"The tables of {store} are {trouble}.",
            hint=f"Run manage.py migrate slo_django{database}.",
            id=CheckID.TABLES_MISSING,
        )
    ]
