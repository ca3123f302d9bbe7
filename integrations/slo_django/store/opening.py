"""From the settings to the store that they name, without reaching for it."""

from __future__ import annotations

from slo_core.config.settings import SLOSettings
from slo_core.stores.base import Store
from slo_core.stores.buckets import BucketStore
from slo_core.stores.open import bucket_store_from_url
from slo_django.conf import DJANGO_STORE, SQLITE_STORE
from slo_django.store.bucket_store import DjangoBucketStore, open_django

__all__ = ["batched_store", "shared_store"]


def shared_store(settings: SLOSettings) -> BucketStore:
    """
    The shared store that settings name, without batching or threads.

    Nothing is opened before it is used: apps may ask for their SLOs while an image is built, where neither the server nor
    the folder of the store exists. The checks look at a file.

    Args:
        settings: Their store is a URL.

    Raises:
        StoreError: The URL or an option is wrong, or the store is not shared.
    """
    url, service, options = str(settings.store), settings.service, settings.store_options
    if url.startswith(DJANGO_STORE):
        # Not through its entry point: to look one up takes 20 ms, and a checkout on the path has none.
        return open_django(url, service=service, **options)
    if url.startswith(SQLITE_STORE):
        from slo_core.stores.sql.sqlite import sqlite_store

        return sqlite_store(url, service=service, **options)
    return bucket_store_from_url(url, service=service, options=options)


def batched_store(settings: SLOSettings) -> Store | str:
    """
    The store for a registry; a URL where the registry opens it as well.

    Args:
        settings: The settings.

    Raises:
        StoreError: The URL or an option is wrong.
    """
    if not isinstance(settings.store, str) or not settings.store.startswith((DJANGO_STORE, SQLITE_STORE)):
        return settings.store
    from slo_core.stores.shared.write_behind import WriteBehindStore
    from slo_django.async_callers import AsyncSafeBuckets

    buckets = shared_store(settings)
    if isinstance(buckets, DjangoBucketStore):
        buckets = AsyncSafeBuckets(buckets)
    return WriteBehindStore(buckets, flush_interval=settings.flush_interval)
