"""Work that must not block an event loop."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from slo_core.process.threads import OwnThreads
from slo_servers import wait_until


def test_where_no_thread_can_start_work_is_done_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the loop is not asyncio's, or there is none."""

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def main() -> threading.Thread:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            return await OwnThreads(most=1).run(threading.current_thread)

    assert asyncio.run(main()) is threading.main_thread()

    coroutine = OwnThreads(most=1).run(threading.current_thread)  # driven by hand, as by another loop
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
        await OwnThreads(most=1).run(work)

    with pytest.raises(RuntimeError, match="mine"):
        asyncio.run(main())
    assert calls == [1]


def test_no_thread_of_asyncios_own_pool_is_taken() -> None:
    """While every thread that there may be waits for a store, `to_thread` is answered, and others wait their turn."""
    threads, release, names = OwnThreads(most=2), threading.Event(), set()
    before = set(threading.enumerate())

    def at_work() -> int:
        return sum(thread.name == "slo-view" for thread in set(threading.enumerate()) - before)

    def wait() -> bool:
        names.add(threading.current_thread().name)
        return release.wait(60)

    async def main() -> tuple[int, list[bool]]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        waiting = [asyncio.ensure_future(threads.run(wait)) for _ in range(9)]
        await asyncio.sleep(0)
        meanwhile = at_work()
        await asyncio.wait_for(asyncio.to_thread(release.set), 60)
        return meanwhile, await asyncio.gather(*waiting)

    assert asyncio.run(main()) == (2, [True] * 9)
    assert names == {"slo-view"}
    wait_until(lambda: not at_work(), message="a thread stays")


def test_work_that_its_caller_has_given_up_is_not_begun() -> None:
    """A client that is gone keeps no other waiting."""
    threads, release, done = OwnThreads(most=1), threading.Event(), []

    async def main() -> None:
        first = asyncio.ensure_future(threads.run(lambda: release.wait(60)))
        given_up = asyncio.ensure_future(threads.run(lambda: done.append("given up")))
        await asyncio.sleep(0)
        given_up.cancel()
        await asyncio.sleep(0)
        release.set()
        await first
        await threads.run(lambda: done.append("later"))

    asyncio.run(main())
    assert done == ["later"]
