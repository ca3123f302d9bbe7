"""Mistakes in the arguments are loud, at start-up, and say what to do."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from asgi_driver import serve
from slo_asgi import SLOMiddleware
from slo_core import HTTPRule, SLODefinition, SLORegistry, SLOTracker


async def app(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("answer", int(scope["path"][1:] or 200))(scope, receive, send)


def custom_only() -> SLORegistry:
    registry = SLORegistry()
    registry.define(SLODefinition("orders-fresh", 0.9))
    return registry


def tracker() -> SLOTracker:
    return SLOTracker(SLODefinition("availability", 0.9))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "registry= or tracker="),
        ({"registry": custom_only()}, "slo_name="),
        ({"registry": SLORegistry()}, "slo_name="),
        ({"slo_name": "availability"}, "registry="),
        ({"tracker": tracker(), "slo_name": "availability"}, "without tracker="),
        ({"registry": custom_only(), "classify": lambda status, exception: True}, "slo_name"),
        ({"tracker": tracker(), "classify": "module.function"}, "callable"),
        ({"tracker": tracker(), "exclude": "/internal/*"}, r"did you mean \['/internal/\*'\]"),
    ],
)
def test_a_mistake_is_refused_with_what_to_pass(options: dict[str, Any], message: str) -> None:
    """Before the first request."""
    with pytest.raises(ValueError, match=message):
        SLOMiddleware(app, **options)


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A KeyError, as from the registry."""
    with pytest.raises(KeyError, match="orders-fresh"):
        SLOMiddleware(app, registry=custom_only(), slo_name="order-fresh")


def test_an_idle_registry_is_accepted_on_purpose() -> None:
    """One that is filled later counts from then on."""
    registry = SLORegistry()
    middleware = SLOMiddleware(app, registry=registry, may_be_idle=True)

    serve(middleware)
    registry.define(SLODefinition("availability", 0.9, http=HTTPRule()))
    serve(middleware)

    assert registry["availability"].snapshot().total == 1


@pytest.mark.parametrize("by_name", [True, False])
def test_a_classifier_decides_for_one_slo(by_name: bool) -> None:
    """`classify(status, exception)`: here 404 is bad and 500 is not."""
    registry = SLORegistry()
    only = registry.define(SLODefinition("availability", 0.9))
    options: dict[str, Any] = {"registry": registry, "slo_name": "availability"} if by_name else {"tracker": only}
    middleware = SLOMiddleware(app, classify=lambda status, exception: status != 404, **options)

    for path in ("/200", "/404", "/500"):
        serve(middleware, path=path)

    assert (only.snapshot().total, only.snapshot().failures) == (3, 1)


@pytest.mark.parametrize("verdict", [None, 1, "good", NotImplementedError])
def test_a_classifier_that_fails_leaves_it_to_the_default_rule(verdict: Any) -> None:
    """Whatever it raises or returns; the response is out, the mistake is noted."""
    registry = SLORegistry()
    only = registry.define(SLODefinition("availability", 0.9))

    def classify(status: int, exception: BaseException | None) -> Any:
        if verdict is NotImplementedError:
            raise NotImplementedError
        return verdict

    middleware = SLOMiddleware(app, registry=registry, slo_name="availability", classify=classify)
    answers = [serve(middleware, path=path).status for path in ("/200", "/500")]

    assert answers == [200, 500]
    assert (only.snapshot().total, only.snapshot().failures) == (2, 1)
    assert registry.internals.errors.total == 2


def test_what_is_excluded_counts_for_no_slo() -> None:
    """Globs of paths, of the middleware's own."""
    only = tracker()
    middleware = SLOMiddleware(app, tracker=only, exclude=["/20*"])

    serve(middleware, path="/200")
    serve(middleware, path="/404")

    assert only.snapshot().total == 1
