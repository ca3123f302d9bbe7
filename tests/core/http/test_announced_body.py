"""A body with a Content-Length is whole with its last byte."""

from __future__ import annotations

from typing import Any

import pytest

from slo_core.http.announced_body import AnnouncedBody

ANNOUNCED = [(b"X-Other", b"1"), (b"Content-Length", b"5")]


@pytest.mark.parametrize(
    ("headers", "chunks", "whole_with"),
    [
        (ANNOUNCED, [b"ab", b"cde"], 1),
        (ANNOUNCED, [b"abcde", b""], 0),
        (ANNOUNCED, [b"ab", b"", b"c"], None),
        (ANNOUNCED, [b"ab", None, b"cde"], None),  # a file, of a length that its message does not tell
        ([(b"content-length", b"0")], [b""], 0),
        ([(b"content-length", b"five")], [b"abcde"], None),
        ([], [b"abcde"], None),
    ],
)
def test_it_is_whole_with_the_byte_that_reaches_the_length(
    headers: Any, chunks: list[bytes | None], whole_with: int | None
) -> None:
    """And never before; where none was announced, the message that ends it decides."""
    body = AnnouncedBody({"headers": headers})
    messages: list[dict[str, Any]] = [{"file": 7} if chunk is None else {"body": chunk} for chunk in chunks]

    whole = [body.is_whole_with(message) for message in messages]

    assert whole == [whole_with is not None and index >= whole_with for index in range(len(chunks))]
