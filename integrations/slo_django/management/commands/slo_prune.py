"""`manage.py slo_prune`: delete buckets that no window reads again."""

from __future__ import annotations

import math
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.errors import SLOError
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.url import redacted_url
from slo_django.conf import DJANGO_STORE, read_settings
from slo_django.store.bucket_store import open_django

__all__ = ["Command"]


class Command(BaseCommand):
    """
    Workers do the same every ten minutes, for one second at a time.

    This command goes on to the end: for a project whose workers live for minutes only, or whose windows became shorter.
    """

    help = "Deletes buckets that no window reads again, and notes of writers that are gone; totals stay."
    requires_system_checks = ()

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Delete them.

        Raises:
            CommandError: The settings are wrong, the store is not shared, or it cannot be reached.
        """
        try:
            settings = read_settings()
            store = settings.store
            if not isinstance(store, str):
                raise CommandError("SLO_STORE is an object: call its own prune()")
            if store.startswith(DJANGO_STORE):
                tables = open_django(store, service=settings.service, **settings.store_options)
                deleted = tables.prune(seconds=math.inf)
            else:
                buckets = bucket_store_from_url(store, service=settings.service, options=settings.store_options)
                try:
                    deleted = buckets.prune()
                finally:
                    buckets.close()
        except SLOError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{redacted_url(store)}: {deleted} rows deleted.")
