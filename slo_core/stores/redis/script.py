"""A script that Redis runs: its text, and its hash."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

__all__ = ["Script"]


@dataclass(frozen=True, slots=True)
class Script:
    """
    A Lua script.

    Attributes:
        text: Its code.
        sha: Its hash, for EVALSHA.
    """

    text: str
    sha: str

    @classmethod
    def load(cls, name: str, constants: Mapping[str, int | Mapping[int, int]] | None = None) -> Script:
        """
        The one in a file of this package; `--[[name.lua]]` in it stands for another file.

        Args:
            name: Of the file.
            constants: Numbers and tables of numbers, which the script finds under these names.
        """
        text = _text(name)
        for part in re.findall(r"--\[\[(\w+\.lua)\]\]", text):
            text = text.replace(f"--[[{part}]]", _text(part))
        text = "".join(f"local {constant} = {_lua(value)}\n" for constant, value in (constants or {}).items()) + text
        return cls(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _text(name: str) -> str:
    return resources.files("slo_core.stores.redis").joinpath(name).read_text(encoding="utf-8")


def _lua(value: int | Mapping[int, int]) -> str:
    if isinstance(value, int):
        return f"{value:d}"
    return "{" + ", ".join(f"[{key:d}] = {number:d}" for key, number in value.items()) + "}"
