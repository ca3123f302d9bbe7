"""Work that must not block an event loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from slo_core.process.threads import run_off_loop


def test_where_no_thread_can_start_work_is_done_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the loop is not asyncio's, or there is none."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> threading.Thread:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            return await run_off_loop(threading.current_thread)

    assert asyncio.run(main()) is threading.main_thread()

    coroutine = run_off_loop(threading.current_thread)  # driven by hand, as by another loop
    with pytest.raises(StopIteration) as caught:
        coroutine.send(None)
    assert caught.value.value is threading.main_thread()


def test_an_error_of_the_work_is_the_callers() -> None:
    """Even a RuntimeError, which must not be taken for a missing loop and done twice."""
    calls = []

    def work() -> None:
        calls.append(1)
        raise RuntimeError("mine")

    async def main() -> None:
        await run_off_loop(work)

    with pytest.raises(RuntimeError, match="mine"):
        asyncio.run(main())
    assert calls == [1]
