"""What goes wrong inside the library: logged once a minute, counted always."""

from __future__ import annotations

import logging
import threading

import pytest

from slo_core.errors import StoreError
from slo_core.process.internal_errors import InternalErrors
from slo_core.testing import FakeClock


@pytest.fixture
def internal_errors(clock: FakeClock) -> InternalErrors:
    return InternalErrors(clock=clock)


def test_each_trouble_is_logged_once_a_minute_and_counted_always(
    internal_errors: InternalErrors, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Four a second for 65 seconds: two lines, 260 counted; another trouble has lines of its own."""
    for _ in range(260):
        internal_errors.report("the milk is sour")
        clock.advance(0.25)
    internal_errors.report("the tea is cold")

    assert internal_errors.total == 261
    assert [record.getMessage() for record in caplog.records] == [
        "the milk is sour (1 so far)", "the milk is sour (241 so far)", "the tea is cold (1 so far)",
    ]  # fmt: skip
    assert {(record.name, record.levelno) for record in caplog.records} == {("slo_core", logging.ERROR)}


def test_the_cause_is_logged_with_its_traceback(
    internal_errors: InternalErrors, caplog: pytest.LogCaptureFixture
) -> None:
    """Who reads the log finds the line."""
    try:
        raise LookupError("no such cow")
    except LookupError as exc:
        internal_errors.report("the milk is sour", exc)

    assert "LookupError: no such cow" in caplog.text
    assert "test_internal_errors.py" in caplog.text


def test_nothing_is_held_while_logging(internal_errors: InternalErrors) -> None:
    """A handler is other people's code: it may report in turn, or read the total."""
    seen = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not seen:
                seen.append(internal_errors.total)
                internal_errors.report("in turn")

    handler = Handler()
    logger = logging.getLogger("slo_core")
    logger.addHandler(handler)
    try:
        thread = threading.Thread(target=internal_errors.report, args=("first",))
        thread.start()
        thread.join(timeout=60)
    finally:
        logger.removeHandler(handler)

    assert not thread.is_alive()
    assert seen == [1]
    assert internal_errors.total == 2


def test_a_log_that_fails_is_nobodys_trouble(internal_errors: InternalErrors) -> None:
    """The report comes from inside a request, whose response must go out."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("disk full")

    handler = Handler()
    logger = logging.getLogger("slo_core")
    logger.addHandler(handler)
    try:
        internal_errors.report("the milk is sour", LookupError())
    finally:
        logger.removeHandler(handler)

    assert internal_errors.total == 1


def test_reports_from_many_threads_are_all_counted(internal_errors: InternalErrors) -> None:
    """4 x 1,000."""
    threads = [
        threading.Thread(target=lambda: [internal_errors.report("the milk is sour") for _ in range(1000)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert internal_errors.total == 4000


def test_a_store_that_is_away_is_logged_and_no_error_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    """An alert on internal errors is for faults of this library. Its text is enough: a traceback would look like one."""
    internal_errors = InternalErrors()

    internal_errors.report("the store could not be read for a scrape", StoreError("redis://shop: connection refused"))

    assert internal_errors.total == 0
    (record,) = caplog.records
    assert record.getMessage().startswith("the store could not be read for a scrape: redis://shop: connection refused")
    assert record.exc_info is None
