"""The settings of recent failures: how many, the header of request ids, the address of a trace in another program."""

from __future__ import annotations

import re
from collections.abc import Iterator

from slo_core.budgets.recent_failures import failures_problem
from slo_core.budgets.wording import printable
from slo_core.errors import Problem, unquoted_hint

__all__ = ["TRACE_PLACEHOLDER", "failure_settings_problems"]

TRACE_PLACEHOLDER = "{trace_id}"
_LONGEST = 2000
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^`|~-]{1,64}")


def failure_settings_problems(
    *, recent_failures: object, request_id_header: object, trace_url: object
) -> Iterator[Problem]:
    """
    What is wrong with the settings, by their names.

    Args:
        recent_failures: So many are kept of each SLO.
        request_id_header: The name of the request header that holds a request's id; None keeps none.
        trace_url: The address of a trace, with the placeholder `{trace_id}`; None links none.
    """
    problem = failures_problem(recent_failures)
    if problem is not None:
        yield Problem(
            "recent_failures", problem, "0 keeps none" if recent_failures is None else unquoted_hint(recent_failures)
        )
    problem = None if request_id_header is None else _header_problem(request_id_header)
    if problem is not None:
        yield Problem("request_id_header", f"{problem}, or None")
    problem = None if trace_url is None else _trace_url_problem(trace_url)
    if problem is not None:
        yield Problem("trace_url", f"{problem}, or None")


def _trace_url_problem(url: object) -> str | None:
    """What is wrong with a template of addresses; None where nothing is."""
    expected = f'expected an address such as "https://tempo.example/trace/{TRACE_PLACEHOLDER}"'
    if not isinstance(url, str):
        return f"{expected}, got {type(url).__name__}"
    shown = repr(printable(url[:100]))
    rest = url.replace(TRACE_PLACEHOLDER, "")
    if rest == url:
        return f"{expected}, got {shown}, which has no {TRACE_PLACEHOLDER}"
    if "{" in rest or "}" in rest:
        unknown = re.search(r"\{[^{}]{0,40}\}?|\}", rest)
        name = "" if unknown is None else printable(unknown.group())
        return f"{expected}, got {shown}: {name!r} is not known; write a brace of the address itself as %7B or %7D"
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        return f"{expected}, of at most {_LONGEST:,} ASCII characters without spaces, got {shown}"
    from urllib.parse import urlsplit  # most services name none

    try:
        parts = urlsplit(url.replace(TRACE_PLACEHOLDER, "0"))
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return f"{expected}, got {shown}, which is no address"
    if parts.scheme not in {"http", "https"}:
        return f"{expected}, that begins with http:// or https://, got {shown}"
    if not host or TRACE_PLACEHOLDER in url.partition("://")[2].partition("/")[0]:
        return f"{expected}, with a host before the placeholder, got {shown}"
    return None


def _header_problem(name: object) -> str | None:
    """What is wrong with the name of a request header; None where nothing is."""
    if isinstance(name, str) and _HEADER_NAME.fullmatch(name):
        return None
    shown = repr(printable(name[:100])) if isinstance(name, str) else type(name).__name__
    hint = "; a header has hyphens where an environ has underscores" if isinstance(name, str) and "_" in name else ""
    return f'expected the name of a header, such as "X-Request-ID", got {shown}{hint}'
