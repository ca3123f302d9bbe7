"""JSON; a key that is there twice is a mistake."""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from typing import Any

from slo_core.config.sources.document import Document, parsed
from slo_core.errors import Problem

__all__ = ["read_json"]


def read_json(text: str, *, file: str) -> Document:
    """
    Read a document. Its lines are known where PyYAML is installed, which can read most JSON and keeps the lines.

    Args:
        text: Its text.
        file: What messages call it.

    Raises:
        ConfigError: It is no JSON, or is nested too deeply.
    """
    repeated: set[str] = set()

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        repeated.update(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        return dict(pairs)

    document = Document(parsed(partial(json.loads, object_pairs_hook=mapping), text, file=file, language="JSON"))
    problems: list[Problem] = []
    try:
        from slo_core.config.sources.yaml_document import places_in_json
    except ImportError:  # PyYAML is an extra
        pass
    else:
        document.lines, problems = places_in_json(text, file=file)
    if repeated:
        unplaced = [Problem(file, f"the key {key!r} is there twice", "drop one of the two") for key in sorted(repeated)]
        document.problems = problems or unplaced
    return document
