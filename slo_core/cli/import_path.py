"""Imports of modules that users name, from the current folder as with `python -m`."""

from __future__ import annotations

import os
import sys

__all__ = ["import_from_here", "import_project_of"]


def import_from_here() -> None:
    """Make modules of the current folder importable."""
    here = os.getcwd()  # noqa: PTH109  # an entry of sys.path is text
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def import_project_of(store_url: str) -> None:
    """Make the settings of a Django project importable for a `django:` store; other stores need no project."""
    if store_url.startswith("django:"):
        import_from_here()
