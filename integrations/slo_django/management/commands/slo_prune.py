"""`manage.py slo_prune`: delete buckets that no window reads again."""

from __future__ import annotations

import math
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.errors import SLOError
from slo_core.stores.url import redacted_url
from slo_django.conf import read_settings
from slo_django.store.bucket_store import DjangoBucketStore
from slo_django.store.opening import shared_store

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
            buckets = shared_store(settings)
            try:
                # The project's own database is pruned in many small transactions: to the end, here.
                deleted = buckets.prune(seconds=math.inf) if isinstance(buckets, DjangoBucketStore) else buckets.prune()
            finally:
                buckets.close()
        except SLOError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{redacted_url(store)}: {deleted} rows deleted.")
