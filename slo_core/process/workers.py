"""Detects servers with several worker processes, in which a store in memory counts only a part."""

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
    The evidence that a server runs several worker processes; None without evidence.

    Configuration files of servers are not read: WSGI servers pass `wsgi.multiprocess` with each request.

    Args:
        arguments: The command line; `sys.argv` by default. Forked and spawned workers have that of their server.
        environment: `os.environ` by default.
    """
    if arguments is None:
        arguments = getattr(sys, "argv", None) or ()  # a program that embeds Python may not set it
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
    """The evidence in the environ of a WSGI request that there are several processes; None without evidence."""
    return "the server says wsgi.multiprocess" if environ.get("wsgi.multiprocess") else None
