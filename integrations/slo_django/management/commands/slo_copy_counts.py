"""`manage.py slo_copy_counts`: bring counts from the project's database to the store that the settings name."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import router

from slo_core.errors import SLOError
from slo_core.stores.copy import copy_store
from slo_core.stores.url import redacted_url
from slo_django.conf import DJANGO_STORE, read_settings
from slo_django.models import Bucket
from slo_django.store.bucket_store import open_django
from slo_django.store.opening import shared_store

__all__ = ["Command"]


class Command(BaseCommand):
    """For a project whose events used to be kept in its database, and are kept elsewhere now."""

    help = (
        "Copies what this service has counted in the tables of the project's database (django://) to the store that is in use "
        "now. What has been counted there since stays; repeating it adds nothing."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--database ALIAS`."""
        parser.add_argument(
            "--database", metavar="ALIAS", help="the database with the tables (default: where migrate put them)"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Copy them.

        Raises:
            CommandError: The settings are wrong, the store is the database itself or is not shared, or one of the two cannot
                be reached.
        """
        alias = options["database"] or router.db_for_write(Bucket)
        source_url = f"{DJANGO_STORE}{alias}"
        try:
            settings = read_settings()
            if not isinstance(settings.store, str):
                raise CommandError("SLO_STORE is an object: use slo_core.stores.copy.copy_store")
            with closing(shared_store(settings)) as target:
                report = copy_store(open_django(source_url, service=settings.service), target, is_earlier=True)
        except SLOError as exc:
            raise CommandError(str(exc)) from exc
        for copied in report.slos:
            outcome = "copied before, nothing added" if copied.was_there else "copied"
            self.stdout.write(f"{copied.slo}: {copied.good + copied.bad} events, {copied.bad} bad; {outcome}")
        self.stdout.write(
            f"{len(report.slos)} SLOs of {report.service}: from {source_url} to {redacted_url(settings.store)}"
        )
