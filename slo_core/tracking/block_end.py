"""Whether an exception that ends a counted block is a failure of the service."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from slo_core.process.internal_errors import InternalErrors, user_code_errors
from slo_core.tracking.tracker_internals import TrackerInternals

__all__ = ["ExceptionJudge", "checked_judge", "outcome_of"]

# True is good, False is bad, None leaves the event out.
Classify = Callable[[BaseException], "bool | None"]

# Exceptions by which a framework stops work: its module, where it is loaded, and the name there.
_CANCELLATIONS = (("asyncio", "CancelledError"), ("trio", "Cancelled"), ("greenlet", "GreenletExit"))


class ExceptionJudge(NamedTuple):
    """
    What the caller of `track` says of exceptions.

    Attributes:
        ignored: Events that end with one of these classes are left out.
        classify: Decides about all others but control flow; None: they are bad.
    """

    ignored: tuple[type[BaseException], ...] = ()
    classify: Classify | None = None


def checked_judge(ignore: object, classify: object) -> ExceptionJudge | None:
    """
    The arguments of `track`; None where both are left out.

    Raises:
        TypeError: `ignore` is neither an exception class nor a tuple of them, or `classify` cannot be called.
    """
    classes = ignore if isinstance(ignore, tuple) else (ignore,)
    for each in classes:
        if not (isinstance(each, type) and issubclass(each, BaseException)):
            raise TypeError(f"track(ignore=): expected an exception class or a tuple of them, got {each!r}")
    if classify is not None and not callable(classify):
        raise TypeError(
            f"track(classify=): expected a function that takes an exception and returns True, False or None, got {classify!r}"
        )
    return ExceptionJudge(classes, classify) if classes or classify is not None else None


def outcome_of(
    exception_type: type[BaseException],
    exception: BaseException | None,
    judge: ExceptionJudge | None,
    internals: TrackerInternals,
) -> bool | None:
    """
    Whether a block that an exception has ended is good.

    What `ignore` names is left out first. Then control flow: cancelled tasks and closed generators are left out, and
    `SystemExit` without a code or with 0 is good. `classify` decides about the rest; without it, that is bad.

    Args:
        exception_type: Its class.
        exception: The exception; None where the caller of `__exit__` has given none.
        judge: What the caller of `track` says.
        internals: Of the tracker: an error of `classify` is reported there, and the event is bad.

    Returns:
        True for good, False for bad, None for an event that is left out.
    """
    if judge is not None and issubclass(exception_type, judge.ignored):
        return None
    if issubclass(exception_type, (GeneratorExit, *_cancellations())):
        return None
    if isinstance(exception, SystemExit) and exception.code in (None, 0):
        return True
    if judge is None or judge.classify is None or exception is None:
        return False
    errors = internals.errors or InternalErrors()
    try:
        good = judge.classify(exception)
    except user_code_errors() as exc:
        errors.report("track(classify=) raised an exception; the event is counted as bad", exc)
        return False
    if good is None or good is True or good is False:
        return good
    errors.report(
        "track(classify=) must return True, False or None; the event is counted as bad", detail=repr(type(good))
    )
    return False


def _cancellations() -> list[type[BaseException]]:
    classes = [getattr(sys.modules.get(module), name, None) for module, name in _CANCELLATIONS]
    return [each for each in classes if isinstance(each, type) and issubclass(each, BaseException)]
