"""Bytes for a server, over a socket: what no client library would send."""

from __future__ import annotations

import re
import socket

from slo_servers import HOST

__all__ = ["send_raw"]

_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


def send_raw(port: int, *parts: bytes, hang_up: bool = False, seconds: float = 30.0) -> list[int]:
    """
    Send bytes, and read until the server closes the connection or has been silent for a while.

    Args:
        port: Of the server.
        parts: Sent one after the other.
        hang_up: Go away without reading.
        seconds: How long to wait for more.

    Returns:
        The statuses of all answers.
    """
    received = b""
    with socket.create_connection((HOST, port), timeout=seconds) as connection:
        try:
            for part in parts:
                connection.sendall(part)
            if hang_up:
                return []
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65_536):
                received += data
        except OSError:  # it has been closed under our hands, or is silent
            pass
    return [int(status) for status in _STATUS.findall(received)]
