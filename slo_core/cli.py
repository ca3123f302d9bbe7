"""The `slo` command: for what is done to a shared store from outside the services that use it."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from slo_core.errors import SLOError, StoreError
from slo_core.store_copy import CopyReport, check_copy, copy_store
from slo_core.stores.buckets import BucketStore
from slo_core.stores.locate import bucket_store_from_url, redacted_url

__all__ = ["main"]

_STORE_HELP = (
    "URL of a shared store: sqlite:///slo.db, redis://host/0, or django://default (with DJANGO_SETTINGS_MODULE in the "
    "environment, and the project in PYTHONPATH)"
)

# What a store is opened for to ask which services it holds. Not the default one: stores warn of that.
_NO_SERVICE = "slo"


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command.

    Args:
        argv: Its arguments, without the name of the program; None takes those of the process.

    Returns:
        0, or 1 after an error, which is said in one line on stderr. Wrong usage exits with 2.
    """
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except SLOError as exc:
        return _fail(str(exc))
    except ImportError as exc:  # the settings of a Django project, or a driver
        return _fail(f"{exc}; is it installed, or its folder in PYTHONPATH?")
    except Exception as exc:  # whatever a store of somebody else raises: its text may hold a password
        return _fail(f"{type(exc).__name__}, raised by the store")
    return code


def _fail(text: str) -> int:
    sys.stderr.write(f"slo: error: {' '.join(text.split())}\n")
    return 1


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="slo", description="Tools for the stores in which services keep their SLOs.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    store = commands.add_parser("store", help="what a store holds").add_subparsers(required=True, metavar="COMMAND")
    copy = store.add_parser(
        "copy",
        help="copy all SLOs from one store to another",
        description="Copy all SLOs from one store to another: totals, history and definitions. Stop the services that "
        "write to either first. Repeating a copy adds nothing; a target that holds other events is refused.",
    )
    copy.add_argument("source", metavar="FROM", help=_STORE_HELP)
    copy.add_argument("target", metavar="TO", help="URL of the store to copy into")
    copy.add_argument("--service", metavar="NAME", help="copy this service only (default: every service)")
    copy.set_defaults(run=_copy)

    exporter = commands.add_parser(
        "exporter",
        help="serve the metrics of a shared store",
        description="Serve /metrics for the SLOs of every service in a shared store, so that Prometheus scrapes one "
        "target. Reads the store only: nothing is written to it.",
    )
    exporter.add_argument("--store", metavar="URL", required=True, help=_STORE_HELP)
    exporter.add_argument("--service", metavar="NAME", help="show this service only (default: every service)")
    exporter.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    exporter.add_argument("--port", type=_port, default=9464, help="port to listen on (default: %(default)s)")
    exporter.add_argument("--token-file", metavar="FILE", type=Path, help="file with the bearer token to ask for")
    exporter.set_defaults(run=_export)
    return parser


def _port(text: str) -> int:
    port = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= port <= 65_535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text!r}")
    return port


def _copy(arguments: argparse.Namespace) -> int:
    shown = f"from {redacted_url(arguments.source)} to {redacted_url(arguments.target)}"
    with ExitStack() as opened:
        services = _services(arguments.source, arguments.service)
        pairs = [
            (
                opened.enter_context(closing(_existing(arguments.source, service))),
                opened.enter_context(closing(bucket_store_from_url(arguments.target, service=service))),
            )
            for service in services
        ]
        # Every service is looked at before the first is written.
        for source, target in pairs:
            check_copy(source, target)
        reports = []
        for source, target in pairs:
            report = copy_store(source, target)
            _report(report)
            reports.append(report)
    count = sum(len(report.slos) for report in reports)
    events = sum(report.events for report in reports)
    _say(f"{_counted(count, 'SLO')} of {_counted(len(reports), 'service')}, {_counted(events, 'event')}: {shown}")
    return 0


def _report(report: CopyReport) -> None:
    for copied in report.slos:
        outcome = "copied before, nothing added" if copied.was_there else f"{_counted(copied.buckets, 'bucket')} copied"
        events = f"{_counted(copied.good + copied.bad, 'event')}, {copied.bad:,} bad"
        _say(f"{report.service}/{copied.slo}: {events}; {outcome}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _export(arguments: argparse.Namespace) -> int:
    # Here, because copying needs no prometheus_client.
    from slo_core.exporter import StoreExporter
    from slo_core.metrics_server import MetricsServer

    url = arguments.store
    token = _token(arguments.token_file)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with closing(StoreExporter(partial(_existing, url), service=arguments.service)) as exporter:
        try:
            server = MetricsServer(exporter.view(token=token), host=arguments.host, port=arguments.port)
        except OSError as exc:
            return _fail(f"cannot listen on {arguments.host}, port {arguments.port}: {exc.strerror or exc}")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        _say(f"{server.url} serves {redacted_url(url)}")
        server.serve_until(stop)
    return 0


def _token(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise StoreError(f"token file {file}: cannot be read ({type(exc).__name__})") from exc
    if not token:
        raise StoreError(f"token file {file}: expected a token, it is empty")
    return token


def _services(url: str, wanted: str | None) -> list[str]:
    """The services to be copied: those that the store holds, or the one that is asked for, if it is among them."""
    with closing(_existing(url, wanted or _NO_SERVICE)) as store:
        found = store.services()
    if wanted is None and found:
        return found
    if wanted in found:
        return [wanted]
    held = ", ".join(map(repr, found)) or "none"
    expected = "services that have declared an SLO" if wanted is None else f"service {wanted!r}"
    raise StoreError(f"store {redacted_url(url)}: expected {expected}, it holds {held}; is it the right store?")


def _existing(url: str, service: str) -> BucketStore:
    """A store that is there already. One that is only read must not come into being because its name was mistyped."""
    path = url.removeprefix("sqlite:///")
    if path not in ("", url) and not Path(path).exists():
        raise StoreError(f"store {url}: there is no such file")
    return bucket_store_from_url(url, service=service)


if __name__ == "__main__":
    sys.exit(main())
