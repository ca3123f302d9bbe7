"""Reads YAML with line numbers; refuses code in tags, duplicate keys and anchors that multiply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from slo_core.config.sources.line_map import Keys
from slo_core.config.sources.parsed_file import DEEPEST, ParsedFile, duplicate_key, refusal
from slo_core.errors import Problem

__all__ = ["lines_of_json", "read_yaml"]

# Two hundred SLOs with every option.
_MOST_VALUES = 10_000

# A date with its time zone takes half of it. A megabyte of 1:1:1:..., a number in YAML, takes a minute to work out.
_LONGEST_NUMBER = 100
_TEXT = "tag:yaml.org,2002:str"


def read_yaml(text: str, *, file: str) -> ParsedFile:
    """
    Read YAML.

    Args:
        text: The text.
        file: The name of the file in messages.

    Raises:
        ConfigError: The text is not YAML, is nested too deeply, or is huge once its anchors are written out.
    """
    try:
        return _read(_Loader(text), file)
    except yaml.reader.ReaderError as exc:
        line = text.count("\n", 0, exc.position) + 1
        raise refusal(
            file, line, f"cannot be read as YAML: the character U+{exc.character:04X} is not allowed"
        ) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        reason = ": ".join(part for part in (exc.context, exc.problem) if part)
        raise refusal(file, None if mark is None else mark.line + 1, f"cannot be read as YAML: {reason}") from exc


def lines_of_json(text: str, *, file: str) -> tuple[dict[Keys, int], list[Problem]]:
    """
    The line of each value in JSON, and its duplicate keys.

    Both are empty where YAML cannot read the JSON: a key has more than 1,024 characters, or its colon is on another line.

    Args:
        text: Valid JSON.
        file: The name of the file in messages.
    """
    try:
        loader = _Loader(text.replace("\t", " "))  # in JSON a tab is never part of a value
        node = loader.get_single_node()
        assert node is not None  # JSON holds a value
        return dict(_lines(node, (), loader)), list(_duplicates(node, (), file, set()))
    except yaml.YAMLError:
        return {}, []


def _read(loader: _Loader, file: str) -> ParsedFile:
    try:
        node = loader.get_single_node()
        if node is None:
            return ParsedFile(None)
        _refuse_bombs(node, file=file)
        problems = list(_duplicates(node, (), file, set()))
        value = loader.construct_document(node)
        # After construction, which replaces merge keys by the keys they stand for.
        return ParsedFile(value, dict(_lines(node, (), loader)), problems)
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Loads plain data only, and gives every mistake its line."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        self._values += 1
        problem = "nested too deeply" if self._depth > DEEPEST else ""
        if self._values > _MOST_VALUES:
            problem = f"it holds more than {_MOST_VALUES:,} values"
        if problem:
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]  # the stubs leave it out
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        if isinstance(node, yaml.ScalarNode) and node.tag != _TEXT and len(node.value) > _LONGEST_NUMBER:
            raise yaml.MarkedYAMLError(
                problem=f"a number or a date of more than {_LONGEST_NUMBER} characters", problem_mark=node.start_mark
            )
        try:
            return super().construct_object(node, deep=deep)
        except yaml.YAMLError:
            raise
        except (ValueError, OverflowError) as exc:  # the 31st of a month that has 30, a number of 5,000 digits
            raise yaml.MarkedYAMLError(problem=str(exc), problem_mark=node.start_mark) from exc
        except Exception as exc:  # `!!int ""` and `!!bool maybe`: PyYAML trusts explicit tags
            problem = f"the value does not fit its tag {node.tag!r}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from exc


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _refuse_bombs(root: yaml.Node, *, file: str) -> None:
    """Refuse anchors that multiply: an alias is one object in memory, but is read once for each of its uses."""
    measures: dict[int, tuple[int, int]] = {}
    open_nodes: set[int] = set()

    def measure(node: yaml.Node) -> tuple[int, int]:
        known = measures.get(id(node))
        if known is not None:
            return known
        line = node.start_mark.line + 1
        if id(node) in open_nodes:
            raise refusal(file, line, "an anchor stands for something that it is a part of", "write it out")
        open_nodes.add(id(node))
        values, depth = 1, 1
        for child in _children(node):
            below = measure(child)
            values, depth = values + below[0], max(depth, 1 + below[1])
        open_nodes.discard(id(node))
        if values > _MOST_VALUES or depth > DEEPEST:
            raise refusal(
                file,
                line,
                f"with its anchors written out it holds more than {_MOST_VALUES:,} values, or nests them too deeply",
                "write down what is meant, or use fewer anchors",
            )
        measures[id(node)] = values, depth
        return values, depth

    measure(root)


def _duplicates(node: yaml.Node, keys: Keys, file: str, seen: set[int]) -> Iterator[Problem]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _duplicates(child, (*keys, index), file, seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[tuple[str, str], int] = {}
        for key, value in node.value:
            way = (*keys, key.value if isinstance(key, yaml.ScalarNode) else "?")
            if isinstance(key, yaml.ScalarNode):
                line, meant = key.start_mark.line + 1, (key.tag, key.value)
                if meant in lines:
                    yield duplicate_key(file, way, line=line, first=lines[meant])
                lines.setdefault(meant, line)
            yield from _duplicates(value, way, file, seen)


def _lines(node: yaml.Node, keys: Keys, loader: _Loader) -> Iterator[tuple[Keys, int]]:
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield (*keys, index), child.start_mark.line + 1
            yield from _lines(child, (*keys, index), loader)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            way = (*keys, loader.construct_object(key, deep=True))
            yield way, key.start_mark.line + 1
            yield from _lines(value, way, loader)
