"""How long a server is waited for that may have stopped answering."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

__all__ = ["hard_timeout"]


@contextmanager
def hard_timeout(seconds: float | None, descriptor: Callable[[], int]) -> Iterator[None]:
    """
    Cut the connection to a server that does not answer any more: it does not keep the time-outs it was asked for either.

    Args:
        seconds: How long the `with` block may take; None for no limit.
        descriptor: Returns the file descriptor of the connection's socket.
    """
    if seconds is None:
        yield
        return
    # A duplicate: the driver may close its own meanwhile, and its number may be given to another connection.
    with socket.socket(fileno=os.dup(descriptor())) as duplicate:
        timer = threading.Timer(seconds, _cut, [duplicate])
        timer.daemon = True
        # When the interpreter ends no thread can be started any more: then the server's time-outs have to do.
        with suppress(RuntimeError):
            timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _cut(connection: socket.socket) -> None:
    with suppress(OSError):  # it may have been closed just now
        connection.shutdown(socket.SHUT_RDWR)
