"""Reads TOML. Problems have no line numbers, because `tomllib` keeps none."""

from __future__ import annotations

import tomllib

from slo_core.config.sources.parsed_file import ParsedFile, parse_text, refusal

__all__ = ["read_toml"]

_LONGEST_KEY = 1000  # dots


def read_toml(text: str, *, file: str) -> ParsedFile:
    """
    Read TOML.

    Args:
        text: The text.
        file: The name of the file in messages.

    Raises:
        ConfigError: The text is not TOML, or has a key twice.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        # The time of `tomllib` grows with the square of a key's length.
        if any(part.count(".") > _LONGEST_KEY for part in line.split("=")):
            raise refusal(file, number, "cannot be read as TOML: nested too deeply")
    return ParsedFile(parse_text(tomllib.loads, text, file=file, language="TOML"))
