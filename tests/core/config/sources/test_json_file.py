"""JSON: its values, and keys that are there twice, with PyYAML and without."""

from __future__ import annotations

import pytest

from slo_core.config.sources.load import load_definitions
from written_definitions import Write, problems


@pytest.mark.usefixtures("without_pyyaml")
def test_without_pyyaml_json_refuses_a_key_that_is_there_twice(write: Write) -> None:
    """By its name alone."""
    text = '{"service": "a", "slos": {"x": {"target": 0.9, "target": 0.8}}}'

    assert problems(write("a.json", text)) == ["a.json: the key 'target' is there twice; drop one of the two"]


@pytest.mark.parametrize("key", ['"latencyy"\n', f'"{"k" * 1100}"'])
def test_json_that_yaml_cannot_read_has_keys_but_no_lines(key: str, write: Write) -> None:
    """YAML wants a key of a thousand characters at most, and its colon in the same line."""
    text = f'{{"service": "a", "slos": {{"x": {{"target": 99.9, "latency": 1, "latency": 1}}}}, {key}: 1}}'

    messages = problems(write("a.json", text))

    assert messages[0] == "a.json: the key 'latency' is there twice; drop one of the two"
    assert messages[2].startswith("a.json: slos['x'].target: expected a ratio")


def test_values_in_json_are_those_of_json(write: Write) -> None:
    """YAML 1.1 reads 1e-1 as a text, and two halves of a character as two characters."""
    text = '{"service": "\\ud83d\\ude00\\/", "slos": {"x": {"target": 1e-1, "description": "true"}}}'

    definition_set = load_definitions(write("a.json", text))

    assert (definition_set.service, definition_set.definitions[0].target) == ("\U0001f600/", 0.1)
