"""What is to be said of the default store of a project on SQLite: counts from before, a file that cannot be."""

from __future__ import annotations

import logging
import os
import threading

from slo_core.conventions import LOGGER_NAME
from slo_core.errors import SLOError
from slo_core.stores.buckets import BucketStore, Query, SLORecord
from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_core.stores.url import file_of_url
from slo_django import conf
from slo_django.own_file import database_file

__all__ = ["COPY_COMMAND", "SECOND_WRITER_CONSEQUENCE", "left_behind", "log_default_store", "slos_left_behind"]

COPY_COMMAND = "manage.py slo_copy_counts"

SECOND_WRITER_CONSEQUENCE = (
    'a transaction of the project that reads first and then writes fails with "database is locked" when the store writes in '
    "between"
)


def slos_left_behind() -> list[str]:
    """
    The SLOs whose earlier events are in the tables of the project's SQLite database only.

    Empty unless events are kept beside that database by default. Files that do not exist are not made.

    Raises:
        ConfigError: The settings are wrong.
        StoreError: The tables or the file cannot be read; the tables may be missing.
    """
    from django.db import connections

    from slo_django.store.bucket_store import open_django

    default = None if conf.is_store_named() else conf.default_store()
    file = None if default is None else file_of_url(default.url)
    if default is None or default.alias is None or file is None:
        return []
    if not os.path.exists(database_file(connections.settings[default.alias])):  # noqa: PTH110  # Path's may raise
        return []
    service = conf.read_settings().service
    earlier = _records(open_django(f"{conf.DJANGO_STORE}{default.alias}", service=service))
    now: dict[str, SLORecord] = {}
    if any(record.good + record.bad for record in earlier.values()) and os.path.exists(file):  # noqa: PTH110
        buckets = SQLiteBucketStore(file, service=service)
        try:
            now = _records(buckets)
        finally:
            buckets.close()
    # Once they are copied, the file's events begin with theirs.
    return [
        slo
        for slo, record in earlier.items()
        if record.good + record.bad and (slo not in now or now[slo].data_since > record.data_since)
    ]


def left_behind() -> str:
    """Which events are in the tables of the project's SQLite database only, as a sentence; empty without any."""
    try:
        slos = slos_left_behind()
    except SLOError:  # without tables there is nothing in them; the rest is reported elsewhere
        return ""
    if not slos:
        return ""
    default = conf.default_store()
    return (
        f"The database {default.alias!r} holds events of {', '.join(slos)} that {default.url}, where events are kept now, does "
        "not have: budgets are worked out without them."
    )


def _records(buckets: BucketStore) -> dict[str, SLORecord]:
    answers = buckets.read([Query(name) for name in buckets.names()])
    return {stored.record.slo: stored.record for stored in answers if stored.record is not None}


def log_default_store() -> None:
    """
    Log what the checks warn of, where events are kept by default: servers run no checks.

    Which SLOs start from zero although the project's database holds events of them is looked up by a thread of its own: no
    request waits for a database.
    """
    default = conf.default_store()
    if default.obstacle:
        logging.getLogger(LOGGER_NAME).warning(
            "events are kept in the SQLite database %r of the project itself, because %s: %s",
            default.alias,
            default.obstacle,
            SECOND_WRITER_CONSEQUENCE,
        )
    if not default.url.startswith(conf.SQLITE_STORE):
        return

    def log() -> None:
        if message := left_behind():
            logging.getLogger(LOGGER_NAME).warning("%s Copy them: %s", message, COPY_COMMAND)

    try:
        threading.Thread(target=log, name="slo-left-behind", daemon=True).start()
    except RuntimeError:  # the system allows no more threads
        return
