"""Detects servers with several worker processes, in which a store in memory counts only a part."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise

__all__ = ["ends_after_each_request", "several_workers", "several_wsgi_processes"]

_SERVERS = frozenset(("gunicorn", "uvicorn", "hypercorn", "granian", "fastapi", "uwsgi"))

# Those that take their number of workers from WEB_CONCURRENCY, which some hosts set for every program.
_READ_WEB_CONCURRENCY = frozenset(("gunicorn", "uvicorn", "fastapi"))

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
    server = _server_of(arguments[:1])
    if server is None or _reloads(server, arguments):
        return None
    evidence = None
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
        if number.isdecimal():  # the last one holds
            evidence = (int(number), f"{server} {name} {number}")
    if evidence is not None:
        return evidence[1] if evidence[0] > 1 else None
    if server not in _READ_WEB_CONCURRENCY:
        return None
    concurrency = environment.get("WEB_CONCURRENCY", "")
    if concurrency.isdecimal() and int(concurrency) > 1:
        return f"WEB_CONCURRENCY={concurrency}"
    return None


def _server_of(program: Sequence[str]) -> str | None:
    """The server that a command line starts: `gunicorn`, or `python -m gunicorn`, which is `.../gunicorn/__main__.py`."""
    *folders, name = re.split(r"[/\\]", "/".join(program))
    if name == "__main__.py":
        name = folders[-1] if folders else ""
    name = name.removesuffix(".exe")
    return name if name in _SERVERS else None


def _reloads(server: str, arguments: Sequence[str]) -> bool:
    """Whether it runs one worker whatever is asked for, because it starts it again at each change of the code."""
    if server == "fastapi":
        return "--reload" in arguments or "dev" in arguments
    return server == "uvicorn" and "--reload" in arguments


def several_wsgi_processes(environ: Mapping[str, object]) -> str | None:
    """
    The evidence in the environ of a request that a WSGI server runs several processes; None without evidence.

    Bridges from ASGI, and Django for its ASGI requests, say `wsgi.multiprocess` always, and do not know. They name no server
    either, which CGI and every WSGI server that counts its processes do.
    """
    if environ.get("wsgi.multiprocess") and "SERVER_SOFTWARE" in environ:
        return "the server says wsgi.multiprocess"
    return None


def ends_after_each_request(environ: Mapping[str, object]) -> bool:
    """Whether the process ends with this request: Werkzeug's one server of several processes forks one for each."""
    return bool(environ.get("wsgi.multiprocess")) and "werkzeug.socket" in environ
