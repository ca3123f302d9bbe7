"""The resolver that tries few patterns finds what Django's own finds, which tries all of them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.conf.urls.i18n import i18n_patterns
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, URLResolver, include, path, re_path
from django.urls.resolvers import RegexPattern
from django.utils import translation
from django.utils.translation import gettext_lazy

from slo_django.narrow_resolver import NarrowResolver
from slo_django.url_table import UrlTable


def view(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse()


def other(request: HttpRequest, **_: Any) -> HttpResponse:
    return HttpResponse()


ITEMS = [path("", view, name="list"), path("<int:pk>/", view, {"kind": "item"}, name="item"), path("<slug:s>/", other)]
PLAIN = [
    path("", view, name="home"),
    path("items/", include((ITEMS, "shop"), namespace="one")),
    path("items/<str:rest>/", other, name="behind the include"),
    re_path(r"^it(?P<rest>.*)ms/$", other, name="expression"),
    path("<str:area>/items/", include((ITEMS, "shop"), namespace="two"), {"outer": 1}),
    path("area1", view, name="area1"),
    path("area10", view, name="area10"),
    path("area1<int:number>", other, name="area1x"),
    re_path(r"^deep/", include([path("er/", include([re_path(r"^(?P<x>\d+)$", view, name="deepest")]))])),
    path("<path:any>/last", view, name="last"),
]
PATHS = [
    "/", "/items/", "/items/7/", "/items/seven/", "/items/se.ven/", "/items", "/itxxms/", "/shop/items/", "/shop/items/7/",
    "/area1", "/area10", "/area12", "/area1x", "/deep/er/7", "/deep/er/x", "/items/a/b/last", "/nowhere", "", "items/",
    "/straße/items/straße/", "//",
]  # fmt: skip


def resolver_of(patterns: list[Any]) -> URLResolver:
    return URLResolver(RegexPattern(r"^/"), patterns)


def outcome(resolver: Any, asked: str) -> Any:
    try:
        match = resolver.resolve(asked)
    except Resolver404:
        return None
    names = ("func", "args", "kwargs", "captured_kwargs", "route", "view_name", "url_name", "app_names", "namespaces")
    return {name: getattr(match, name) for name in names}


@pytest.mark.parametrize("asked", PATHS)
def test_it_finds_what_django_finds(asked: str) -> None:
    """Includes, namespaces, expressions, defaults, the order of patterns, and paths that nothing has."""
    resolver = resolver_of(PLAIN)

    assert outcome(NarrowResolver(resolver), asked) == outcome(resolver, asked)


def translated() -> list[Any]:
    return [*i18n_patterns(path("about/", view, name="about")), path(gettext_lazy("items/"), other, name="items")]


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("asked", ["/en/about/", "/de/about/", "/about/", "/items/"])
def test_it_follows_the_active_language(asked: str, language: str) -> None:
    """Of patterns with a language, and of those whose text is translated."""
    resolver = resolver_of(translated())

    with translation.override(language):
        assert outcome(NarrowResolver(resolver), asked) == outcome(resolver, asked)


@pytest.mark.parametrize(
    ("patterns", "is_translated"),
    [
        (PLAIN, False),
        (translated(), True),
        ([path("in/", include([path(gettext_lazy("items/"), view)]))], True),
        ([path("in/", include([path("items/", view)]))], False),
    ],
)
def test_the_language_is_asked_for_where_it_matters(patterns: list[Any], is_translated: bool) -> None:
    """To work it out of a path takes longer than all the rest."""
    assert UrlTable(resolver_of(patterns)).is_translated is is_translated


def test_a_resolver_of_a_projects_own_resolves_in_its_own_way() -> None:
    """Its patterns may depend on anything."""

    class Own(URLResolver):
        def resolve(self, path: str) -> Any:
            return SimpleNamespace(func=view, args=(), kwargs={}, captured_kwargs={}, route="own", url_name="own",
                                   app_names=[], namespaces=[], tried=[], extra_kwargs={})  # fmt: skip

    resolver = resolver_of([Own(RegexPattern(r"^own/"), [path("x", other)])])

    assert outcome(NarrowResolver(resolver), "/own/anything") == outcome(resolver, "/own/anything")
