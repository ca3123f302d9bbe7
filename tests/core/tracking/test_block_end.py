"""Which exceptions that end a counted block are failures."""

from __future__ import annotations

import asyncio
import logging

import pytest

from slo_core import SLODefinition, SLOTracker
from slo_core.testing import FakeClock


class Retry(Exception):
    """As Celery's: the task is run again."""


class RetryLater(Retry):
    pass


@pytest.fixture
def tracker(clock: FakeClock) -> SLOTracker:
    return SLOTracker(SLODefinition("orders", 0.99), clock=clock)


def counted(tracker: SLOTracker) -> tuple[int, int]:
    """Good and bad."""
    return tracker.snapshot().good, tracker.snapshot().failures


@pytest.mark.parametrize("ignore", [Retry, (Retry,), (LookupError, Retry)])
@pytest.mark.parametrize("exception", [Retry, RetryLater])
def test_ignored_exceptions_count_for_nothing(
    tracker: SLOTracker, ignore: type[Exception] | tuple[type[Exception], ...], exception: type[Exception]
) -> None:
    """Also those derived from them; all others are bad."""

    @tracker.track(ignore=ignore)
    def work(raised: type[Exception] | None) -> None:
        if raised is not None:
            raise raised

    work(None)
    for raised in (exception, ValueError):
        with pytest.raises(raised):
            work(raised)

    assert counted(tracker) == (1, 1)


@pytest.mark.parametrize(("says", "expected"), [(True, (1, 0)), (False, (0, 1)), (None, (0, 0))])
def test_a_function_decides(tracker: SLOTracker, says: bool | None, expected: tuple[int, int]) -> None:
    """It is given the exception itself."""
    seen: list[BaseException] = []

    def classify(exception: BaseException) -> bool | None:
        seen.append(exception)
        return says

    error = LookupError("no such order")
    with pytest.raises(LookupError), tracker.track(classify=classify):
        raise error

    assert seen == [error]
    assert counted(tracker) == expected


def test_control_flow_is_not_asked_about(tracker: SLOTracker) -> None:
    """A function that knows the errors of an application need not know those of asyncio."""

    def classify(exception: BaseException) -> bool:
        raise AssertionError(exception)

    for exception in (asyncio.CancelledError(), SystemExit(0), GeneratorExit()):
        with pytest.raises(type(exception)), tracker.track(classify=classify, ignore=Retry):
            raise exception

    assert counted(tracker) == (1, 0)


@pytest.mark.parametrize("wrong", [ZeroDivisionError, "yes", 1, 0])
def test_a_function_that_fails_makes_the_event_bad(
    tracker: SLOTracker, wrong: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The exception of the block goes on all the same, and the log says it once."""

    def classify(exception: BaseException) -> bool:
        if wrong is ZeroDivisionError:
            raise ZeroDivisionError
        return wrong  # type: ignore[return-value]

    with caplog.at_level(logging.ERROR), pytest.raises(LookupError), tracker.track(classify=classify):
        raise LookupError

    assert counted(tracker) == (0, 1)
    (record,) = caplog.records
    assert record.getMessage().startswith("track(classify=) ")


@pytest.mark.parametrize("ignore", [None, "Retry", (Retry, "Ignore"), [Retry], Retry(), int])
def test_what_is_ignored_is_an_exception_class(tracker: SLOTracker, ignore: object) -> None:
    """Said where the block is written."""
    with pytest.raises(TypeError, match=r"track\(ignore=\): expected an exception class or a tuple of them, got "):
        tracker.track(ignore=ignore)  # type: ignore[arg-type]


def test_what_decides_can_be_called(tracker: SLOTracker) -> None:
    """Said where the block is written."""
    with pytest.raises(
        TypeError, match=r"track\(classify=\): expected a function that takes an exception .*, got True"
    ):
        tracker.track(classify=True)  # type: ignore[arg-type]


def test_an_exit_called_by_hand_without_the_exception_is_bad(tracker: SLOTracker) -> None:
    """Nothing says that the code was 0."""
    tracker.track(classify=lambda exception: True).__exit__(SystemExit, None, None)

    assert counted(tracker) == (0, 1)
