"""The subcommands of `slo` by name; each is imported when it is used."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click

__all__ = ["COMMANDS", "HelpfulGroup", "LazyGroup", "slo"]

# In the order of their use. The part behind the colon is the command's name in its module.
COMMANDS: Mapping[str, str] = {
    "validate": "slo_core.cli.validate:validate",
    "rules": "slo_core.cli.rules:rules",
    "dashboard": "slo_core.cli.dashboard:dashboard",
    "simulate": "slo_core.cli.simulate:simulate",
    "status": "slo_core.cli.status:status",
    "incidents": "slo_core.cli.incidents:incidents",
    "gate": "slo_core.cli.gate:gate",
    "annotate": "slo_core.cli.annotate:annotate",
    "store": "slo_core.cli.store:store",
    "exporter": "slo_core.cli.exporter:exporter",
    "completion": "slo_core.cli.completion:completion",
}


class HelpfulGroup(click.Group):
    """A group that shows its help where no command follows: on stderr, with exit code 2, as click does from 8.2 on."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        return super().parse_args(ctx, args)


class LazyGroup(HelpfulGroup):
    """
    A group that imports a command when it is used.

    A command in a release pipeline should not wait for the imports of another.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        where = COMMANDS.get(cmd_name)
        if where is None:
            return None
        module, _, name = where.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(
    "slo",
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="slo-suite", prog_name="slo")
def slo() -> None:
    """
    Service level objectives and error budgets, from the outside.

    Exit codes: 0, or 2 after an error. Only `slo gate` answers 1: too little error budget is left.
    """
