"""Runs `slo`: turns every error into a line on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from slo_core.cli.group import slo
from slo_core.cli.terminal import print_error
from slo_core.errors import ConfigError, SLOError

__all__ = ["run"]

# 1 belongs to `slo gate`, for which a pipeline must be able to tell "too little budget" from everything else.
_FAILED = 2
_INTERRUPTED = 130


def run(argv: Sequence[str] | None) -> int:
    """
    Run the command.

    Args:
        argv: Its arguments; None takes `sys.argv`.

    Returns:
        The exit code of the command, or 2 after an error, with a line on stderr for each problem.
    """
    try:
        code = slo.main(None if argv is None else list(argv), prog_name="slo", standalone_mode=False)
    except click.UsageError as exc:
        if exc.ctx is not None:
            click.echo(f"{exc.ctx.get_usage()}\nTry '{exc.ctx.command_path} --help'.", err=True)
        print_error(exc.format_message())
    except click.ClickException as exc:
        print_error(exc.format_message())
    except click.Abort:
        return _INTERRUPTED
    except ConfigError as exc:
        for problem in exc.problems:
            print_error(str(problem))
    except SLOError as exc:
        print_error(str(exc))
    except SystemExit as exc:  # raised by click after a completion script, or when the pipe it writes to is closed
        return 0 if exc.code in (None, 0) else _FAILED
    except Exception as exc:  # a traceback would end with 1; and its text may hold a password
        if "SLO_DEBUG" in os.environ:
            sys.excepthook(type(exc), exc, exc.__traceback__)
        print_error(f"unexpected {type(exc).__name__}; with SLO_DEBUG=1 in the environment it shows where")
    else:
        return code if isinstance(code, int) else 0
    return _FAILED
