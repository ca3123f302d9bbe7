"""A middleware that begins and ends spans as OpenTelemetry's does: before the response is sent."""

from __future__ import annotations

from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.decorators import sync_and_async_middleware

from traced_apps import Tracing

# Middlewares are named by their path, and get no arguments.
tracing = Tracing()


@sync_and_async_middleware
def in_spans(get_response: Any) -> Any:
    """A span from the request to the response."""

    async def respond_async(request: Any) -> Any:
        with tracing.tracer.start_as_current_span("request"):
            return await get_response(request)

    def respond(request: Any) -> Any:
        with tracing.tracer.start_as_current_span("request"):
            return get_response(request)

    return respond_async if iscoroutinefunction(get_response) else respond
