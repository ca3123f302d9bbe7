"""Spans of the OpenTelemetry SDK around requests, begun and ended where its instrumentations do so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

__all__ = ["Tracing", "in_spans_asgi", "in_spans_wsgi"]


class Tracing:
    """Spans that are kept in memory; no provider of the process is set."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = provider.get_tracer("test")

    @property
    def trace_ids(self) -> list[str]:
        """Of the spans that have ended, each once, in their order."""
        ids = [span.get_span_context().trace_id for span in self._exporter.get_finished_spans()]
        return list(dict.fromkeys(f"{trace_id:032x}" for trace_id in ids))


def in_spans_asgi(app: Any, tracing: Tracing) -> Any:
    """A span for each request, and one within it for each message that is sent."""

    async def traced(scope: Any, receive: Any, send: Any) -> None:
        async def traced_send(message: Any) -> None:
            with tracing.tracer.start_as_current_span("send"):
                await send(message)

        with tracing.tracer.start_as_current_span("request"):
            await app(scope, receive, traced_send)

    return traced


def in_spans_wsgi(app: Any, tracing: Tracing) -> Any:
    """A span that is the current one while the application is called, and not while its body is sent."""

    def traced(environ: Any, start_response: Any) -> Iterable[bytes]:
        with tracing.tracer.start_as_current_span("request"):
            body: Iterable[bytes] = app(environ, start_response)
        return body

    return traced
