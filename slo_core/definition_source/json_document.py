"""JSON with lines; a key that is there twice is a mistake."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from slo_core.definition_source.document import DEEPEST, Document, refusal, twice
from slo_core.definition_source.line_map import Keys

__all__ = ["read_json"]

# What remains of JSON once it is known to be some: texts, marks, and words such as numbers. Spaces come between.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def read_json(text: str, *, file: str) -> Document:
    """
    Read a document.

    Args:
        text: Its text.
        file: What messages call it.

    Raises:
        ConfigError: It is no JSON, or is nested too deeply.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as exc:
        raise refusal(file, exc.lineno, f"cannot be read as JSON: {exc.msg} in column {exc.colno}") from exc
    except RecursionError as exc:
        raise refusal(file, None, "cannot be read as JSON: nested too deeply") from exc
    except ValueError as exc:  # a number of 5,000 digits
        raise refusal(file, None, f"cannot be read as JSON: {exc}") from exc
    document = Document(value)
    _Walk(text, file, document).value(())
    return document


class _Walk:
    """Goes over the text of a document once more, now for the lines."""

    def __init__(self, text: str, file: str, document: Document) -> None:
        self._tokens = self._numbered(text)
        self._file = file
        self._document = document
        self._token, self._line = next(self._tokens)

    def value(self, keys: Keys) -> None:
        """The value that begins here; afterwards the token behind it is the current one."""
        if len(keys) > DEEPEST:
            raise refusal(self._file, self._line, "cannot be read as JSON: nested too deeply")
        opening = self._next()
        if opening == "[":
            index = 0
            while not self._ends("]"):
                self._document.lines[*keys, index] = self._line
                self.value((*keys, index))
                index += 1
        elif opening == "{":
            lines: dict[str, int] = {}
            while not self._ends("}"):
                line = self._line
                key = json.loads(self._next())
                way = (*keys, key)
                if key in lines:
                    self._document.problems.append(twice(self._file, way, line=line, first=lines[key]))
                lines.setdefault(key, line)
                self._document.lines[way] = line
                self._next()  # the colon
                self.value(way)

    def _ends(self, closing: str) -> bool:
        if self._token == ",":
            self._next()
        if self._token != closing:
            return False
        self._next()
        return True

    def _next(self) -> str:
        token = self._token
        self._token, self._line = next(self._tokens, ("", self._line))
        return token

    @staticmethod
    def _numbered(text: str) -> Iterator[tuple[str, int]]:
        line, position = 1, 0
        for match in _TOKEN.finditer(text):
            line += text.count("\n", position, match.start())
            position = match.start()
            yield match[0], line
