"""The trace of the current span, with the SDK of OpenTelemetry and without it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from slo_core import SLODefinition, SLORegistry
from slo_core.tracking.current_trace import current_trace


def test_the_current_span_names_its_trace() -> None:
    """None outside of a span."""
    assert current_trace() is None
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        assert current_trace() == span.get_span_context().trace_id
    assert current_trace() is None


def test_a_span_that_raises_is_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of an application may replace the context of OpenTelemetry by anything."""

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(trace, "get_current_span", fail)

    assert current_trace() is None


def test_tracked_blocks_and_recorded_failures_have_the_trace_of_their_span() -> None:
    """`track`, `record_failure` with a cause and without, `record`, and a time of the past."""
    registry = SLORegistry()
    tracker = registry.define(SLODefinition("jobs", 0.9))
    tracer = TracerProvider().get_tracer("test")

    @tracker.track()
    def job() -> None:
        raise ValueError("a secret")

    with tracer.start_as_current_span("work") as span:
        with pytest.raises(ValueError, match="secret"):
            job()
        tracker.record_failure(cause="charge_card")
        tracker.record_failure()
        tracker.record(False)
        tracker.record_failure(at=tracker.internals.clock() - 60, cause="late")
        tracker.record_success()
    tracker.record_failure(cause="outside")

    failures = tracker.recent_failures()
    traces = [None if failure.trace_id is None else int(failure.trace_id, 16) for failure in failures]
    assert traces == [None, *[span.get_span_context().trace_id] * 5]
    causes = [None if failure.cause is None else failure.cause.outcome for failure in failures]
    assert causes == ["failed", None, None, "failed", "ValueError", "failed"]
    assert "secret" not in repr(failures)


def test_opentelemetry_is_never_imported_here() -> None:
    """Where the application does not use it, a bad event is noted without a trace."""
    code = (
        "import sys\nfrom slo_core import *\nt = SLORegistry().define(SLODefinition('a', 0.9))\nt.record_failure(cause='x')\n"
        "assert t.recent_failures()[0].trace_id is None\nprint([n for n in sys.modules if n.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("[]\n", "")
