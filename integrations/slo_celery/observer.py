"""Hears of each task of one application by Celery's signals."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import uuid4

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery import Celery, signals
from celery.exceptions import Ignore, Reject, Retry
from celery.utils.serialization import UnpickleableExceptionWrapper
from celery.utils.time import maybe_iso8601, maybe_make_aware

from slo_celery.mistakes import log_mistakes
from slo_core.process.internal_errors import InternalErrors, user_code_errors
from slo_core.tasks.recorder import TaskRecorder

__all__ = ["OBSERVER", "TaskObserver"]

# Its name among the attributes of the application.
OBSERVER = "slo_task_observer"

# When a task was due, in seconds since the epoch: in the headers of its message, also of those of its retries.
_DUE_HEADER = "slo_due"

# By these the parent of a pool says that a process of it did not end a task. It may say so twice.
_GIVEN_UP = (TimeLimitExceeded, WorkerLostError)
_REMEMBERED_TASKS = 1000


class TaskObserver:
    """
    Counts the tasks of one application, and hands over what was counted when a process of its workers ends.

    Celery's signals of success and failure are sent once for a task, when its result is stored: not at a retry, and not for
    a task that is ignored. A failure is sent by the process that runs the task, or by the parent where that process is lost.

    Args:
        app: The application.
        find_recorder: Returns the recorder; None counts nothing.
        clock: Seconds since the epoch.
    """

    __slots__ = ("__weakref__", "_app", "_clock", "_errors", "_find_recorder", "_given_up")

    def __init__(
        self, app: Celery, find_recorder: Callable[[], TaskRecorder | None], *, clock: Callable[[], float]
    ) -> None:
        self._app = app
        self._find_recorder = find_recorder
        self._clock = clock
        self._errors = InternalErrors()
        self._given_up: deque[object] = deque(maxlen=_REMEMBERED_TASKS)

    def connect(self) -> None:
        """Count from now on, for as long as this object lives."""
        # Without a name of their own, Celery 5.3 takes the methods of two observers for one, and hears the first alone.
        name = uuid4().hex
        for signal, method in (
            (signals.before_task_publish, self._note_due),
            (signals.task_success, self._succeeded),
            (signals.task_failure, self._failed),
            (signals.worker_ready, self._check),
            (signals.worker_process_shutdown, self._end_process),
            (signals.worker_shutdown, self._end_worker),
        ):
            signal.connect(method, dispatch_uid=name)

    def _note_due(self, sender: object = None, headers: object = None, **_: object) -> None:
        """A task is sent: note in its message when it is due, where an SLO asks for that."""
        if not (isinstance(sender, str) and isinstance(headers, dict)) or _DUE_HEADER in headers:
            return
        recorder = self._recorder()
        if recorder is not None and recorder.needs_due(sender):
            eta = self._eta(headers.get("eta"))
            headers[_DUE_HEADER] = self._clock() if eta is None else eta

    def _succeeded(self, sender: Any = None, runtime: float = 0.0, **_: object) -> None:
        if getattr(sender, "app", None) is not self._app:
            return
        recorder = self._recorder()
        if recorder is not None:
            due = self._due(sender.request) if recorder.needs_due(sender.name) else None
            due_seconds = None if due is None else self._clock() - due
            recorder.succeeded(sender.name, run_seconds=runtime, due_seconds=due_seconds)

    def _failed(self, sender: Any = None, exception: Any = None, task_id: object = None, **_: object) -> None:
        # A rejected task is reported as failed by newer versions, too.
        if getattr(sender, "app", None) is not self._app or isinstance(exception, (Ignore, Reject, Retry)):
            return
        if isinstance(exception, _GIVEN_UP):
            if task_id in self._given_up:
                return
            self._given_up.append(task_id)
        recorder = self._recorder()
        if recorder is not None:
            # What cannot be pickled comes in a wrapper.
            name = exception.exc_cls_name if isinstance(exception, UnpickleableExceptionWrapper) else None
            recorder.failed(sender.name, name if isinstance(name, str) else type(exception))

    def _due(self, request: Any) -> float | None:
        """When a task was due. Its message may come from anywhere."""
        due = getattr(request, _DUE_HEADER, None)
        if due is None:
            return self._eta(getattr(request, "eta", None))
        is_time = isinstance(due, (int, float)) and not isinstance(due, bool) and math.isfinite(due)
        return float(due) if is_time else None

    def _eta(self, eta: object) -> float | None:
        try:
            if isinstance(eta, str):
                eta = maybe_iso8601(eta)
            return maybe_make_aware(eta, self._app.timezone).timestamp() if isinstance(eta, datetime) else None
        except user_code_errors():  # a text that is no time
            return None

    def _recorder(self) -> TaskRecorder | None:
        try:
            return self._find_recorder()
        except user_code_errors() as exc:  # a Django project whose settings are wrong: its tasks run all the same
            self._errors.report("Celery's tasks are not counted", exc)
            return None

    def _check(self, sender: Any = None, **_: object) -> None:
        if getattr(sender, "app", None) is not self._app:
            return
        recorder = self._recorder()
        if recorder is not None:
            try:
                log_mistakes(recorder.registry, list(self._app.tasks), getattr(sender, "pool", None))
            except user_code_errors() as exc:  # a warning is advice
                self._errors.report("the SLOs of Celery's tasks could not be checked", exc)

    def _end_process(self, **_: object) -> None:
        """A process of a pool ends, and runs nothing that was registered with `atexit`."""
        recorder = self._recorder()
        if recorder is not None:
            recorder.registry.close()

    def _end_worker(self, **_: object) -> None:
        # Not closed: a worker may be a thread of a process that goes on.
        recorder = self._recorder()
        if recorder is not None:
            recorder.registry.flush()
