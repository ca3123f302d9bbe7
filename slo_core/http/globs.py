"""Globs that routes, views and paths are matched with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate

__all__ = ["compile_globs", "literal_start"]

# The characters that `fnmatch.translate` gives a meaning.
_WILDCARD = re.compile(r"[*?\[]")


def compile_globs(globs: Iterable[str]) -> re.Pattern[str] | None:
    """
    One pattern for many globs, in which `*` crosses slashes; None for none.

    Raises:
        ValueError: One text instead of a list, which would be a glob for each of its letters.
    """
    if isinstance(globs, str):
        raise ValueError(f"expected a list of globs, got {globs!r}; did you mean [{globs!r}]?")
    patterns = [translate(glob) for glob in globs]
    return re.compile("|".join(patterns)) if patterns else None


def literal_start(glob: str) -> str:
    """The characters that every text matched by the glob begins with."""
    return _WILDCARD.split(glob, maxsplit=1)[0]
