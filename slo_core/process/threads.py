"""Threads for blocking work in asynchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["run_off_loop"]

R = TypeVar("R")


async def run_off_loop(function: Callable[[], R]) -> R:
    """
    Run a blocking function in a thread and wait for it.

    Where no thread can be started, or the loop is not asyncio's (trio), the function blocks the loop: its time is bounded.
    """
    try:
        future = asyncio.get_running_loop().run_in_executor(None, function)
    except RuntimeError:
        return function()
    return await future
