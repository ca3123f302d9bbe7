"""Where the status page finds its parts: each framework has addresses of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

__all__ = ["Links", "relative_links"]


@dataclass(frozen=True, slots=True)
class Links:
    """
    The addresses of one mounted page.

    Attributes:
        overview: Of the list, for a query.
        detail: Of the page of an SLO, for its name and a query.
        document: Of the JSON, for a query.
        asset: Of a style sheet or script, for its file name.
    """

    overview: Callable[[Mapping[str, str]], str]
    detail: Callable[[str, Mapping[str, str]], str]
    document: Callable[[Mapping[str, str]], str]
    asset: Callable[[str], str]


def relative_links(name: str) -> Links:
    """
    Addresses seen from `/.../name`: right behind any proxy and under any mount.

    Args:
        name: The last part of the page's path: "slo" of "/internal/slo".
    """
    here = quote(name)
    return Links(
        overview=lambda query: _with(here, query),
        detail=lambda slo, query: _with(here, {"slo": slo, **query}),
        document=lambda query: _with(f"{here}.json", query),
        asset=lambda file: f"{here}/{file}",
    )


def _with(address: str, query: Mapping[str, str]) -> str:
    # What a name holds that no encoding can write finds no SLO, but breaks no page.
    return f"{address}?{urlencode(query, errors='replace')}" if query else address
