"""The addresses of the status page and its parts, which differ by framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

__all__ = ["Links", "Query", "relative_links"]

# A parameter may be there several times.
Query = Mapping[str, str | tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Links:
    """
    The addresses of one mounted page.

    Attributes:
        overview: Of the list, for a query.
        detail: Of the page of an SLO, for its name and a query.
        json: Of the JSON, for a query.
        asset: Of a style sheet or script, for its file name.
    """

    overview: Callable[[Query], str]
    detail: Callable[[str, Query], str]
    json: Callable[[Query], str]
    asset: Callable[[str], str]


def relative_links(name: str) -> Links:
    """
    Addresses relative to `/.../name`, which work behind any proxy and under any mount.

    Args:
        name: The last part of the page's path: "slo" of "/internal/slo".
    """
    here = quote(name)
    return Links(
        overview=lambda query: _with(here, query),
        detail=lambda slo, query: _with(here, {"slo": slo, **query}),
        json=lambda query: _with(f"{here}.json", query),
        asset=lambda file: f"{here}/{file}",
    )


def _with(address: str, query: Query) -> str:
    # Characters that cannot be encoded are replaced: such a link finds no SLO, but the page works.
    return f"{address}?{urlencode(query, doseq=True, errors='replace')}" if query else address
