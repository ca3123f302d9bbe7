"""TOML. What is wrong with a value is said with its path, but without its line, which `tomllib` does not keep."""

from __future__ import annotations

import tomllib

from slo_core.config.sources.document import Document, parsed, refusal

__all__ = ["read_toml"]

_LONGEST_KEY = 1000  # dots


def read_toml(text: str, *, file: str) -> Document:
    """
    Read a document.

    Args:
        text: Its text.
        file: What messages call it.

    Raises:
        ConfigError: It is no TOML; a key that is there twice makes it none.
    """
    for at, written in enumerate(text.split("\n"), start=1):
        # Python's own reader takes a time that grows with the square of a key's length.
        if any(part.count(".") > _LONGEST_KEY for part in written.split("=")):
            raise refusal(file, at, "cannot be read as TOML: nested too deeply")
    return Document(parsed(tomllib.loads, text, file=file, language="TOML"))
