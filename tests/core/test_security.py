"""Requests as attacks: each has a row in SECURITY.md, which says what the library does about it."""

from __future__ import annotations

import hmac
import re
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.cli.exporter import exporter
from slo_core.http.answer import is_authorized
from slo_core.http.counter_group import CounterGroups
from slo_core.http.globs import compile_globs
from slo_core.http.matching import MatchedSLOs
from slo_core.http.recorder import HTTPRecorder, RouteMatch
from slo_core.metrics.server import MetricsServer
from slo_core.metrics.view import MetricsView
from slo_core.metrics.wsgi import metrics_wsgi_app
from slo_core.process.internal_errors import InternalErrors
from slo_core.status_page.links import relative_links
from slo_core.status_page.page import StatusPage
from slo_core.status_page.view import StatusView
from slo_core.testing import FakeClock

MEGABYTE = 1_000_000


@pytest.fixture
def registry(clock: FakeClock) -> SLORegistry:
    return SLORegistry.from_config({f"slo-{number}": {"target": "99%"} for number in range(20)}, clock=clock)


ODD_HEADERS = [
    "", " ", "Bearer", "Bearer ", "bearer\t", "Bearer \xff\xfe", "Bearer \udcff", "Bearer \x00", "Bearer \r\nX: y", "Basic",
    "Basic \xff", "Basic ====", "Basic Og==", "Basic " + "A" * MEGABYTE, "Bearer " + "\xe9" * MEGABYTE, "Digest s3cret",
    "s3cret", "\x00", "🔥", "Bearer s3cret2", "Bearer s3cre", "Bearer s3cret, s3cret",
]  # fmt: skip


# Tokens.


@pytest.mark.parametrize("header", ODD_HEADERS, ids=range(len(ODD_HEADERS)))
def test_odd_authorization_headers_open_nothing(registry: SLORegistry, header: str) -> None:
    """401, whatever bytes a client sends: never an error, never a way in."""
    assert MetricsView(registry, token="s3cret").respond("GET", authorization=header).status == 401
    view = StatusView(registry, path="/slo", token="s3cret")
    assert view.respond_page("GET", authorization=header).status == 401
    assert view.respond_json("GET", authorization=header).status == 401


@pytest.mark.parametrize("sent", ["s3cret", "s3creT", "x"])
def test_tokens_are_compared_in_constant_time(sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """By `hmac.compare_digest`: how long an answer takes does not say how much of a guess was right."""
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *both: compared.append(both) or compare(*both))

    assert is_authorized(f"Bearer {sent}", "s3cret") is (sent == "s3cret")

    assert compared == [(sent.encode(), b"s3cret")] * 2


@pytest.mark.parametrize("token", ["", b"s3cret", 5])
def test_an_empty_token_is_refused(registry: SLORegistry, token: Any) -> None:
    """It is that of a variable which was not set, and would let in everybody who sends none."""
    with pytest.raises(ValueError, match="expected non-empty text"):
        MetricsView(registry, token=token)
    with pytest.raises(ValueError, match="expected non-empty text"):
        StatusView(registry, path="/slo", token=token)
    assert not is_authorized("", "")


