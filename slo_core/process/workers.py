"""Whether the server that runs this process runs others beside it: what a store of one process should know."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

__all__ = ["several_workers", "several_wsgi_processes"]

_SERVERS = frozenset(("gunicorn", "uvicorn", "hypercorn", "granian", "fastapi", "uwsgi"))

_SHORT = re.compile(r"-[wp](\d+)")


def several_workers(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> str | None:
    """
    What says that a server runs several worker processes; None where nothing does.

    A configuration file says it too, and is not read: WSGI servers tell each request as `wsgi.multiprocess`.

    Args:
        arguments: The command line; `sys.argv` by default. Workers that are forked or spawned have their server's.
        environment: `os.environ` by default.
    """
    if arguments is None:
        arguments = getattr(sys, "argv", None) or ()  # a host that embeds Python may leave it out
    environment = os.environ if environment is None else environment
    uwsgi = sys.modules.get("uwsgi")  # made by uWSGI itself, in its own processes
    if uwsgi is not None and getattr(uwsgi, "numproc", 1) > 1:
        return f"uwsgi with {uwsgi.numproc} processes"
    # `gunicorn`, `/usr/bin/gunicorn` and `python -m gunicorn`, which is `.../gunicorn/__main__.py`
    server = next((part for part in re.split(r"[/\\]", "/".join(arguments[:1])) if part in _SERVERS), None)
    if server is None:
        return None
    for argument, value in pairwise([*arguments[1:], ""]):
        name, equals, given = argument.partition("=")
        if name in ("--workers", "-w", "--processes", "-p"):
            number = given if equals else value
        elif match := _SHORT.fullmatch(argument):
            name, number = argument[:2], match[1]
        else:
            continue
        if name == "-p" and server != "uwsgi":
            continue  # a pid file, or a port
        if number.isdecimal():
            return f"{server} {name} {number}" if int(number) > 1 else None
    concurrency = environment.get("WEB_CONCURRENCY", "")
    if concurrency.isdecimal() and int(concurrency) > 1:
        return f"WEB_CONCURRENCY={concurrency}"
    return None


def several_wsgi_processes(environ: Mapping[str, object]) -> str | None:
    """What the environ of a WSGI request says about several processes; None where it names no other process."""
    return "the server says wsgi.multiprocess" if environ.get("wsgi.multiprocess") else None
