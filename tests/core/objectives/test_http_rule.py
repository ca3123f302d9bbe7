"""Which requests count and which are good: the rule as data."""

from __future__ import annotations

import dataclasses
import math

import pytest

from slo_core import ConfigError, HTTPRule


def problems_of(**options: object) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        HTTPRule(**options)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


def test_the_documented_defaults() -> None:
    """Every request; an unhandled exception or 5xx is bad; speed does not matter."""
    assert dataclasses.asdict(HTTPRule()) == {
        "routes": (), "views": (), "methods": (), "exclude": (), "latency_seconds": None, "latency_of": "first-byte",
        "bad_statuses": ("5xx",), "classify": None, "client_disconnect": "auto", "unmatched": False,
        "latency_failures": "bad", "ignored_statuses": (),
    }  # fmt: skip


def test_lists_and_sets_are_taken_as_tuples_and_methods_in_capitals() -> None:
    """A rule is a value: it can be hashed."""
    rule = HTTPRule(routes=["/x"], methods={"post"}, bad_statuses=[429])  # type: ignore[arg-type]

    assert (rule.routes, rule.methods, rule.bad_statuses) == (("/x",), ("POST",), (429,))
    assert hash(rule) == hash(HTTPRule(routes=("/x",), methods=("POST",), bad_statuses=(429,)))


@pytest.mark.parametrize("name", ["routes", "views", "methods", "exclude"])
@pytest.mark.parametrize("value", ["/x", 5, None, [5], [""], [None], {"/x": 1}])
def test_patterns_are_a_list_of_texts(name: str, value: object) -> None:
    """A single text gets the hint it needs."""
    (problem,) = problems_of(**{name: value})

    assert problem.startswith(f"HTTPRule.{name}: expected a list of texts, got ")
    assert ("did you mean ['/x']?" in problem) == (value == "/x")


def test_methods_are_known_ones() -> None:
    """A misspelt one would match nothing, for ever."""
    (problem,) = problems_of(methods=["GET", "FETCH"])

    assert problem.startswith("HTTPRule.methods: expected HTTP methods (CONNECT, DELETE, GET,")
    assert problem.endswith("or _OTHER), got 'FETCH'")


@pytest.mark.parametrize("latency", [0, -1, math.nan, math.inf, "300ms", True])
def test_a_latency_is_seconds_above_0(latency: object) -> None:
    """Text is understood in configuration, not here."""
    assert problems_of(latency_seconds=latency) == [
        f"HTTPRule.latency_seconds: expected seconds above 0, got {latency!r}"
    ]


@pytest.mark.parametrize("status", [99, 600, "500", "6xx", "5XX", "xx", True, None, 5.0])
def test_bad_statuses_are_codes_and_classes(status: object) -> None:
    """429 and "5xx"."""
    (problem,) = problems_of(bad_statuses=[status])

    expected = f'HTTPRule.bad_statuses: expected status codes (429) or classes ("5xx"), got {status!r}'
    hint = "; it is text, not a number: write 500 without quotes" if status == "500" else ""
    assert problem == expected + hint


@pytest.mark.parametrize(
    ("statuses", "hint"), [(503, "did you mean [503]?"), ("5xx", "did you mean ['5xx']?"), (None, "")]
)
def test_bad_statuses_are_a_list(statuses: object, hint: str) -> None:
    """With the hint it needs."""
    (problem,) = problems_of(bad_statuses=statuses)

    assert problem.startswith("HTTPRule.bad_statuses: expected a list, got")
    assert problem.endswith(hint)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("latency_of", "last-byte"), ("latency_failures", "good"), ("client_disconnect", None), ("client_disconnect", []),
        ("classify", "a.b"), ("unmatched", 1),
    ],
)  # fmt: skip
def test_a_choice_is_one_of_its_values(name: str, value: object) -> None:
    """Anything else is named."""
    (problem,) = problems_of(**{name: value})

    assert problem.startswith(f"HTTPRule.{name}: expected ")
    assert problem.removesuffix("; did you mean True?").endswith(f"got {value!r}")


def test_every_problem_is_reported_at_once() -> None:
    """As everywhere."""
    assert len(problems_of(routes="/x", methods=["FETCH"], latency_seconds=0, unmatched=None)) == 4