ODD_ACCEPTS = [
    "application/openmetrics-text; version=9.9.9\r\nX-Injected: 1",
    "application/openmetrics-text; version=9.9.9\r\n\tX-Injected: 1",
    "application/openmetrics-text; version=abc",
    "application/openmetrics-text; version=1.0.0\x00",
    "application/openmetrics-text; version=\xff",
    "application/openmetrics-text; version=٤.٢",
    'application/openmetrics-text; version="1.0.0"',
    "application/openmetrics-text; version=1.0.0; version=<b>",
    "application/openmetrics-text; version=" + "9" * 5000,
    "application/openmetrics-text; version=; escaping=\r\n",
    "text/plain; version=x",
    "text/plain; version=1.0.0; escaping=<script>",
    "\xff\xfe;;;===,,,",
    "," * MEGABYTE,
    "text/plain;version=0.0.4," * (MEGABYTE // 25),
    "text/plain" + ";a=b" * (MEGABYTE // 4),
]


# Headers.


@pytest.mark.parametrize("accept", ODD_ACCEPTS, ids=range(len(ODD_ACCEPTS)))
def test_nothing_of_an_odd_accept_header_comes_back(registry: SLORegistry, accept: str) -> None:
    """200 in a format that there is; the answer's Content-Type repeats no more than the number of a version."""
    answer = MetricsView(registry).respond("GET", accept=accept)

    assert answer.status == 200
    shape = r"(text/plain|application/openmetrics-text); version=[0-9.]{1,15}; charset=utf-8(; escaping=underscores)?"
    assert re.fullmatch(shape, dict(answer.headers)["Content-Type"])


def answers(registry: SLORegistry, name: str) -> Iterator[Any]:
    metrics, status = MetricsView(registry, token="s3cret"), StatusView(registry, path="/slo", token="s3cret")
    for method in ("GET", "HEAD", "POST", "B\r\nAD"):
        for authorization in ("", "Bearer s3cret"):
            yield metrics.respond(method, authorization=authorization)
            for query in ("", f"slo={name}", "slo=slo-1", f"state={name}&sort={name}"):
                yield status.respond_page(method, query=query, authorization=authorization)
                yield status.respond_json(method, query=query, authorization=authorization)
        yield status.respond_asset(method, "slo.js")
        yield status.respond_asset(method, name)


def test_no_answer_can_be_taken_for_another_type_or_kept(registry: SLORegistry) -> None:
    """Also one of 404 that repeats what was asked; and no header of any holds a line break or what a client has sent."""
    for answer in answers(registry, "%0d%0aX-Injected:%201<script>"):
        headers = dict(answer.headers)
        assert len(headers) == len(answer.headers)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] in ("no-store", "no-cache")
        assert not any("\r" in value or "\n" in value or "njected" in value for value in headers.values())
        assert "Location" not in headers
        assert "Content-Disposition" not in headers
        assert "Set-Cookie" not in headers


def test_no_other_site_may_frame_the_page(registry: SLORegistry) -> None:
    """Nor may it load anything from elsewhere, or send a form; nor do links tell where they stood."""
    answer = StatusView(registry, path="/slo").respond_page("GET")

    policy = dict(answer.headers)["Content-Security-Policy"].split("; ")
    assert policy == ["default-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'self'"]
    assert dict(answer.headers)["Referrer-Policy"] == "same-origin"


# The page.


@pytest.mark.parametrize(
    "runbook",
    [
        "javascript:alert(1)", "JaVaScRiPt:alert(1)", " javascript:alert(1)", "java\nscript:alert(1)",
        "\x01javascript:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "//evil.example", "HTTPS://x",
    ],
)  # fmt: skip
def test_only_addresses_of_the_web_are_links(clock: FakeClock, runbook: str) -> None:
    """However a browser would read them; they are shown as text."""
    registry = SLORegistry.from_config({"a": {"target": "99%", "runbook": runbook, "dashboard": runbook}}, clock=clock)

    html = StatusPage(registry).detail("a", {}, links=relative_links("slo")).html

    assert all(address.startswith("slo") for address in re.findall(r'href="([^"]*)"', html))


@pytest.mark.parametrize(
    "name", ["javascript:alert(1)", '" onload="x', "//evil.example/", "../../admin", "a&b=c#d", "\\\\evil"]
)
def test_addresses_in_the_page_stay_below_it(clock: FakeClock, name: str) -> None:
    """Those of links, of files, and the one that the script asks for numbers: a name is a parameter of them, nothing else."""
    registry = SLORegistry.from_config({name: {"target": "99%"}}, clock=clock)
    view = StatusView(registry, path="/internal/slo")
    query = relative_links("slo").detail(name, {}).partition("?")[2]

    html = view.respond_page("GET").body.decode() + view.respond_page("GET", query=query).body.decode()

    addresses = re.findall(r'(?:href|src|data-json)="([^"]*)"', html)
    assert len(addresses) > 25
    assert all(re.match(r"slo(\.json|/[a-z.]+)?(\?|$)", address) for address in addresses)


HUGE_QUERIES = [
    "slo=" + "x" * MEGABYTE, "slo=" + "%F0%9F%94%A5" * (MEGABYTE // 12), "state=" + "x" * MEGABYTE, "sort=" + "-" * MEGABYTE,
    "sort=" + "x" * MEGABYTE, "range=" + "x" * MEGABYTE, "slo=slo-1&range=" + "x" * MEGABYTE, "&" * MEGABYTE, "%" * MEGABYTE,
    "&".join(f"a{number}=1" for number in range(50_000)), "slo=slo-1&" + "&".join(f"a{number}=1" for number in range(50_000)),
    "state=%ED%B0%80", "slo=%00", "sort=%00&state=%FF",
]  # fmt: skip


@pytest.mark.parametrize("query", HUGE_QUERIES, ids=range(len(HUGE_QUERIES)))
def test_a_huge_query_is_not_multiplied(registry: SLORegistry, query: str) -> None:
    """A page has a dozen links, and none repeats what was not understood: an answer is not much longer than the question."""
    view = StatusView(registry, path="/slo")
    plain = len(view.respond_json("GET").body)

    before = time.process_time()
    for answer in (view.respond_page("GET", query=query), view.respond_json("GET", query=query)):
        assert answer.status in (200, 400, 404)
        assert len(answer.body) < plain + 1.2 * len(query)
    assert time.process_time() - before < 5


def test_ten_thousand_names_are_looked_up_once_each(registry: SLORegistry) -> None:
    """Of the metrics: names that there are not cost nothing, and one that is named again is shown once."""
    view = MetricsView(registry)
    before = time.process_time()

    absent = view.respond("GET", query="&".join(f"name[]=slo_{number}" for number in range(10_000)))
    again = view.respond("GET", query="&".join(["name[]=slo_target"] * 10_000))

    assert absent.body == b""
    assert again.body == view.respond("GET", query="name[]=slo_target").body
    assert time.process_time() - before < 2


# What clients can make a process keep.


@pytest.mark.usefixtures("untraced")
def test_long_paths_of_many_routes_cost_little_memory(clock: FakeClock) -> None:
    """Ninety routes with an id in them, and 30,000 paths of a kilobyte that a client makes up for them."""
    registry = SLORegistry.from_config(
        {"checkout": {"target": "99%", "routes": ["/checkout/*"]}, "all": {"target": "99%"}}, clock=clock
    )
    recorder = HTTPRecorder(registry, exclude=["/health*"])
    routes = [RouteMatch(f"/{number}/{{id}}") for number in range(90)]
    tracemalloc.start()
    try:
        for number in range(30_000):
            observed = recorder.begin({}, "GET", f"/{number % 90}/{number}/{'🔥' * 240}")
            assert observed is not None
            observed.status = 200
            observed.route_match = routes[number % 90]
            recorder.finish(observed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 20e6
    assert registry["all"].snapshot().total == 30_000


def test_made_up_methods_cost_no_memory(clock: FakeClock) -> None:
    """All of them are one."""
    registry = SLORegistry.from_config({"all": {"target": "99%", "methods": ["_OTHER"]}}, clock=clock)
    recorder = HTTPRecorder(registry)
    route = RouteMatch("/")
    for number in range(5_000):
        observed = recorder.begin({}, f"M{number}", "/")
        assert observed is not None
        observed.status = 200
        observed.route_match = route
        recorder.finish(observed)

    assert registry["all"].snapshot().total == 5_000
    assert len(recorder._match_results) == 1
    assert len(recorder._counting_plans) == 0


def test_made_up_statuses_cost_no_memory() -> None:
    """An application may answer with whatever status a client asks for."""
    matched_slos = MatchedSLOs(())
    for status in range(10_000):
        matched_slos.counting_plan(status, CounterGroups(InternalErrors()))

    assert len(matched_slos._counting_plans) <= 512


@pytest.mark.parametrize("glob", ["*a*a*a*a*a*a*a*a*a*a*b", "[a-z]*[a-z]*[a-z]*?x", "**************b"])
def test_no_path_makes_a_glob_slow(glob: str) -> None:
    """Matching never tries all ways to divide a path: 64 KiB take milliseconds."""
    pattern = compile_globs([glob])
    assert pattern is not None
    before = time.process_time()

    assert pattern.match("/" + "a" * 65_536) is None

    assert time.process_time() - before < 1


def test_nothing_of_a_request_becomes_a_label(clock: FakeClock) -> None:
    """However many paths and methods are made up, the series are the same."""
    registry = SLORegistry.from_config({"all": {"target": "99%", "unmatched": True}}, clock=clock)
    recorder, view = HTTPRecorder(registry), MetricsView(registry)
    series = len(view.respond("GET").body.splitlines())
    for number in range(100):
        observed = recorder.begin({}, f"OWNED{number}", f"/owned/{number}")
        assert observed is not None
        observed.status = 200
        recorder.finish(observed)

    body = view.respond("GET").body

    assert registry["all"].snapshot().total == 100
    assert len(body.splitlines()) == series
    assert b"owned" not in body.lower()


@pytest.fixture
def ask(registry: SLORegistry) -> Iterator[Callable[[bytes], bytes]]:
    """`ask(bytes)`: all that the exporter's server answers to that and no more."""
    server = MetricsServer(metrics_wsgi_app(MetricsView(registry)), host="127.0.0.1", port=0)
    stop = threading.Event()
    thread = threading.Thread(target=server.serve_until, args=(stop,))
    thread.start()

    def send(request: bytes) -> bytes:
        answer = b""
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=60) as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            while part := connection.recv(65_536):
                answer += part
        return answer

    yield send
    stop.set()
    thread.join()


# The exporter's server.


def test_a_folded_accept_header_adds_no_line_to_the_answer(
    registry: SLORegistry, ask: Callable[[bytes], bytes]
) -> None:
    """Python's server hands over a header's line breaks as they came; ours refuses them."""
    accept = "application/openmetrics-text; version=9.9\r\n\tX-Injected: 1"

    answer = ask(f"GET /metrics HTTP/1.0\r\nAccept: {accept}\r\n\r\n".encode())
    headers = MetricsView(registry).respond("GET", accept=accept).headers

    assert answer.startswith(b"HTTP/1.0 400")
    assert b"X-Injected" not in answer
    assert "X-Injected" not in str(headers)


@pytest.mark.parametrize("target", [b"http://[", b"http://[::1/metrics", b"//[", b"http://\xe2\x84\x80/"])
def test_a_target_that_is_no_address_is_not_found(
    ask: Callable[[bytes], bytes], target: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """And leaves no traceback in the log for each attempt."""
    assert ask(b"GET " + target + b" HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.0 404")
    assert caplog.records == []


@pytest.mark.parametrize("header", [b"Content-Length: 30", b"Transfer-Encoding: chunked"])
def test_a_body_is_not_taken_for_another_request(ask: Callable[[bytes], bytes], header: bytes) -> None:
    """Behind a proxy that would be the answer to another client's request."""
    answer = ask(b"GET /healthz HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\nGET /healthz HTTP/1.1\r\nA: b\r\n\r\n")

    assert answer.count(b"HTTP/1.0 200") == 1
    assert b"Connection: close" in answer


def test_the_exporter_listens_on_this_host_alone() -> None:
    """Unless it is told to listen elsewhere."""
    (host,) = (parameter for parameter in exporter.params if parameter.name == "host")

    assert host.default == "127.0.0.1"


# Code, SQL, keys.


def test_line_breaks_in_names_and_labels_add_no_series(clock: FakeClock) -> None:
    """Nor comments: every line of the metrics is one of ours."""
    hostile = 'a"} 1\nowned{x="\\\n# HELP owned \r\n'
    registry = SLORegistry(service=hostile, clock=clock)
    registry.define(SLODefinition(hostile, 0.9, labels={"team": hostile}))

    for accept in ("", "application/openmetrics-text; version=1.0.0"):
        body, _ = PrometheusExporter(registry).render(accept=accept)
        lines = body.decode().split("\n")
        assert all(re.match(r"slo_[a-z_]+[{ ]|# (HELP|TYPE) slo_|# EOF$|$", line) for line in lines)
