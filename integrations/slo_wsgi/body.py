"""Facts about a response's body that are known without reading it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from wsgiref.util import FileWrapper

from slo_wsgi.sent_files import may_be_sent_by_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

__all__ = ["chunks_of", "content_length", "is_file", "may_have_body"]

# RFC 9110, section 6.4.1: responses to HEAD, 1xx and these have no content.
_WITHOUT_CONTENT = (204, 304)


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the server may send the body by itself: it does so for the very object that its own file wrapper made."""
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is None:
        return False
    if isinstance(wrapper, type):
        if not isinstance(body, wrapper):
            return False
        file = getattr(body, "filelike", None) or getattr(body, "file", None)
        return file is None or may_be_sent_by_server(file, body)
    return hasattr(body, "read") and may_be_sent_by_server(body, wrapper)


def chunks_of(body: Iterable[bytes], environ: WSGIEnvironment) -> Iterable[bytes]:
    """
    The chunks of a body that is no file, as the server would take them.

    uWSGI's wrapper is a function that remembers the file and returns it as it is; then uWSGI reads it, and does not iterate.
    """
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is None or isinstance(wrapper, type) or not hasattr(body, "read"):
        return body
    return FileWrapper(body)  # type: ignore[arg-type]  # a file, as its `read` says


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
