"""Definitions that know where they were written."""

from __future__ import annotations

from slo_core.config.sources.load import load_definitions
from slo_core.errors import Problem
from written_definitions import YAML, Write


def test_problems_of_rules_are_placed_in_the_file(write: Write) -> None:
    """Rules know a definition by its position, and the service by that name."""
    definition_set = load_definitions(write("slos.yaml", YAML))

    placed = definition_set.located(
        [Problem("definitions[1].labels", "m"), Problem("service", "m"), Problem("--out", "m"), Problem("labels", "m")]
    )

    assert [problem.path for problem in placed] == [
        "slos.yaml:7: slos['checkout'].labels",
        "slos.yaml:1: service",
        "--out",
        "slos.yaml:3: labels",
    ]
