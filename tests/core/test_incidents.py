"""What goes wrong inside the library: logged once a minute, counted always."""

from __future__ import annotations

import logging
import threading

import pytest

from slo_core.incidents import Incidents
from slo_core.testing import FakeClock


@pytest.fixture
def incidents(clock: FakeClock) -> Incidents:
    return Incidents(clock=clock)


def test_each_trouble_is_logged_once_a_minute_and_counted_always(
    incidents: Incidents, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Four a second for 65 seconds: two lines, 260 counted; another trouble has lines of its own."""
    for _ in range(260):
        incidents.report("the milk is sour")
        clock.advance(0.25)
    incidents.report("the tea is cold")

    assert incidents.total == 261
    assert [record.getMessage() for record in caplog.records] == [
        "the milk is sour (1 so far)", "the milk is sour (241 so far)", "the tea is cold (1 so far)",
    ]  # fmt: skip
    assert {(record.name, record.levelno) for record in caplog.records} == {("slo_core", logging.ERROR)}


def test_the_cause_is_logged_with_its_traceback(incidents: Incidents, caplog: pytest.LogCaptureFixture) -> None:
    """Who reads the log finds the line."""
    try:
        raise LookupError("no such cow")
    except LookupError as exc:
        incidents.report("the milk is sour", exc)

    assert "LookupError: no such cow" in caplog.text
    assert "test_incidents.py" in caplog.text


def test_nothing_is_held_while_logging(incidents: Incidents) -> None:
    """A handler is somebody else's code: it may report in turn, or read the total."""
    seen = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not seen:
                seen.append(incidents.total)
                incidents.report("in turn")

    handler = Handler()
    logger = logging.getLogger("slo_core")
    logger.addHandler(handler)
    try:
        thread = threading.Thread(target=incidents.report, args=("first",))
        thread.start()
        thread.join(timeout=60)
    finally:
        logger.removeHandler(handler)

    assert not thread.is_alive()
    assert seen == [1]
    assert incidents.total == 2


def test_a_log_that_fails_is_nobodys_trouble(incidents: Incidents) -> None:
    """The report comes from inside a request, whose response must go out."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError("disk full")

    handler = Handler()
    logger = logging.getLogger("slo_core")
    logger.addHandler(handler)
    try:
        incidents.report("the milk is sour", LookupError())
    finally:
        logger.removeHandler(handler)

    assert incidents.total == 1


def test_reports_from_many_threads_are_all_counted(incidents: Incidents) -> None:
    """4 x 1,000."""
    threads = [
        threading.Thread(target=lambda: [incidents.report("the milk is sour") for _ in range(1000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert incidents.total == 4000
