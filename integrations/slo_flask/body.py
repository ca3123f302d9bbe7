"""The body of a response on its way to the server, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from slo_flask.served_request import ServedRequest

__all__ = ["ServedBody", "is_file", "may_have_body"]

# RFC 9110, section 6.4.1: beside HEAD and 1xx, these have no content.
_WITHOUT_CONTENT = (204, 304)


class ServedBody:
    """
    The application's body, watched.

    One chunk is asked for when one is asked of it, never ahead.

    Args:
        body: What the application returned.
        served: Told of what happens.
    """

    __slots__ = ("_close", "_next", "_served")

    def __init__(self, body: Iterable[bytes], served: ServedRequest) -> None:
        self._next = iter(body).__next__
        self._close: Callable[[], object] | None = getattr(body, "close", None)
        self._served = served

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            chunk = self._next()
        except StopIteration:
            self._served.finish()
            raise
        except BaseException as exc:
            self._served.raised(exc)
            raise
        if chunk and not self._served.exchange.finished:
            self._served.handing_over(chunk)
        return chunk

    def close(self) -> None:
        """Called by the server, once it wants no more."""
        # First of all: what runs at the close of a response is not the request's time, nor its failure the request's.
        self._served.broke_off()
        close, self._close = self._close, None
        if close is not None:
            close()


def is_file(body: object, environ: WSGIEnvironment) -> bool:
    """Whether the body is what the server's own file wrapper made: servers look for that very object."""
    wrapper = environ.get("wsgi.file_wrapper")
    if wrapper is None:
        return False
    if isinstance(wrapper, type):
        return isinstance(body, wrapper)
    return hasattr(body, "read")  # uWSGI's wrapper is a function that remembers the file and returns it as it is


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
