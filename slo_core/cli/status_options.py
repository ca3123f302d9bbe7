"""Arguments of commands that read the status of services."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from slo_core.cli.import_path import import_project_of
from slo_core.errors import SLOError
from slo_core.status.sources.open import StatusSource, open_status_source

__all__ = ["TOKEN_VARIABLE", "opened_source", "status_options", "token_in"]

TOKEN_VARIABLE = "SLO_TOKEN"

Command = TypeVar("Command", bound=Callable[..., Any])


def status_options(command: Command) -> Command:
    """Add the arguments `address`, `token_file` and `service`, for `opened_source`."""
    options = (
        click.argument("address", metavar="URL"),
        click.option(
            "--token-file",
            metavar="FILE",
            type=Path,
            help=f"File with the page's bearer token.  [default: {TOKEN_VARIABLE} in the environment]",
        ),
        click.option("--service", metavar="NAME", help="Of several services, this one only.  [default: every service]"),
    )
    for option in reversed(options):
        command = option(command)
    return command


def opened_source(address: str, token_file: Path | None, service: str | None) -> StatusSource:
    """
    Open the source that the arguments name.

    Raises:
        click.UsageError: A token for a store.
        SLOError: The address or the token file is wrong.
    """
    if token_file is not None and not address.lower().startswith(("http:", "https:")):
        raise click.UsageError("--token-file is for a page (http:// or https://), not for a store.")
    token = os.environ.get(TOKEN_VARIABLE) or None if token_file is None else token_in(token_file)
    if token is not None and not (token.isascii() and token.isprintable()):
        raise SLOError("the token: expected printable ASCII characters in one line")
    import_project_of(address)
    return open_status_source(address, token=token, service=service)


def token_in(file: Path) -> str:
    """
    The token in a file.

    Raises:
        SLOError: The file cannot be read, or is empty.
    """
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as exc:  # ValueError: not UTF-8, or a null byte in the name
        raise SLOError(f"token file {file}: cannot be read ({type(exc).__name__})") from exc
    if not token:
        raise SLOError(f"token file {file}: expected a token, it is empty")
    return token
