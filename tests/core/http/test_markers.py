"""Marks that a view carries."""

from __future__ import annotations

import functools

import pytest

from slo_core import slo_exempt, slo_track
from slo_core.http.markers import NO_MARKS, ViewMarks, all_marks_of, marks_of


def view() -> str:
    return "answer"


def test_marking_returns_the_same_view() -> None:
    """Nothing is wrapped: there is nothing to pay for at each call."""

    def marked() -> str:
        return "answer"

    assert slo_track("a")(marked) is marked
    assert slo_exempt(marked) is marked
    assert marked() == "answer"


def test_marks_add_up() -> None:
    """One decorator with two names, or two with one each."""

    @slo_track("a", "b")
    @slo_track("c")
    @slo_exempt
    def marked() -> None: ...

    assert marks_of(marked) == ViewMarks(("c", "a", "b"), exempt=True)
    assert marks_of(view) is marks_of(None) is NO_MARKS


def test_marks_survive_other_decorators() -> None:
    """Above or below, as long as these use functools.wraps."""

    def other(function: object) -> object:
        @functools.wraps(function)  # type: ignore[arg-type]
        def wrapper() -> None: ...

        return wrapper

    assert marks_of(other(slo_track("a")(lambda: None))).tracked == ("a",)
    assert marks_of(slo_track("a")(other(view))).tracked == ("a",)  # type: ignore[type-var]
    assert marks_of(view) is NO_MARKS


@pytest.mark.parametrize("attribute", ["view_class", "cls"])
def test_marks_of_a_class_are_found_behind_its_view_function(attribute: str) -> None:
    """`as_view()` keeps the class there: Django, REST framework. A subclass inherits them."""

    @slo_track("a")
    class View:
        pass

    class SpecialView(View):
        pass

    def as_view() -> None: ...

    setattr(as_view, attribute, SpecialView)

    assert marks_of(as_view).tracked == ("a",)


def test_marks_of_the_function_and_of_its_class_add_up() -> None:
    """Nothing hides anything."""

    @slo_exempt
    class View:
        pass

    @slo_track("a")
    def as_view() -> None: ...

    as_view.view_class = View  # type: ignore[attr-defined]

    assert marks_of(as_view) == ViewMarks(("a",), exempt=True)


@pytest.mark.parametrize("names", [(), (view,), (5,)])
def test_names_are_needed(names: tuple[object, ...]) -> None:
    """`@slo_track` without parentheses would take the view for a name."""
    with pytest.raises(TypeError, match=r'expected names of SLOs, as in @slo_track\("checkout"\)'):
        slo_track(*names)  # type: ignore[arg-type]


def test_marks_of_a_method_join_those_of_its_class() -> None:
    """Where the class is the view itself, and where `as_view()` keeps it and its methods answer; never for no method."""

    @slo_track("class")
    class View:
        methods = frozenset({"GET"})

        @slo_track("get")
        def get(self) -> None: ...

        @slo_exempt
        def post(self) -> None: ...

    def as_view() -> None: ...

    as_view.view_class = View  # type: ignore[attr-defined]

    assert marks_of(View, "GET") == marks_of(as_view, "GET") == ViewMarks(("class", "get"))
    assert marks_of(View, "POST") == ViewMarks(("class",), exempt=True)
    assert marks_of(View) == marks_of(View, "_OTHER") == marks_of(as_view, "POST") == ViewMarks(("class",))
    assert all_marks_of(View) == ViewMarks(("class", "get"), exempt=True)


def test_a_view_class_may_have_any_attributes() -> None:
    """A delivery service has routes."""

    class Deliveries:
        routes = ("north", "south")

    assert marks_of(slo_exempt(Deliveries)).exempt
