"""`slo annotate`: marks a change of a service in its store."""

from __future__ import annotations

import time
from contextlib import closing

import click

from slo_core.budgets.marks import MARK_KINDS, MarkKind
from slo_core.cli.import_path import import_project_of
from slo_core.cli.instant_option import instant_option
from slo_core.cli.store import services_in, store_option
from slo_core.cli.terminal import print_result
from slo_core.errors import SLOError, StoreError
from slo_core.stores.existing import existing_store_from_url, without_secrets
from slo_core.stores.marks import MarkStore
from slo_core.tracking.annotation import marked_text, new_mark

__all__ = ["annotate"]


@click.command("annotate")
@click.argument("text")
@click.option("--kind", type=click.Choice(MARK_KINDS), default="note", show_default=True, help="What it is.")
@instant_option
@store_option
@click.option("--service", metavar="NAME", help="The service, where the store holds several.")
def annotate(text: str, kind: MarkKind, at: float | None, url: str, service: str | None) -> None:
    """
    Mark a change: "migration 0042", "failover to eu-west".

    It is a line on the charts of the service's SLOs, and stands in the headline of one that begins to burn within an hour.
    """
    try:
        mark = new_mark(text, kind=kind, at=at, now=time.time())
    except ValueError as exc:
        raise SLOError(str(exc)) from exc
    import_project_of(url)
    with without_secrets():
        services = services_in(url, service)
        if len(services) > 1:
            raise StoreError(f"the store holds several services: {', '.join(services)}; choose one with --service")
        with closing(existing_store_from_url(url, services[0])) as store:
            if not isinstance(store, MarkStore):
                raise StoreError(f"the store {store.backend} keeps no marks")
            store.add_marks([mark])
    print_result(marked_text(services[0], mark))
