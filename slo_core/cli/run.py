"""From arguments to an exit code: every error in one way."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from slo_core.cli.group import slo
from slo_core.cli.terminal import complain
from slo_core.errors import ConfigError, SLOError

__all__ = ["run"]

# 1 belongs to `slo gate`, for which a pipeline must be able to tell "too little budget" from everything else.
_FAILED = 2
_INTERRUPTED = 130


def run(argv: Sequence[str] | None) -> int:
    """
    Run the command.

    Args:
        argv: Its arguments; None takes those of the process.

    Returns:
        What the command returned, or 2 after an error, which is said on stderr: a line for each problem.
    """
    try:
        code = slo.main(None if argv is None else list(argv), prog_name="slo", standalone_mode=False)
    except click.UsageError as exc:
        if exc.ctx is not None:
            click.echo(f"{exc.ctx.get_usage()}\nTry '{exc.ctx.command_path} --help'.", err=True)
        complain(exc.format_message())
    except click.ClickException as exc:
        complain(exc.format_message())
    except click.Abort:
        return _INTERRUPTED
    except ConfigError as exc:
        for problem in exc.problems:
            complain(str(problem))
    except SLOError as exc:
        complain(str(exc))
    except SystemExit as exc:  # click's, after a script for the shell, or when whoever reads its output has gone
        return 0 if exc.code in (None, 0) else _FAILED
    except Exception as exc:  # a traceback would end with 1; and its text may hold a password
        if "SLO_DEBUG" in os.environ:
            sys.excepthook(type(exc), exc, exc.__traceback__)
        complain(f"unexpected {type(exc).__name__}; with SLO_DEBUG=1 in the environment it shows where")
    else:
        return code if isinstance(code, int) else 0
    return _FAILED
