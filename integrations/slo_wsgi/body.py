"""Facts about a response's body that are known without reading it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["content_length", "is_file", "may_have_body"]

# RFC 9110, section 6.4.1: responses to HEAD, 1xx and these have no content.
_WITHOUT_CONTENT = (204, 304)


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server's own file wrapper made the body: servers use sendfile for that object only."""
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is None:
        return False
    if isinstance(wrapper, type):
        return isinstance(body, wrapper)
    return hasattr(body, "read")  # uWSGI's wrapper is a function that remembers the file and returns it as it is


def content_length(headers: Iterable[tuple[str, str]]) -> int | None:
    """The bytes that the headers of a response announce; None where they do not, or announce nonsense."""
    for name, value in headers:
        if len(name) == 14 and name.lower() == "content-length":
            try:
                return int(value)
            except ValueError:
                return None
    return None


def may_have_body(method: str, status: int | None, length: int | None) -> bool:
    """
    Whether anything of the response's body is to be sent.

    Args:
        method: Of the request.
        status: Of the response; None while it is unknown.
        length: Its Content-Length; None where it has none.
    """
    is_empty = length == 0 or (status is not None and (status in _WITHOUT_CONTENT or status < 200))
    return not is_empty and method != "HEAD"
