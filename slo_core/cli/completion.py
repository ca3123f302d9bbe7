"""`slo completion`: the script with which a shell completes `slo`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

# click's own name for a program called "slo".
_VARIABLE = "_SLO_COMPLETE"


@click.command("completion", epilog='For bash: eval "$(slo completion bash)" in ~/.bashrc; zsh likewise.')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script with which a SHELL completes `slo`."""
    completion_class = get_completion_class(shell)
    assert completion_class is not None  # click has all three
    root = click.get_current_context().find_root().command
    click.echo(completion_class(root, {}, "slo", _VARIABLE).source())
