"""Reads JSON, and reports duplicate keys."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import Any

from slo_core.config.sources.parsed_file import ParsedFile, parse_text
from slo_core.errors import Problem

__all__ = ["read_json"]


def read_json(text: str, *, file: str) -> ParsedFile:
    """
    Read JSON. Line numbers need PyYAML, which reads most JSON and keeps them.

    Args:
        text: The text.
        file: The name of the file in messages.

    Raises:
        ConfigError: The text is not JSON, or is nested too deeply.
    """
    repeated: set[str] = set()

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.update(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return dict(pairs)

    content = ParsedFile(parse_text(partial(json.loads, object_pairs_hook=mapping), text, file=file, language="JSON"))
    problems: list[Problem] = []
    try:
        from slo_core.config.sources.yaml_file import lines_of_json
    except ImportError:  # PyYAML is an extra
        pass
    else:
        content.lines, problems = lines_of_json(text, file=file)
    if repeated:
        unplaced = [Problem(file, f"the key {key!r} is there twice", "drop one of the two") for key in sorted(repeated)]
        content.problems = problems or unplaced
    return content
