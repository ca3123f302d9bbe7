"""From the URL of a store to the store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from slo_core.conventions import DEFAULT_SERVICE, STORE_ENTRY_POINT_GROUP
from slo_core.errors import StoreError
from slo_core.stores.base import Store
from slo_core.stores.memory.store import MemoryStore
from slo_core.stores.url import redacted_url

if TYPE_CHECKING:
    from slo_core.stores.buckets import BucketStore

__all__ = ["bucket_store_from_url", "known_schemes", "store_from_url"]

# An entry point of another package must be a callable that takes the URL and these keywords.
StoreFactory = Callable[..., "Store | BucketStore"]


def _memory_store(url: str, *, clock: Callable[[], float], service: str, **options: object) -> Store:
    if url != "memory://":
        raise StoreError(f'store URL {redacted_url(url)}: expected exactly "memory://", it takes no address')
    if options:
        raise StoreError(f"store memory://: expected no options, got {', '.join(sorted(options))}")
    return MemoryStore(clock=clock)


def _sqlite_store(url: str, **options: Any) -> BucketStore:
    from slo_core.stores.sql.sqlite import open_sqlite

    return open_sqlite(url, **options)


def _redis_store(url: str, **options: Any) -> BucketStore:
    from slo_core.stores.redis.store import open_redis

    return open_redis(url, **options)


_BUILT_IN: Mapping[str, StoreFactory] = {
    "memory": _memory_store,
    "sqlite": _sqlite_store,
    "redis": _redis_store,
    "rediss": _redis_store,
    "redis+cluster": _redis_store,
    "rediss+cluster": _redis_store,
}

# The package that a scheme needs, which is an extra of the same name.
_EXTRAS = {"redis": "redis", "rediss": "redis", "redis+cluster": "redis", "rediss+cluster": "redis", "django": "django"}


def store_from_url(
    url: str,
    *,
    service: str = DEFAULT_SERVICE,
    clock: Callable[[], float] = time.time,
    options: Mapping[str, object] | None = None,
    flush_interval: float | None = None,
) -> Store:
    """
    The store a URL names.

    Schemes of other packages are found through the entry-point group `slo_core.stores`; the entry point is called as
    `factory(url, service=..., clock=..., **options)` and returns a `BucketStore`, or a `Store` of its own kind.

    Args:
        url: `"memory://"`, `"sqlite:///slo.db"`, `"redis://host/0"`, or what an installed package offers.
        service: The namespace in a shared store.
        clock: Returns seconds since the epoch.
        options: Options of that store.
        flush_interval: Seconds between two writes to a shared store; None leaves it to the store.

    Raises:
        StoreError: The scheme is unknown (the message lists the known ones), or the store refuses the URL.
    """
    store = _made(url, service=service, clock=clock, options=options)
    if isinstance(store, Store):
        return store
    from slo_core.stores.shared.write_behind import WriteBehindStore

    return WriteBehindStore(store, clock=clock, flush_interval=flush_interval)


def bucket_store_from_url(
    url: str,
    *,
    service: str = DEFAULT_SERVICE,
    clock: Callable[[], float] = time.time,
    options: Mapping[str, object] | None = None,
) -> BucketStore:
    """
    The shared store a URL names, as it is: without batching or threads; it writes nothing by itself.

    For tools that look at a store or copy it; services take `store_from_url`.

    Args:
        url: As for `store_from_url`.
        service: The namespace.
        clock: Returns seconds since the epoch.
        options: Options of that store.

    Raises:
        StoreError: As for `store_from_url`; or it is not shared: no other process can see the events of `memory://`.
    """
    from slo_core.stores.buckets import BucketStore

    store = _made(url, service=service, clock=clock, options=options)
    if isinstance(store, Store):
        if isinstance(buckets := getattr(store, "buckets", None), BucketStore):
            return buckets
        store.close()
        shared = ", ".join(f"{name}://" for name in known_schemes() if name != "memory")
        raise StoreError(
            f"store URL {redacted_url(url)}: expected a store that processes share ({shared}); "
            "what this one holds cannot be seen from another process"
        )
    return store


def _made(
    url: str, *, service: str, clock: Callable[[], float], options: Mapping[str, object] | None
) -> Store | BucketStore:
    scheme = url.partition(":")[0] if isinstance(url, str) else ""
    try:
        factory = _BUILT_IN.get(scheme) or _from_entry_point(scheme)
    except ImportError as exc:
        raise StoreError(
            f"store URL {redacted_url(url)}: its package cannot be imported: {exc}{_needs((scheme,))}"
        ) from exc
    if factory is None:
        schemes = known_schemes()
        known = ", ".join(f"{name}://" for name in schemes)
        shown = redacted_url(url) if isinstance(url, str) else f"of type {type(url).__name__}"
        raise StoreError(f"store URL {shown}: expected one of the schemes {known}{_needs(schemes)}")
    return factory(url, service=service, clock=clock, **dict(options or {}))


def _needs(schemes: Iterable[str]) -> str:
    """The extras that schemes need, as the end of a message; not those that are installed."""
    from importlib.util import find_spec

    missing = (scheme for scheme in schemes if scheme in _EXTRAS and find_spec(_EXTRAS[scheme]) is None)
    return "".join(f"; {scheme}:// needs slo-suite[{_EXTRAS[scheme]}]" for scheme in missing)


def known_schemes() -> tuple[str, ...]:
    """Every scheme that a store can be had for, built in or from installed packages."""
    from importlib.metadata import entry_points

    registered = (entry_point.name for entry_point in entry_points(group=STORE_ENTRY_POINT_GROUP))
    return tuple(sorted({*_BUILT_IN, *registered}))


def _from_entry_point(scheme: str) -> StoreFactory | None:
    from importlib.metadata import entry_points  # 20 ms: only when a store of another package is asked for

    for entry_point in entry_points(group=STORE_ENTRY_POINT_GROUP, name=scheme):
        factory: StoreFactory = entry_point.load()
        return factory
    return None
