"""What a forked child must start anew: locks that a thread of the parent may hold, counts that are the parent's."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

__all__ = ["in_forked_child"]


def in_forked_child(reset: Callable[[], None]) -> None:
    """
    Call a bound method in every child forked from now on, for as long as its object lives.

    Args:
        reset: A method of an object that can be weakly referenced.
    """
    if hasattr(os, "register_at_fork"):
        # The hook cannot be taken back, so it must not keep the object alive.
        reference = weakref.WeakMethod(reset)
        os.register_at_fork(after_in_child=lambda: _call(reference))


def _call(reference: weakref.WeakMethod[Callable[[], None]]) -> None:
    reset = reference()
    if reset is not None:
        reset()
