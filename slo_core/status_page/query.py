"""The query of an address of the status page: `slo`, `range`, `causes`, `state`, `sort`, `label`, `incidents`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from urllib.parse import parse_qsl

from slo_core.errors import Problem, nearest

__all__ = ["PageQuery", "choice_problem", "json_problems", "label_problems", "labels_asked", "unknown_problems"]

_JSON_PARAMETERS = ("slo", "range")
_PARAMETERS = (*_JSON_PARAMETERS, "causes", "state", "sort", "incidents")

# A message repeats no more of a value.
_LONGEST_SHOWN = 60
_MOST_UNKNOWN = 3


class PageQuery(dict[str, str]):
    """
    The parameters of a query by name, without those that are there with different values.

    Args:
        text: The raw query string.

    Attributes:
        labels: Every `label`: several of them may be chosen.
        problems: Parameters that must have one value, and are there with different ones.
    """

    __slots__ = ("labels", "problems")

    def __init__(self, text: str) -> None:
        super().__init__()
        values: dict[str, dict[str, None]] = {}
        labels: dict[str, None] = {}
        for name, value in parse_qsl(text, keep_blank_values=True):
            self[name] = value
            if name == "label":
                labels[value] = None
            if name in _PARAMETERS:
                values.setdefault(name, {})[value] = None
        self.labels = tuple(labels)
        self.problems = tuple(
            Problem(name, f"expected one value, got {' and '.join(_shown(value) for value in list(given)[:2])}")
            for name, given in values.items()
            if len(given) > 1
        )
        for problem in self.problems:
            del self[problem.path]


def labels_asked(query: Mapping[str, str]) -> tuple[str, ...]:
    """The labels that a query asks for, each once."""
    if isinstance(query, PageQuery):
        return query.labels
    return (query["label"],) if "label" in query else ()


def label_problems(query: Mapping[str, str], known: Collection[str]) -> Iterator[Problem]:
    """The problem with each label that no SLO has."""
    for label in labels_asked(query):
        if label not in known:
            near = nearest(label[:_LONGEST_SHOWN], known)
            yield Problem(
                "label", f"expected a label of an SLO{'' if known else ', and none has any'}, got {_shown(label)}", near
            )


def unknown_problems(query: Mapping[str, str], known: Collection[str]) -> Iterator[Problem]:
    """The problems with the first parameters that a page does not have; `_` or `utm_` in front: not meant for the page."""
    unknown = (name for name in query if name not in known and not name.startswith(("_", "utm_")))
    for name in islice(unknown, _MOST_UNKNOWN):
        yield Problem(_shown(name), "unknown parameter of this page", nearest(name[:_LONGEST_SHOWN], known))


def choice_problem(query: Mapping[str, str], name: str, known: Collection[str]) -> Problem | None:
    """The problem with the value of a parameter that must be one of some words; None where it is one, or left out."""
    value = query.get(name)
    if value is None or value in known:
        return None
    return Problem(name, f"expected one of {', '.join(known)}, got {_shown(value)}")


def json_problems(query: Mapping[str, str]) -> Iterator[Problem]:
    """Problems with parameters of the JSON; names with an underscore in front are for caches, and mean nothing."""
    if isinstance(query, PageQuery):
        yield from query.problems
    unknown = next((name for name in query if name not in _JSON_PARAMETERS and not name.startswith("_")), None)
    if unknown is not None:
        known = nearest(unknown[:_LONGEST_SHOWN], _JSON_PARAMETERS)
        yield Problem(_shown(unknown), "unknown parameter of the JSON", known)
    is_repeated = isinstance(query, PageQuery) and bool(query.problems)
    if "range" in query and "slo" not in query and not is_repeated:
        yield Problem("range", "expected with an SLO, whose history it is about", "add slo=NAME")


def _shown(value: str) -> str:
    return repr(value) if len(value) <= _LONGEST_SHOWN else f"{value[:_LONGEST_SHOWN]!r}..."
