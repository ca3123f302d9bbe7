"""Connections that are not of a pool: a pool's are the project's, and so are their number and their sessions."""

from __future__ import annotations

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

__all__ = ["unpooled_connection"]

# What a pool does itself.
_OPENS = frozenset(("get_new_connection", "connect", "close", "_close"))


def unpooled_connection(alias: str) -> BaseDatabaseWrapper:
    """
    A new connection to a database, not open yet, and never one of a pool that another package keeps for the project.

    Such a package (django-db-connection-pool, django-postgrespool2, django-db-geventpool and others) derives its engine from
    Django's, or from another package's; the connection is one of the class that it derives from. `Dialect.limit` takes it
    out of Django's own pool.

    Args:
        alias: The database.
    """
    # Not `connections[alias]`: that one belongs to the thread's request or task, with its transaction.
    connection = connections.create_connection(alias)
    if not _is_pooling(type(connection)):
        return connection
    for parent in type(connection).__mro__:
        if issubclass(parent, BaseDatabaseWrapper) and hasattr(parent, "Database") and not _is_pooling(parent):
            return parent(connections.settings[alias], alias)
    return connection  # a pool with an engine all of its own


def _is_pooling(engine: type) -> bool:
    """Whether a class of connections, or one that it derives from, is a pool's: by its module, and by what it does."""
    return any("pool" in parent.__module__ and not _OPENS.isdisjoint(vars(parent)) for parent in engine.__mro__)
