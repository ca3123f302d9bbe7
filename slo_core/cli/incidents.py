"""`slo incidents`: when alert rules fired."""

from __future__ import annotations

import json
import time
from contextlib import closing
from pathlib import Path

import click

from slo_core.cli.since_option import since_option
from slo_core.cli.status_options import TOKEN_VARIABLE, opened_source
from slo_core.cli.terminal import print_error, silence_logging
from slo_core.status.incidents import incident_lines, service_incidents_json

__all__ = ["incidents"]


@click.command("incidents")
@click.argument("name", required=False)
@click.option("--store", metavar="URL", help="The shared store: sqlite:///slo.db, redis://host/0, django://default.")
@click.option("--url", metavar="URL", help="The /slo.json of a running service, in place of --store.")
@click.option(
    "--token-file",
    metavar="FILE",
    type=Path,
    help=f"With --url, a file with the page's bearer token.  [default: {TOKEN_VARIABLE} in the environment]",
)
@click.option("--service", metavar="NAME", help="Of several services, this one only.  [default: every service]")
@since_option
@click.option("--json", "as_json", is_flag=True, help="JSON for programs: one entry for each rule that fired.")
def incidents(
    name: str | None,
    store: str | None,
    url: str | None,
    token_file: Path | None,
    service: str | None,
    since: float,
    as_json: bool,
) -> int:
    """
    Show when alert rules fired, the newest first: of the SLO NAME, or of all.

    Bad events, the share of the budget that they spent, the largest cause, and what changed in the hour before.
    """
    if (store is None) == (url is None):
        raise click.UsageError("Expected one of --store and --url.")
    if url is not None and not url.lower().startswith(("http:", "https:")):
        raise click.UsageError("--url is for a page (http:// or https://); name a store with --store.")
    if store is not None and store.lower().startswith(("http:", "https:")):
        raise click.UsageError("--store is for a store; name a page with --url.")
    silence_logging()
    now = time.time()
    with closing(opened_source(store or url or "", token_file, service)) as source:
        services = source.incidents(since=now - since, slo=name)
    if as_json:
        click.echo(json.dumps(service_incidents_json(services), indent=2, allow_nan=False))
    else:
        for line in incident_lines(services, now=now):
            click.echo(line)
    errors = [each.error for each in services if each.error is not None]
    for error in errors:
        print_error(error)
    return 2 if errors else 0
