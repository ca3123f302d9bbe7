"""Which requests belong to which SLO."""

from __future__ import annotations

import random
import re
import tracemalloc
from collections.abc import Callable
from fnmatch import translate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slo_core import HTTPRule, SLODefinition, SLORegistry, slo_exempt, slo_track
from slo_core.http.globs import compile_globs
from slo_core.http.matching import MatchResult, match_slos
from slo_core.http.recorder import HTTPRecorder

ServiceOf = Callable[..., Any]


@pytest.mark.parametrize(
    ("request_options", "counts"),
    [
        # What a service answers, counts.
        ({"status": 200}, True),
        ({"status": 404}, True),  # of a matched route: answered
        ({"status": 405, "route": None, "view_name": None}, True),
        ({"status": 301}, True),
        ({"status": 500}, True),
        # No route, but no sign of a scanner either: a plain app, a middleware's answer.
        ({"status": 200, "route": None}, True),
        ({"status": 429, "route": None}, True),
        ({"status": 503, "route": None}, True),
        ({"status": 400, "route": None}, True),
        ({"status": None, "exception": LookupError(), "route": None}, True),
        # Unmatched: no route, and 404 or a redirect.
        ({"status": 404, "route": None}, False),
        ({"status": 301, "route": None}, False),
        ({"status": 307, "route": None}, False),
        ({"status": 308, "route": None}, False),
        ({"status": 404, "route": None, "view_name": "page"}, True),  # a view took it
        # Left out by default.
        ({"method": "OPTIONS"}, False),
        ({"method": "OPTIONS", "route": None}, False),
        ({"is_static": True}, False),
        # Methods.
        ({"method": "HEAD"}, True),
        ({"method": "POST"}, True),
        ({"method": "FOO"}, True),
        ({"method": "get"}, True),
        ({"method": ""}, True),
    ],
)
def test_an_slo_that_names_nothing_takes_all_that_is_not_left_out(
    service_of: ServiceOf, request_options: dict[str, Any], counts: bool
) -> None:
    """Answered is answered; scanners, preflights and files are not the service's work."""
    assert bool(service_of().request(**request_options)) == counts


