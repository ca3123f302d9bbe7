"""`slo store`: copies SLOs from one store to another, and takes SLOs out of a store."""

from __future__ import annotations

from contextlib import ExitStack, closing

import click

from slo_core.budgets.wording import printable
from slo_core.cli.group import HelpfulGroup
from slo_core.cli.import_path import import_project_of
from slo_core.cli.terminal import print_result
from slo_core.errors import StoreError
from slo_core.stores.copy import CopyReport, check_copy, copy_store
from slo_core.stores.existing import existing_store_from_url, without_secrets
from slo_core.stores.forgetting import slo_to_forget
from slo_core.stores.open import bucket_store_from_url
from slo_core.stores.url import file_of_url, redacted_url

__all__ = ["services_in", "store", "store_option"]

STORE_HELP = (
    "URL of a shared store: sqlite:///slo.db, redis://host/0, or django://default (with DJANGO_SETTINGS_MODULE in the "
    "environment, and the project in PYTHONPATH)."
)

# For commands that work on one store.
store_option = click.option(
    "--store",
    "url",
    metavar="URL",
    required=True,
    # The URL may hold a password, and every user of the machine can read the arguments of a process.
    envvar="SLO_STORE",
    help=f"{STORE_HELP}  [default: SLO_STORE in the environment]",
)

# The service under which a store is opened to list its services. Stores warn about the default one.
_NO_SERVICE = "slo"


@click.group("store", cls=HelpfulGroup)
def store() -> None:
    """Work on the contents of a store."""


@store.command("copy", epilog=f"FROM is the {STORE_HELP}")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--service", metavar="NAME", help="Copy this service only.  [default: every service]")
@click.option(
    "--replace",
    is_flag=True,
    help="Replace all that TO holds, while services may use it: to restore a backup. Both are sqlite:/// files.",
)
def copy(source: str, target: str, service: str | None, replace: bool) -> None:
    """
    Copy all SLOs from one store to another: totals, history and definitions.

    Stop the services that write to either first. Repeating a copy adds nothing; a target that holds other events is
    refused, or replaced with --replace.
    """
    shown = f"from {redacted_url(source)} to {redacted_url(target)}"
    if replace:
        events = _replace(source, target, service)
        print_result(f"everything replaced, {_counted(events, 'event')} now: {shown}")
        return
    for url in (source, target):
        import_project_of(url)
    with without_secrets(), ExitStack() as opened:
        pairs = [
            (
                opened.enter_context(closing(existing_store_from_url(source, name))),
                opened.enter_context(closing(bucket_store_from_url(target, service=name))),
            )
            for name in services_in(source, service)
        ]
        # Every service is checked before the first is written.
        for one, other in pairs:
            check_copy(one, other)
        reports = []
        for one, other in pairs:
            report = copy_store(one, other)
            _report(report)
            reports.append(report)
    count = sum(len(report.slos) for report in reports)
    events = sum(report.events for report in reports)
    print_result(
        f"{_counted(count, 'SLO')} of {_counted(len(reports), 'service')}, {_counted(events, 'event')}: {shown}"
    )


@store.command("forget")
@click.argument("slo", metavar="NAME")
@store_option
@click.option("--service", metavar="NAME", help="Its service, where several have an SLO of this name.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@click.option("--force", is_flag=True, help="Delete it although a process still declares it.")
def forget(slo: str, url: str, service: str | None, yes: bool, force: bool) -> None:
    """
    Delete an SLO with all of its counts: one that was removed from the definitions, or renamed.

    An SLO that a process still declares is refused. Other SLOs keep their numbers.
    """
    import_project_of(url)
    with without_secrets():
        owner = _owner(url, slo, service)
        with closing(existing_store_from_url(url, owner)) as opened:
            chosen = slo_to_forget(opened, slo)
            shown = printable(f"{owner}/{slo}")
            if not yes and not _agrees(f"Delete {shown} from {redacted_url(url)}: {printable(chosen.contents)}?"):
                raise StoreError("nothing was deleted; --yes deletes without asking")
            chosen.delete(force=force)
    print_result(f"{shown} is forgotten: {chosen.contents}")


def _agrees(question: str) -> bool:
    """Whether the answer is yes; no answer is a no."""
    try:
        return click.confirm(question)
    except click.Abort:
        return False


def _owner(url: str, slo: str, wanted: str | None) -> str:
    """The service whose SLO it is."""
    services = services_in(url, wanted)
    if len(services) == 1:
        return services[0]
    owners = []
    for service in services:
        with closing(existing_store_from_url(url, service)) as opened:
            if slo in opened.names():
                owners.append(service)
    if len(owners) > 1:
        raise StoreError(f"several services have an SLO {slo!r}: {', '.join(owners)}; choose one with --service")
    return owners[0] if owners else services[0]


def _replace(source: str, target: str, service: str | None) -> int:
    """Replace the whole target, which other processes may use; how many events it holds then."""
    files = [file_of_url(url) for url in (source, target)]
    if service is not None or None in files:
        raise StoreError(
            "--replace: expected two sqlite:/// files, and no --service: a file is replaced as a whole; for another store "
            "choose an empty target, and stop the services that write to it"
        )
    from slo_core.stores.sql.sqlite_replace import replace_sqlite_file

    old, new = (file for file in files if file is not None)
    with without_secrets():
        return replace_sqlite_file(old, new)


def _report(report: CopyReport) -> None:
    for copied in report.slos:
        outcome = "copied before, nothing added" if copied.was_there else f"{_counted(copied.buckets, 'bucket')} copied"
        events = f"{_counted(copied.good + copied.bad, 'event')}, {copied.bad:,} bad"
        print_result(f"{printable(f'{report.service}/{copied.slo}')}: {events}; {outcome}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def services_in(url: str, wanted: str | None) -> list[str]:
    """
    The services to work on: all in the store, or the requested one.

    Raises:
        StoreError: The store holds none, or not that one.
    """
    with closing(existing_store_from_url(url, wanted or _NO_SERVICE)) as opened:
        services = opened.services()
    if wanted is None and services:
        return services
    if wanted in services:
        return [wanted]
    held = ", ".join(map(repr, services)) or "none"
    expected = "services that have declared an SLO" if wanted is None else f"service {wanted!r}"
    raise StoreError(f"store {redacted_url(url)}: expected {expected}, it holds {held}; is it the right store?")
