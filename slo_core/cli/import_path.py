"""Where modules are found that people name: in the folder in which they type the command, as for `python -m`."""

from __future__ import annotations

import os
import sys

__all__ = ["import_from_here", "import_project_of"]


def import_from_here() -> None:
    """Let modules of the current folder be imported."""
    here = os.getcwd()  # noqa: PTH109  # an entry of sys.path is text
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def import_project_of(store_url: str) -> None:
    """Let a store that is opened through a project's settings find them; no other store needs anything from here."""
    if store_url.startswith("django:"):
        import_from_here()
