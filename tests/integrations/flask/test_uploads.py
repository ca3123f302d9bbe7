"""Clients that go away while they upload to a Flask application."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, request

from flask_service import Service
from uploads import BrokenUpload

RESET = ConnectionResetError(104, "reset")
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=part"
FILE = b'--part\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhello\r\n--part--\r\n'

READS: dict[str, tuple[Callable[[], object], str, bytes]] = {
    "data": (lambda: request.get_data(), "text/plain", b"hello"),
    "stream": (lambda: request.stream.read(), "text/plain", b"hello"),
    "form": (lambda: request.form["a"], FORM, b"a=hello"),
    "files": (lambda: request.files["file"].read(), PARTS, FILE),
    "json": (lambda: request.get_json(), "application/json", b'{"a": 1}'),
    "json, silently": (lambda: request.get_json(silent=True), "application/json", b'{"a": 1}'),
}


def upload(read: Callable[[], object], kind: str, stream: Any, length: int | None, **config: Any) -> Service:
    """An application that got one upload, and two SLOs of which one takes a 400 for a failure."""
    app = Flask("shop")

    @app.post("/")
    def view() -> str:
        read()
        return "thank you"

    definitions = {"availability": {"target": 0.9}, "strict": {"target": 0.9, "bad_statuses": ["4xx", "5xx"]}}
    service = Service(app, definitions, **config)
    if length is None:
        announced: dict[str, Any] = {"HTTP_TRANSFER_ENCODING": "chunked"}
    else:
        announced = {"CONTENT_LENGTH": str(length)}
    # gunicorn and others say so: then Werkzeug takes a part of the body for the whole.
    announced["wsgi.input_terminated"] = True
    service.ask("POST", CONTENT_TYPE=kind, **announced, **{"wsgi.input": stream})
    assert service.registry.internals.errors.total == 0
    return service


@pytest.mark.parametrize(("read", "kind", "body"), READS.values(), ids=READS)
@pytest.mark.parametrize("error", [RESET, None], ids=["reset", "end"])
@pytest.mark.parametrize("testing", [False, True])
def test_an_upload_that_breaks_off_is_left_out(
    read: Callable[[], object], kind: str, body: bytes, error: OSError | None, testing: bool
) -> None:
    """Whatever the view reads, and whatever Flask makes of it: 400, 500, an exception, or a part taken for the whole."""
    for sent in (b"", body[:3]):
        service = upload(read, kind, io.BufferedReader(BrokenUpload(sent, error)), len(body), TESTING=testing)

        assert service.events == []


@pytest.mark.parametrize(("read", "kind", "body"), READS.values(), ids=READS)
def test_a_chunked_upload_that_breaks_off_is_left_out(read: Callable[[], object], kind: str, body: bytes) -> None:
    """Its length is not announced; the server's error tells."""
    service = upload(read, kind, io.BufferedReader(BrokenUpload(body[:3], RESET)), None)

    assert service.events == []


@pytest.mark.parametrize(("read", "kind", "body"), READS.values(), ids=READS)
@pytest.mark.parametrize("is_chunked", [False, True])
def test_an_upload_that_arrives_is_good(read: Callable[[], object], kind: str, body: bytes, is_chunked: bool) -> None:
    """And the view gets it whole."""
    service = upload(read, kind, io.BytesIO(body), None if is_chunked else len(body))

    assert (service.counts("availability"), service.counts("strict")) == ((1, 0), (1, 0))


@pytest.mark.parametrize(
    ("read", "kind", "body"),
    [
        (READS["json"][0], "application/json", b'{"a": '),
        (READS["form"][0], FORM, b"b=hello"),
        (READS["files"][0], PARTS, FILE[:20]),
    ],
    ids=["json", "form", "files"],
)
def test_a_malformed_body_counts(read: Callable[[], object], kind: str, body: bytes) -> None:
    """It arrived: the 400 is an answer, and a failure where the SLO says so."""
    service = upload(read, kind, io.BytesIO(body), len(body))

    assert (service.counts("availability"), service.counts("strict")) == ((1, 0), (0, 1))


def test_a_latency_slo_counts_a_client_that_gave_up_after_the_threshold() -> None:
    """As with every client that goes away."""
    app = Flask("shop")
    service = Service(app, {"latency": {"target": 0.9, "latency": "300ms"}})

    @app.post("/")
    def view() -> str:
        service.clock.advance(1)
        return str(len(request.get_data()))

    service.ask("POST", CONTENT_LENGTH="5", **{"wsgi.input": BrokenUpload()})

    assert service.counts("latency") == (0, 1)
