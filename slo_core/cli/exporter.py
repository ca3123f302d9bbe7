"""`slo exporter`: the metrics of a shared store, for Prometheus."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import click

from slo_core.cli.import_path import import_project_of
from slo_core.cli.status_options import token_in
from slo_core.cli.store import store_option
from slo_core.cli.terminal import print_result
from slo_core.errors import SLOError
from slo_core.stores.existing import existing_store_from_url, without_secrets
from slo_core.stores.url import redacted_url

__all__ = ["exporter"]


@click.command("exporter")
@store_option
@click.option("--service", metavar="NAME", help="Show this service only.  [default: every service]")
@click.option("--host", metavar="ADDRESS", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=9464,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--token-file", metavar="FILE", type=Path, help="File with the bearer token to ask for.")
def exporter(url: str, service: str | None, host: str, port: int, token_file: Path | None) -> None:
    """
    Serve /metrics for the SLOs of every service in a shared store.

    Prometheus then scrapes one target. The store is only read: nothing is written to it.
    """
    # Imported here, because `--help` needs no prometheus_client.
    from slo_core.metrics.server import MetricsServer
    from slo_core.metrics.view import services_view
    from slo_core.metrics.wsgi import metrics_wsgi_app
    from slo_core.tracking.store_services import StoreServices

    token = None if token_file is None else token_in(token_file)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    import_project_of(url)
    with without_secrets():
        reader = StoreServices(partial(existing_store_from_url, url), service=service)
    with closing(reader):
        try:
            app = metrics_wsgi_app(services_view(reader, token=token))
            server = MetricsServer(app, host=host, port=port)
        except OSError as exc:
            raise SLOError(f"cannot listen on {host}, port {port}: {exc.strerror or exc}") from exc
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        print_result(f"{server.url} serves {redacted_url(url)}")
        server.serve_until(stop)
