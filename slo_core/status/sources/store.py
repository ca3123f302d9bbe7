"""A shared store, read from outside the services that count in it."""

from __future__ import annotations

from functools import partial

from slo_core.errors import StoreError
from slo_core.status.service_status import ServiceStatus
from slo_core.status.sources.registry import registry_status
from slo_core.stores.existing import existing_store_from_url, without_secrets
from slo_core.stores.url import redacted_url
from slo_core.tracking.store_services import StoreServices

__all__ = ["StoreSource"]


class StoreSource:
    """
    Reads a store as the exporter does: every service in it, and nothing is written.

    Args:
        url: Of the store.
        service: The only service to show; None shows all.

    Raises:
        StoreError: The URL is unknown or refused, or there is no such store.
    """

    def __init__(self, url: str, *, service: str | None = None) -> None:
        self._shown = redacted_url(url)
        self._service = service
        with without_secrets():
            self._exporter = StoreServices(partial(existing_store_from_url, url), service=service)

    def read(self) -> list[ServiceStatus]:
        """
        Every service in the store.

        Raises:
            StoreError: It is out of reach; or it holds no SLO, or none of the service that is asked for.
        """
        services = [
            registry_status(registry, snapshots=snapshots, unreadable=self._exporter.unreadable(registry))
            for registry, snapshots in self._exporter.read().items()
        ]
        if not any(found.snapshots for found in services):
            trouble = next((found.trouble for found in services if found.trouble is not None), None)
            whose = "any service" if self._service is None else f"service {self._service!r}"
            raise StoreError(trouble or f"store {self._shown}: it holds no SLO of {whose}; is it the right store?")
        return services

    def close(self) -> None:
        """Release the store."""
        self._exporter.close()
