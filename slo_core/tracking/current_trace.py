"""The trace in which something happens, where the application uses OpenTelemetry."""

from __future__ import annotations

from sys import modules

__all__ = ["current_trace"]


def current_trace() -> int | None:
    """
    The trace id of the current OpenTelemetry span; None without one.

    OpenTelemetry is never imported here: an application that uses it has done so. What it answers is not looked at yet, and it
    may raise nothing here.
    """
    opentelemetry = modules.get("opentelemetry.trace")
    if opentelemetry is None:
        return None
    try:
        return opentelemetry.get_current_span().get_span_context().trace_id or None
    except Exception:  # half imported, or a span of another package: the failure is noted without a trace
        return None
