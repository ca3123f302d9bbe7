"""`manage.py slo_forget`: delete an SLO that was removed from the settings, with all of its counts."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import closing
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from slo_core.budgets.wording import printable
from slo_core.errors import SLOError
from slo_core.stores.forgetting import slo_to_forget
from slo_core.stores.url import redacted_url
from slo_django.conf import read_settings
from slo_django.store.opening import shared_store

__all__ = ["Command"]


class Command(BaseCommand):
    """Does what `slo store forget` does, in the store that the settings name."""

    help = "Deletes an SLO with all of its counts: one that was removed from SLO_DEFINITIONS, or renamed."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The name, and the options of `slo store forget`."""
        parser.add_argument("slo", metavar="NAME", help="the SLO")
        parser.add_argument("--yes", action="store_true", help="do not ask before deleting")
        parser.add_argument("--force", action="store_true", help="delete it although a process still declares it")

    def handle(self, *_: Any, **options: Any) -> None:
        """
        Delete it.

        Raises:
            CommandError: There is no such SLO, a process still declares it, the answer is not yes, the settings are wrong,
                or the store is not shared or cannot be reached.
        """
        try:
            settings = read_settings()
            if not isinstance(settings.store, str):
                raise CommandError("SLO_STORE is an object: use slo_core.stores.forgetting.slo_to_forget")
            with closing(shared_store(settings)) as store:
                chosen = slo_to_forget(store, options["slo"])
                shown = printable(f"{settings.service}/{options['slo']}")
                where = redacted_url(settings.store)
                if not options["yes"] and not _agrees(
                    f"Delete {shown} from {where}: {printable(chosen.contents)}? [y/N] "
                ):
                    raise CommandError("nothing was deleted")
                chosen.delete(force=options["force"])
        except SLOError as exc:
            raise CommandError(str(exc)) from exc
        self.stdout.write(f"{shown} is forgotten: {chosen.contents}")


def _agrees(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False
