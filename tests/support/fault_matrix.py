"""What each fault of a store did to a service under load: a table at the end of the run."""

from __future__ import annotations

from typing import NamedTuple

from fleet_client import Clients

__all__ = ["FaultRow", "fault_table", "note_fault"]


class FaultRow(NamedTuple):
    """
    One fault.

    Attributes:
        fault: The store, and what happened to it.
        sent: Events of the requests that were answered, of all SLOs.
        held: Events that the store holds afterwards.
        failed: Requests that were answered otherwise than they should be, or not at all.
        p99: Within how many seconds 99 of 100 were answered.
    """

    fault: str
    sent: int
    held: int
    failed: int
    p99: float


_ROWS: list[FaultRow] = []


def note_fault(fault: str, clients: Clients, *, held: int) -> None:
    """Add a row."""
    failed = len(clients.wrong) + clients.broken
    _ROWS.append(FaultRow(fault, clients.seen.total(), held, failed, clients.p99))


def fault_table() -> list[str]:
    """The lines of the table; empty without rows."""
    if not _ROWS:
        return []
    width = max(len(row.fault) for row in _ROWS)
    head = f"{'fault':{width}} | {'sent':>7} | {'held':>7} | {'failed requests':>15} | {'p99':>7}"
    lines = [
        f"{row.fault:{width}} | {row.sent:7} | {row.held:7} | {row.failed:15} | {row.p99 * 1000:4.0f} ms"
        for row in _ROWS
    ]
    return [head, "-" * len(head), *lines]
