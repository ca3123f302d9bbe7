"""A store that already exists, for tools that look at it from outside the services that use it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from slo_core.errors import SLOError, StoreError
from slo_core.stores.buckets import BucketStore
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.url import file_of_url

__all__ = ["existing_store_from_url", "without_secrets"]


def existing_store_from_url(url: str, service: str) -> BucketStore:
    """
    The shared store that a URL names; it does not come into being because its name was mistyped.

    Args:
        url: As for `store_from_url`.
        service: The namespace.

    Raises:
        StoreError: There is no such file; or as for `bucket_store_from_url`.
    """
    file = file_of_url(url)
    with without_secrets():  # around the look for the file too: its folder may be forbidden
        if file is not None and not file.exists():
            raise StoreError(f"store {url}: there is no such file")
        return bucket_store_from_url(url, service=service)


@contextmanager
def without_secrets() -> Iterator[None]:
    """
    Turn any exception of a store into a `StoreError`.

    Raises:
        StoreError: Instead: the text of another package's error may hold a password, and is left out.
    """
    try:
        yield
    except SLOError:
        raise
    except ImportError as exc:  # the settings of a Django project, or a driver
        raise StoreError(f"{exc}; is it installed, or its folder in PYTHONPATH?") from exc
    except Exception as exc:
        raise StoreError(f"{type(exc).__name__}, raised by the store") from exc
