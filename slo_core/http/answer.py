"""Answers of the core's views, and their authorization: HTTP without any framework."""

from __future__ import annotations

import base64
import binascii
import gzip
import hmac
from dataclasses import dataclass

__all__ = [
    "Answer",
    "answered",
    "checked_token",
    "is_authorized",
    "may_compress",
    "method_not_allowed",
    "plain_text",
]

_NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
_NO_STORE = ("Cache-Control", "no-store")


@dataclass(frozen=True, slots=True)
class Answer:
    """
    The answer to a request, for an integration to send.

    Attributes:
        status: HTTP status.
        headers: Names and values, Content-Type and Content-Length among them.
        body: Empty for HEAD.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def answered(
    method: str, status: int, content_type: str, body: bytes, *headers: tuple[str, str], accept_encoding: str = ""
) -> Answer:
    """
    An answer with its length; compressed where the client accepts that.

    Browsers must not guess another content type, and nothing may cache the answer unless `headers` has a Cache-Control.

    Args:
        method: Of the request: HEAD gets no body.
        status: HTTP status.
        content_type: Of the body.
        body: The body for GET.
        headers: More headers.
        accept_encoding: The client's header.
    """
    more = [*headers, _NO_SNIFFING]
    if not any(name == _NO_STORE[0] for name, _ in headers):
        more.append(_NO_STORE)
    if may_compress(accept_encoding):
        body = gzip.compress(body, compresslevel=5)
        more.append(("Content-Encoding", "gzip"))
    every = (("Content-Type", content_type), ("Content-Length", str(len(body))), *more)
    return Answer(status, every, b"" if method == "HEAD" else body)


def plain_text(method: str, status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """An answer that is one line of text for people."""
    return answered(method, status, "text/plain; charset=utf-8", text.encode("utf-8", "replace"), *headers)


def method_not_allowed(method: str) -> Answer | None:
    """405 with the methods that every view answers, GET and HEAD; None for these two."""
    if method in ("GET", "HEAD"):
        return None
    return plain_text(method, 405, "method not allowed: use GET or HEAD\n", ("Allow", "GET, HEAD"))


def may_compress(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for offer in accept_encoding.split(","):
        coding, _, parameters = offer.partition(";")
        if coding.strip().lower() == "gzip":
            return parameters.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def checked_token(token: str | None) -> str | None:
    """
    The token of a view, unchanged.

    Raises:
        ValueError: It is no text, or empty, like a variable that was not set: an empty token would let everybody in.
    """
    if token is not None and not (isinstance(token, str) and token):
        raise ValueError("token=: expected non-empty text, or None to ask for none")
    return token


def is_authorized(authorization: str, token: str | None, *, or_basic: bool = False) -> bool:
    """
    Whether an Authorization header holds the token.

    Args:
        authorization: The header.
        token: The token that must be sent; None asks for none.
        or_basic: Accept it as the password of Basic too, with any name: browsers ask people for that.
    """
    if token is None:
        return True
    scheme, _, credentials = authorization.partition(" ")
    sent = credentials.strip()
    if or_basic and scheme.lower() == "basic":
        try:
            sent = base64.b64decode(sent, validate=True).decode("utf-8", "backslashreplace").partition(":")[2]
        except (binascii.Error, ValueError):
            return False
    elif scheme.lower() != "bearer":
        return False
    # Bytes, because compare_digest refuses text beyond ASCII. Servers hand over any header's bytes as Latin-1 text,
    # so a token that was sent as UTF-8 is its own bytes again in Latin-1.
    expected = token.encode("utf-8", "backslashreplace")
    as_text = hmac.compare_digest(sent.encode("utf-8", "backslashreplace"), expected)
    as_bytes = hmac.compare_digest(sent.encode("latin-1", "backslashreplace"), expected)
    return as_text or as_bytes
