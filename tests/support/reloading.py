"""A file that is saved while a development server watches it."""

from __future__ import annotations

import http.client
import os
import time
from pathlib import Path

from slo_servers import Server, fetch, wait_until

__all__ = ["counts_one", "save_and_wait"]

# A reload takes a busy machine as long.
UNNOTICED_SECONDS = 20.0


def save_and_wait(server: Server, source: Path, text: str, *, answer: bytes) -> None:
    """
    Save a file, and wait until the server's process has been replaced.

    Args:
        server: It answers already.
        source: The file.
        text: What is in it from now on.
        answer: To `/`, by the new process.
    """
    new = source.with_name(f"{source.name}.new")
    new.write_text(text)
    new.replace(source)  # a reloader that looks in between sees no half of it
    noticed_by = time.monotonic() + UNNOTICED_SECONDS

    def is_reloaded() -> bool:
        nonlocal noticed_by
        try:
            if fetch(f"{server.url}/") == answer:
                return True
        except (OSError, http.client.HTTPException):  # between the two processes
            return False
        if time.monotonic() > noticed_by:
            # The server answers before its reloader has looked at the files for the first time: what was saved in between is
            # no change to it.
            os.utime(source)
            noticed_by = time.monotonic() + UNNOTICED_SECONDS
        return False

    wait_until(is_reloaded, message="the server did not reload")


def counts_one(server: Server) -> None:
    """Wait until one good event is there: threads may answer before the one that has sent the last byte counts it."""
    line = b'slo_events_total{outcome="good",slo="availability"} 1.0'
    wait_until(lambda: line in fetch(f"{server.url}/metrics"), message="there is not one good event")
