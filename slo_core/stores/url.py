"""The URL of a store: its scope, and how to show it without its password."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from slo_core.stores.base import StoreScope

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_of_url", "redacted_url", "scope_of_url"]


_ADDRESS_END = r"[/?#]"

# Whose events a store holds, by its scheme: to know it without opening the store.
_SCOPES: Mapping[str, StoreScope] = {
    "memory": "process",
    "sqlite": "host",
    "redis": "fleet",
    "rediss": "fleet",
    "redis+cluster": "fleet",
    "rediss+cluster": "fleet",
    "django": "fleet",
}

# Schemes of stores that are one file.
_FILE_SCHEMES = frozenset(("sqlite",))


def scope_of_url(url: str) -> StoreScope | None:
    """Whose events the store of a URL holds; None for one of another package."""
    return _SCOPES.get(url.partition(":")[0])


def file_of_url(url: str) -> Path | None:
    """The file that holds the store of a URL; None for a store on a server, or of another package."""
    from pathlib import Path  # takes 3 ms to import, which services should not pay

    scheme, _, path = url.partition(":///")
    return Path(path) if scheme in _FILE_SCHEMES and path else None


def redacted_url(url: str) -> str:
    """A store URL fit for a log: without the password, and without a query that may hold one."""
    scheme, separator, rest = url.partition("://")
    address = re.split(_ADDRESS_END, rest, maxsplit=1)[0]
    beyond = rest[len(address) :]
    if "@" in beyond or (not separator and "@" in url):
        # An unescaped "/", "?" or "#" in a password ends the address early: which part is secret is not known.
        return f"{url.partition(':')[0]}://..."
    credentials, _, host = address.rpartition("@")
    user, colon, _ = credentials.partition(":")
    path, question_mark, _ = beyond.partition("#")[0].partition("?")
    shown = f"{user}:***@{host}" if colon else address
    return f"{scheme}{separator}{shown}{path}{'?...' if question_mark else ''}"
