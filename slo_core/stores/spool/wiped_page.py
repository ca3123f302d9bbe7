"""Numbers that are 0 in every forked child, also where the fork calls no hooks."""

from __future__ import annotations

import mmap

from slo_core.stores.spool.folder import NoSpoolError

__all__ = ["WipedPage"]

# From <linux/mman.h>; `mmap` does not name it.
_MADV_WIPEONFORK = 18


class WipedPage:
    """
    A page of memory that the kernel fills with zeros in a forked child.

    Raises:
        NoSpoolError: The system has none: Linux before 4.14, gVisor, other systems.
    """

    __slots__ = ("_doubles", "_free")

    def __init__(self) -> None:
        try:
            page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            page.madvise(_MADV_WIPEONFORK)
        except (AttributeError, OSError, ValueError) as exc:
            raise NoSpoolError(f"the system cannot wipe memory in forked children: {exc}") from exc
        self._doubles = memoryview(page).cast("d")
        self._free = iter(range(len(self._doubles)))

    def take(self) -> memoryview[float] | None:
        """One number, as a view of one item, which holds 0.0; None where all are taken."""
        # `next` on an iterator over a range is one step: no two threads get the same.
        at = next(self._free, None)
        return None if at is None else self._doubles[at : at + 1]