@pytest.mark.parametrize(
    ("options", "request_options", "counts"),
    [
        # By route template, with a leading slash, then by path.
        ({"routes": ["/items/*"]}, {"route": "/items/{id}", "path": "/items/5"}, True),
        ({"routes": ["/items/*"]}, {"route": "items/<int:pk>", "path": "/api/items/5"}, True),
        ({"routes": ["/items/5"]}, {"route": "/items/{id}", "path": "/items/5"}, True),
        ({"routes": ["/items/5"]}, {"route": "/items/{id}", "path": "/items/6"}, False),
        ({"routes": ["/items/*"]}, {"route": None, "path": "/items/5"}, True),
        ({"routes": ["/items/*"]}, {"route": None, "path": "/items/5", "status": 404}, False),
        ({"routes": ["/items/*"]}, {"route": "/other", "path": "/other"}, False),
        ({"routes": ["/a", "/b"]}, {"route": "/b", "path": "/b"}, True),
        ({"routes": ["/items"]}, {"route": "/items/{id}", "path": "/items/5"}, False),  # the whole, not its beginning
        ({"routes": ["/*/edit"]}, {"route": "/a/{b}/c/edit", "path": "/a/1/c/edit"}, True),  # `*` crosses slashes
        ({"routes": ["/Items"]}, {"route": "/items", "path": "/items"}, False),  # case counts
        ({"routes": ["/item?"]}, {"route": None, "path": "/items"}, True),
        ({"routes": ["/[ab]"]}, {"route": None, "path": "/b"}, True),
        ({"routes": ["/line"]}, {"route": None, "path": "/line\n"}, False),
        ({"routes": ["/*"]}, {"route": None, "path": "/a\nb"}, True),
        # By view name.
        ({"views": ["shop:*"]}, {"view_name": "shop:cart"}, True),
        ({"views": ["shop:*"]}, {"view_name": "blog:post"}, False),
        ({"views": ["shop:*"]}, {"view_name": None, "path": "/shop:x", "route": "/shop:x"}, False),
        # Either will do.
        ({"views": ["cart"], "routes": ["/pay"]}, {"view_name": "cart"}, True),
        ({"views": ["cart"], "routes": ["/pay"]}, {"route": "/pay"}, True),
        ({"views": ["cart"], "routes": ["/pay"]}, {"route": "/x", "path": "/pay"}, True),
        ({"views": ["cart"], "routes": ["/pay"]}, {"view_name": "other", "route": "/x", "path": "/x"}, False),
        # Methods: HEAD is GET, what no standard knows is _OTHER.
        ({"methods": ["POST"]}, {"method": "POST"}, True),
        ({"methods": ["POST"]}, {"method": "GET"}, False),
        ({"methods": ["GET"]}, {"method": "HEAD"}, True),
        ({"methods": ["HEAD"]}, {"method": "GET"}, True),
        ({"methods": ["_OTHER"]}, {"method": "FOO"}, True),
        ({"methods": ["_OTHER"]}, {"method": "PATCH"}, False),
        ({"methods": ["GET"]}, {"method": "FOO"}, False),
        # What is named on purpose counts.
        ({"methods": ["OPTIONS"]}, {"method": "OPTIONS"}, True),
        ({"routes": ["/static/*"]}, {"is_static": True, "route": "/static/{path}"}, True),
        ({"views": ["static"]}, {"is_static": True, "view_name": "static"}, True),
        ({"methods": ["GET"]}, {"is_static": True}, False),
        ({"unmatched": True}, {"route": None, "status": 404}, True),
        ({"unmatched": True}, {"route": None, "status": 301}, True),
        ({"unmatched": True}, {"method": "OPTIONS", "route": None, "status": 404}, False),
        ({"unmatched": True, "routes": ["/y"]}, {"route": None, "status": 404, "path": "/x"}, False),
        ({"unmatched": True, "routes": ["/y"]}, {"route": None, "status": 404, "path": "/y"}, True),
        # Excluded, by route or by path.
        ({"exclude": ["/health*"]}, {"route": "/healthz", "path": "/v1/healthz"}, False),
        ({"exclude": ["/health*"]}, {"route": "/{page}", "path": "/healthz"}, False),
        ({"exclude": ["/health*"]}, {"route": None, "path": "/healthz"}, False),
        ({"exclude": ["/health*"]}, {"route": None, "path": "/x"}, True),
        ({"exclude": ["/a/b"], "routes": ["/a/*"]}, {"route": None, "path": "/a/b"}, False),
        ({"exclude": ["/a/b"], "routes": ["/a/*"]}, {"route": None, "path": "/a/c"}, True),
        ({"exclude_all": ["/health*"]}, {"route": "/healthz", "path": "/y"}, False),
        ({"exclude_all": ["/health*"]}, {"route": None, "path": "/healthz"}, False),
        ({"exclude_all": ["/health*"]}, {"route": None, "path": "/x"}, True),
        ({"exclude_all": ["/health*"], "routes": ["/healthz"]}, {"route": None, "path": "/healthz"}, False),
    ],
)
def test_an_slo_takes_what_it_names(
    service_of: ServiceOf, options: dict[str, Any], request_options: dict[str, Any], counts: bool
) -> None:
    """By view name or route template first, then by path."""
    service = service_of(**options)

    assert bool(service.request(**request_options)) == counts
    assert bool(service.request(**request_options)) == counts  # from the cache


def test_each_slo_decides_for_itself(service_with: ServiceOf) -> None:
    """One request, four answers."""
    service = service_with(
        {
            "all": {"target": 0.9},
            "checkout": {"target": 0.9, "routes": ["/checkout/*"]},
            "writes": {"target": 0.9, "methods": ["POST", "PUT"]},
            "orders": {"target": 0.9, "kind": "custom"},
        }
    )

    assert service.request(route="/checkout/{id}", path="/checkout/5").keys() == {"all", "checkout"}
    assert service.request(route="/checkout/{id}", path="/checkout/5", method="POST").keys() == {
        "all", "checkout", "writes",
    }  # fmt: skip
    assert service.request(method="PUT").keys() == {"all", "writes"}


def test_a_tracked_view_counts_for_its_slo_whatever_its_routes(service_with: ServiceOf) -> None:
    """Also for a custom SLO; the other SLOs count it as ever."""
    service = service_with(
        {
            "all": {"target": 0.9},
            "checkout": {"target": 0.9, "routes": ["/checkout"]},
            "orders": {"target": 0.9, "kind": "custom"},
            "posts": {"target": 0.9, "routes": ["/post"], "methods": ["POST"]},
        }
    )

    @slo_track("checkout", "orders", "posts")
    def view() -> None: ...

    assert service.request(view=view).keys() == {"all", "checkout", "orders"}
    assert service.request(view=view, method="POST").keys() == {"all", "checkout", "orders", "posts"}
    assert service.request().keys() == {"all"}


def test_a_preflight_of_a_tracked_view_is_left_out(service_of: ServiceOf) -> None:
    """The mark names the view's work; a browser's OPTIONS is none."""

    @slo_track("a")
    def view() -> None: ...

    assert service_of(routes=["/y"]).request(view=view, method="OPTIONS") == {}
    assert service_of(routes=["/y"]).request(view=view, is_static=True) == {"a": True}


