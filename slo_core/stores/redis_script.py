"""A script that Redis runs: its text, and the name Redis knows it by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib import resources

__all__ = ["Script"]


@dataclass(frozen=True, slots=True)
class Script:
    """
    A Lua script.

    Attributes:
        text: What it says.
        sha: What EVALSHA takes.
    """

    text: str
    sha: str

    @classmethod
    def load(cls, name: str) -> Script:
        """The one in a file of this package."""
        text = resources.files("slo_core.stores").joinpath(name).read_text(encoding="utf-8")
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
