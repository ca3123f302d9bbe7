"""`slo dashboard`: Grafana dashboards over the series that the rules record."""

from __future__ import annotations

from functools import partial

import click

from slo_core.process.text_file import write_output

__all__ = ["dashboard"]


@click.command("dashboard")
@click.argument("name", metavar="overview|detail", type=click.Choice(["overview", "detail"]))
@click.option(
    "--by", metavar="NAME", multiple=True, help="A label that tells environments apart: env. One more thing to pick."
)
@click.option("--out", metavar="FILE", help="Write to a file, in one step.  [default: standard output]")
def dashboard(name: str, by: tuple[str, ...], out: str | None) -> None:
    """
    Print a Grafana dashboard as JSON.

    Both show the SLOs of all services, by the series that `slo rules` records: the overview all of them, the detail page
    one that is picked there.
    """
    # Here, because the library that builds them takes a while to import.
    from slo_core.dashboards.dashboard import dashboard_text, detail_dashboard, overview_dashboard

    by = tuple(dict.fromkeys(by))
    text = dashboard_text(overview_dashboard(by) if name == "overview" else detail_dashboard(by))
    write_output(out, text, show=partial(click.echo, nl=False))