def test_an_excluded_path_is_left_out_of_a_tracked_view_too(service_of: ServiceOf) -> None:
    """What never counts, never counts."""

    @slo_track("a")
    def view() -> None: ...

    assert service_of(exclude=["/x"]).request(view=view) == {}
    assert service_of(exclude_all=["/x"]).request(view=view) == {}


def test_a_mark_of_an_unknown_slo_is_reported_and_the_request_goes_on(service_of: ServiceOf) -> None:
    """It counts for the others."""
    service = service_of()

    @slo_track("nowhere")
    def view() -> None: ...

    assert service.request(view=view) == {"a": True}
    assert service.registry.internals.errors.total == 1


def test_an_exempt_view_counts_for_none(service_of: ServiceOf) -> None:
    """Not even for one that it is marked for."""

    @slo_exempt
    @slo_track("a")
    def view() -> None: ...

    assert service_of().request(view=view) == {}


def test_a_view_that_cannot_be_hashed_is_looked_at_each_time(service_of: ServiceOf) -> None:
    """Rare, and no error."""

    class View:
        __hash__ = None  # type: ignore[assignment]
        _slo_tracked = ("a",)

    service = service_of(routes=["/y"])

    assert service.request(view=View()) == {"a": True}
    assert service.request(view=View()) == {"a": True}
    assert service.registry.internals.errors.total == 0


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("listens", [False])
def test_random_paths_cost_no_memory(service_of: ServiceOf) -> None:
    """What is remembered of twenty thousand paths is bounded, and long ones are not remembered at all."""
    service = service_of(routes=["/x/*"], exclude=["/healthz"], exclude_all=["/y"])
    recorder = service.recorder
    chooser = random.Random(5)

    def request(path: str) -> None:
        observed = recorder.begin({}, "GET", path)
        observed.status = 200
        recorder.finish(observed)

    tracemalloc.start()
    try:
        for _ in range(20_000):
            request(f"/x/{chooser.getrandbits(64):016x}")
        for index in range(500):
            request(f"/x/{index}" + "y" * 65_536)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 512 * 1024
    assert service.counts() == (20_500, 0)


@pytest.mark.usefixtures("untraced")
def test_as_many_routes_and_views_cost_no_memory_either(service_of: ServiceOf) -> None:
    """A framework that hands over a new view for each request fills no memory."""
    service = service_of()

    for index in range(3000):
        assert service.request(route=f"/{index}", view=object()) == {"a": True}

    assert len(service.recorder._match_results) <= 1024  # noqa: SLF001


def test_globs_are_a_list() -> None:
    """A text would be a glob for each of its letters."""
    with pytest.raises(ValueError, match=r"expected a list of globs, got '/healthz'; did you mean \['/healthz'\]\?"):
        compile_globs("/healthz")
    assert compile_globs([]) is None


@given(
    globs=st.lists(
        st.lists(st.text("/ab*?[]!", min_size=1, max_size=6), min_size=1, max_size=3), min_size=1, max_size=6
    ),
    path=st.text("/ab*?[]!", max_size=8),
)
def test_looking_by_the_start_of_routes_leaves_nobody_out(globs: list[list[str]], path: str) -> None:
    """The same SLOs in the same order as when each is asked."""
    registry = SLORegistry.from_config(
        {f"slo-{place}": {"target": 0.9, "routes": routes} for place, routes in enumerate(globs)}
    )
    recorder = HTTPRecorder(registry)

    observed = recorder.begin({}, "GET", path)
    assert observed is not None
    observed.status = 200
    recorder.finish(observed)

    counted = [tracker.snapshot().total == 1 for tracker in registry]
    assert counted == [any(re.match(translate(glob), path) for glob in routes) for routes in globs]


def test_a_decision_made_while_an_slo_is_added_is_not_remembered_for_it(
    service_of: ServiceOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Worked out from the old definitions, it goes with them: the new SLO counts from the next request on."""
    service = service_of()
    add = [SLODefinition("b", 0.9, http=HTTPRule())]

    def match_slowly(*args: Any, **options: Any) -> MatchResult:
        match_result = match_slos(*args, **options)
        if add:  # another thread adds an SLO, and a request of its own makes it count
            service.registry.define(add.pop())
            service.recorder.begin({}, "GET", "/other")
        return match_result

    monkeypatch.setattr("slo_core.http.recorder.match_slos", match_slowly)
    service.request()

    assert service.request().keys() == {"a", "b"}
