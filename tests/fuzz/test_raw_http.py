"""Bytes that are no request, sent to real servers: they live on, nothing of ours complains, and the counts are right."""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fleet_client import scrape
from raw_http import send_raw
from slo_servers import HOST, Server, fetch, free_port, python, soon, start_server

SUPPORT = Path(__file__).parents[1] / "support"
MUTATIONS = 5_000 if os.environ.get("SLO_LONG_TESTS") else 150


def request(start: bytes, *lines: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([start + b" HTTP/1.1", b"Host: shop.test", *lines, b"Connection: close", b"", body])


CASES = {
    "nothing wrong": request(b"GET /ok"),
    "two at once": b"GET /ok HTTP/1.1\r\nHost: a\r\n\r\n" + request(b"GET /bad"),
    "a length that is text": request(b"POST /ok", b"Content-Length: a lot"),
    "a length below nothing": request(b"POST /ok", b"Content-Length: -1"),
    "a length of 5,000 digits": request(b"GET /ok", b"Content-Length: " + b"9" * 5000),
    "two lengths": request(b"GET /ok", b"Content-Length: 1", b"Content-Length: 2", body=b"ab"),
    "a length and chunks": request(b"POST /ok", b"Content-Length: 4", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "chunks that are none": request(b"POST /ok", b"Transfer-Encoding: chunked", body=b"zz\r\nabc"),
    "less than the length": request(b"POST /ok", b"Content-Length: 100", body=b"abc"),
    "less than the length of a GET": request(b"GET /ok", b"Content-Length: 100", body=b"abc"),
    "an unknown method": request(b"FOO /ok"),
    "a method in lower case": request(b"get /ok"),
    "a method of 3,000 letters": request(b"A" * 3000 + b" /ok"),
    "a method with a null byte": request(b"G\0T /ok"),
    "HEAD": request(b"HEAD /ok"),
    "OPTIONS of the server": request(b"OPTIONS *"),
    "CONNECT": request(b"CONNECT shop.test:80"),
    "a path of 64 KiB": request(b"GET /" + b"a" * 65_536),
    "a query of 64 KiB": request(b"GET /ok?" + b"a" * 65_536),
    "a path that is no UTF-8": request(b"GET /ok\xff\xfe"),
    "a quoted path that is no UTF-8": request(b"GET /ok%ff%fe"),
    "line feeds in the query": request(b"GET /ok?%zz%0d%0aSet-Cookie:%20a=b"),
    "line feeds in the path": request(b"GET /ok%0d%0aSet-Cookie:%20a=b"),
    "a null byte in the path": request(b"GET /ok%00"),
    "a null byte in a header": request(b"GET /ok", b"X: \0"),
    "a header that is no text": request(b"GET /ok", b"X-\xff: \xff"),
    "a value that is no UTF-8": request(b"GET /ok", b"Accept: \xff\xfe", b"Accept-Encoding: \xff"),
    "a folded header": request(b"GET /ok", b"X: a", b" b"),
    "a header without a colon": request(b"GET /ok", b"Host a"),
    "500 headers": request(b"GET /ok", *(b"X-%d: a" % number for number in range(500))),
    "a header of 100 KB": request(b"GET /ok", b"X: " + b"a" * 100_000),
    "no host": b"GET /ok HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": request(b"GET /ok", b"Host: elsewhere.test"),
    "a request of 1991": b"GET /ok\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/9.9": b"GET /ok HTTP/9.9\r\nHost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(100)),
    "an absolute address": request(b"GET http://shop.test/ok"),
    "null bytes": b"\0" * 100,
    "half a header": b"GET /ok HTTP/1.1\r\nHo",
    "half a line": b"GET /o",
    "line feeds alone": b"GET /ok HTTP/1.1\nHost: a\nConnection: close\n\n",
    "an upgrade": request(b"GET /ok", b"Upgrade: websocket"),
    "an expectation": request(b"POST /ok", b"Expect: 100-continue", b"Content-Length: 3", body=b"abc"),
    "strange names of metrics": request(b"GET /metrics?name[]=%ff&name[]=%00&name[]=&%",
    b"Accept: \xff;version=abc;q=x"),
    "strange versions of metrics": request(b"GET /metrics",
    b"Accept: application/openmetrics-text;version=abc;escaping=x"),
    "a strange token": request(b"GET /metrics", b"Authorization: Bearer \xff\xfe"),
}  # fmt: skip

# Refused by whoever looks at the request before a route has been found: these are no events.
UNCOUNTED = {100, 404, 414, 431}


@dataclass
class Attacked:
    """A server, and how far it has counted."""

    server: Server
    log: Path

    def counts(self) -> tuple[int, int]:
        """Good and bad events."""
        samples = scrape(self.server.port)
        found = {dict(labels)["outcome"]: int(value) for (name, labels), value in samples.items()
                 if name == "slo_events_total" and dict(labels)["slo"] == "availability"}  # fmt: skip
        return found["good"], found["bad"]

    def handled(self) -> int:
        """Requests that have reached a view of the application."""
        return len(self.log.read_text(encoding="ascii").splitlines()) if self.log.exists() else 0

    def is_well(self) -> None:
        """It answers, and nothing of ours has gone wrong."""
        assert fetch(f"{self.server.url}/ok") == b"ok"
        (swallowed,) = [
            value for (name, _), value in scrape(self.server.port).items() if name == "slo_internal_errors_total"
        ]
        assert swallowed == 0
        lines = self.server.output().splitlines()
        # Tracebacks go through our middleware; none may end in it.
        ours = ("slo_core", "slo_asgi", "slo_flask", "slo_django")
        ends = [
            where
            for where, error in itertools.pairwise(lines)
            if where.startswith("  File ") and not error.startswith(" ")
        ]
        assert not [where for where in ends if any(f"{os.sep}{name}{os.sep}" in where for name in ours)]
        assert not [line for line in lines if " so far)" in line]


SERVERS = {
    "uvicorn": ["uvicorn", "--no-access-log", "--http", "h11", "--factory", "fleet_service:asgi_app"],
    "gunicorn-sync": ["gunicorn", "-k", "sync", "fleet_service:flask_app()"],
    "gunicorn-gthread-django": ["gunicorn", "-k", "gthread", "--threads", "2", "fleet_service:django_wsgi()"],
}


@pytest.fixture(scope="module", params=SERVERS)
def attacked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """Each server, with one worker that counts in its own memory."""
    port, log = free_port(), tmp_path_factory.mktemp("raw") / "answers"
    name, *arguments = SERVERS[request.param]
    address = ["--port", str(port)] if name == "uvicorn" else ["-b", f"{HOST}:{port}"]
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
    environment = {"PYTHONPATH": str(SUPPORT), "SERVICE_LOG": str(log), "SERVICE_DATABASE": json.dumps(database)}
    command = python("-m", name, *address, *arguments)
    with start_server(command, port=port, ready="/nowhere", env=environment) as server:
        yield Attacked(server, log)


def test_malformed_requests_are_no_trouble(attacked: Attacked) -> None:
    """What reached a view is counted, what a server has refused is not, and only an answer of 500 is bad."""
    for name, sent in CASES.items():
        (good, bad), handled = attacked.counts(), attacked.handled()

        answers = send_raw(attacked.server.port, sent)

        good, bad = attacked.counts()[0] - good, attacked.counts()[1] - bad
        handled = attacked.handled() - handled
        at_most = sum(status not in UNCOUNTED for status in answers)
        assert handled <= good + bad <= max(handled, at_most), (name, answers)
        assert bad == answers.count(500), (name, answers)
    attacked.is_well()


def test_requests_in_pieces_and_clients_that_go_away(attacked: Attacked) -> None:
    """A slow client is served; one that leaves midway costs nothing."""
    good, bad = attacked.counts()
    whole = request(b"GET /ok", b"X: " + b"a" * 100)

    for size in (1, 7, 50):
        pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
        assert send_raw(attacked.server.port, *pieces) == [200]
    for end in range(0, len(whole) - 1, 9):
        send_raw(attacked.server.port, whole[:end], hang_up=True)

    attacked.is_well()
    expected = (good + 3 + 1, bad)  # and the one that `is_well` sends
    assert soon(attacked.counts, expected) == expected


def test_requests_with_a_few_wrong_bytes(attacked: Attacked) -> None:
    """Requests of all kinds, each with some bytes changed, taken out or doubled; the same ones in each run."""
    chooser = random.Random(0)
    start, handled_before, answered = attacked.counts(), attacked.handled(), 0
    for _ in range(MUTATIONS):
        wrong = bytearray(chooser.choice([case for case in CASES.values() if len(case) < 500]))
        for _ in range(chooser.randint(1, 4)):
            place = chooser.randrange(len(wrong) + 1)
            wrong[place : place + chooser.randint(0, 2)] = chooser.choice(
                [bytes([chooser.randrange(256)]), b"\r\n", b"\r\n\r\n", b"\0", b": ", b"%", b"", b" "]
            )
        answers = send_raw(attacked.server.port, bytes(wrong))
        answered += sum(status not in UNCOUNTED for status in answers)

    good, bad = attacked.counts()
    handled = attacked.handled() - handled_before
    assert handled <= good + bad - sum(start) <= answered
    attacked.is_well()
