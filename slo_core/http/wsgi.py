"""Answers of the core's views, sent through WSGI."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from slo_core.http.answer import Answer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

__all__ = ["send_answer", "view_arguments"]


def view_arguments(environ: WSGIEnvironment) -> dict[str, str]:
    """The arguments that every view of the core takes from a request."""
    return {
        "query": environ.get("QUERY_STRING", ""),
        "authorization": environ.get("HTTP_AUTHORIZATION", ""),
        "accept_encoding": environ.get("HTTP_ACCEPT_ENCODING", ""),
    }


def send_answer(start_response: StartResponse, answer: Answer) -> Iterable[bytes]:
    """Send an answer to the server."""
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", list(answer.headers))
    return [answer.body] if answer.body else []
