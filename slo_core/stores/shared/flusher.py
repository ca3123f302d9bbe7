"""The thread that hands events over, once an interval."""

from __future__ import annotations

import _thread
import os
import threading
import time
from collections.abc import Callable

__all__ = ["THREAD_NAME", "Flusher"]

THREAD_NAME = "slo-flusher"

# After so many rounds without work the thread ends; the next event starts another. A store that is not used any more
# keeps no thread.
_IDLE_ROUNDS = 30

# A thread that has not come round for so long, beyond its pause, is not running: uWSGI without --enable-threads.
_STALLED_SECONDS = 10.0

# Where no thread could be started, try again after so long.
_RETRY_SECONDS = 60.0


class Flusher:
    """
    Runs a round of work again and again, in a thread that each process starts when it first needs it.

    Locks and the thread are made when they are first needed, so that gevent has patched them by then.

    Args:
        round_: Does the work; True when there was any. It must not raise.
        pause: Seconds until the next round.
        rearm: Called when the thread is about to end for want of work: from now on every event must call `wake` again.
    """

    __slots__ = (
        "_idle",
        "_idle_rounds",
        "_is_woken",
        "_last_round",
        "_pause",
        "_pid",
        "_rearm",
        "_retry_at",
        "_round",
        "_stop",
        "_thread",
    )

    def __init__(self, round_: Callable[[], bool], *, pause: Callable[[], float], rearm: Callable[[], None]) -> None:
        self._round = round_
        self._pause = pause
        self._rearm = rearm
        self._idle_rounds = _IDLE_ROUNDS
        self.reset()

    def reset(self) -> None:
        """In a forked child there is no thread."""
        self._pid = os.getpid()
        self._thread: threading.Thread | None = None
        self._stop: threading.Event | None = None
        self._is_woken = False
        self._idle = 0
        self._last_round = time.monotonic()
        self._retry_at = 0.0

    def wake(self) -> bool:
        """
        See to it that a round will come; False where no thread can do it and the caller must do the work itself.

        Called while events come, about once a second and thread, holding no lock.
        """
        self._is_woken = True
        thread = self._thread
        if thread is not None:
            return time.monotonic() - self._last_round < self._pause() + _STALLED_SECONDS
        now = time.monotonic()
        if now < self._retry_at:
            return False
        stop = threading.Event()
        thread = threading.Thread(target=self._run, args=(stop,), name=THREAD_NAME, daemon=True)
        self._thread, self._stop, self._last_round, self._idle = thread, stop, now, 0
        try:
            # `thread.start()` waits until the thread runs, for which it needs a lock of `threading`. This may be a signal
            # handler that has interrupted the thread that holds that lock: so another thread starts it.
            _thread.start_new_thread(self._start, (thread,))
        except RuntimeError:  # the system, or an interpreter that is shutting down, allows no more threads
            self._thread, self._retry_at = None, now + _RETRY_SECONDS
            return False
        return True

    def _start(self, thread: threading.Thread) -> None:
        try:
            # Two threads may both call `wake`: the one that is replaced notices that it is not the flusher, and ends.
            thread.start()
        except RuntimeError:  # as above
            if self._thread is thread:
                self._thread, self._retry_at = None, time.monotonic() + _RETRY_SECONDS

    def retire(self) -> None:
        """Let the thread, and each later one, end with its first rounds without work."""
        self._idle_rounds = 1

    def stop(self) -> None:
        """Let the thread end; the next event starts another."""
        stop, self._stop, self._thread = self._stop, None, None
        if stop is not None:
            stop.set()

    def _run(self, stop: threading.Event) -> None:
        me = threading.current_thread()
        while not stop.wait(self._pause()):
            if self._thread is not me or self._pid != os.getpid():
                return
            self._last_round = time.monotonic()
            worked = self._round()
            self._last_round = time.monotonic()
            if self._may_end(worked):
                self._thread = None
                # An event that came at this very moment has been woken for a thread that was still there.
                if not self._is_woken:
                    return
                self._thread = me

    def _may_end(self, worked: bool) -> bool:
        """
        Whether this was the last round.

        Before the thread ends, events are made to call `wake` again, and then one more round is done: it sees the events
        that were counted in that moment without a call.
        """
        if worked or self._is_woken:
            self._idle, self._is_woken = 0, False
            return False
        self._idle += 1
        if self._idle == self._idle_rounds:
            self._rearm()
        return self._idle > self._idle_rounds
