"""The metrics view: what Prometheus asks of it, wherever it is mounted."""

from __future__ import annotations

import asyncio
import functools
import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from starlette.applications import Starlette
from starlette.routing import Mount

from asgi_driver import Answer, http_scope, serve, serve_lifespan
from asgi_service import AVAILABILITY
from hung_store import HungReads
from slo_asgi import SLOMiddleware, instrument, metrics_app
from slo_core import SLORegistry
from slo_core.testing import FakeClock

OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.9,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
Ask = Callable[..., Answer]


def asking(framework: type[Any] | None, *, token: str | None = None) -> Ask:
    """Asks the metrics view of an instrumented application, or the view alone."""
    if framework is None:
        registry = SLORegistry.from_config(AVAILABILITY, clock=FakeClock())
        registry["availability"].record_failure()
        return lambda method="GET", **options: serve(metrics_app(registry, token=token), method, **options)
    app = framework()
    registry = instrument(app, AVAILABILITY, metrics_token=token, clock=FakeClock())
    registry["availability"].record_failure()
    return lambda method="GET", **options: serve(app, method, "/metrics", **options)


@pytest.fixture(params=[None, Starlette, FastAPI], ids=["alone", "starlette", "fastapi"])
def framework(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "text/plain;version=0.0.4", OPENMETRICS])
def test_the_format_is_the_one_that_was_asked_for(framework: Any, accept: str | None) -> None:
    """The Content-Type is what the installed prometheus_client chooses, and the body parses as that."""
    headers = {} if accept is None else {"accept": accept}

    answer = asking(framework)(headers=headers)

    assert answer.status == 200
    assert answer.headers["content-type"] == choose_encoder(accept or "")[1]
    parse = parse_openmetrics if "openmetrics" in answer.headers["content-type"] else parse_text
    samples = {
        (sample.name, sample.labels.get("outcome")): sample.value
        for family in parse(answer.body.decode())
        for sample in family.samples
    }
    assert samples["slo_events_total", "bad"] == 1
    assert samples["slo_events_total", "good"] == 0
    assert samples["slo_target", None] == 0.9


def test_a_scraper_that_takes_gzip_gets_it(framework: Any) -> None:
    """The same text, smaller; its length is that of what goes out."""
    ask = asking(framework)

    plain, packed = ask(), ask(headers={"accept-encoding": "gzip, deflate"})

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["content-length"] == str(len(packed.body))
    assert gzip.decompress(packed.body).startswith(b"# HELP slo_")
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-length"] == str(len(plain.body))


def test_a_scraper_may_ask_for_some_names(framework: Any) -> None:
    """`name[]` restricts the output, and may be there twice."""
    answer = asking(framework)(query="name[]=slo_target&name[]=slo_window_seconds")

    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    assert sorted(line.split("{")[0] for line in lines) == ["slo_target", "slo_window_seconds"]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [(None, 401), ("Bearer wrong", 401), ("Basic secret", 401), ("Bearer secret", 200), ("bearer secret", 200)],
)
def test_a_token_is_asked_for(framework: Any, authorization: str | None, status: int) -> None:
    """Where one is set; without it the answer says how to authenticate and nothing else."""
    headers = {} if authorization is None else {"authorization": authorization}

    answer = asking(framework, token="secret")(headers=headers)

    assert answer.status == status
    assert ("www-authenticate" in answer.headers) is (status == 401)
    assert (b"slo_target" in answer.body) is (status == 200)


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=abc", "text/plain; version=\xff", "," * 1_000_000]
)
def test_an_odd_accept_header_is_no_error(framework: Any, accept: str) -> None:
    """And nothing of it is in the answer."""
    answer = asking(framework)(headers={"accept": accept})

    assert answer.status == 200
    assert answer.headers["content-type"] == choose_encoder("")[1]
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("authorization", ["Bearer \xff\xfe", "Basic \xe9", "Bearer \x00", "\xff" * 100_000])
def test_odd_bytes_in_the_token_open_nothing(framework: Any, authorization: str) -> None:
    """401, and no error."""
    assert asking(framework, token="secret")(headers={"authorization": authorization}).status == 401


def test_an_empty_token_is_refused_where_the_view_is_made() -> None:
    """`os.environ.get("TOKEN", "")` must not open the metrics to everybody."""
    with pytest.raises(ValueError, match="expected non-empty text"):
        metrics_app(SLORegistry(), token="")


def test_head_answers_without_a_body(framework: Any) -> None:
    """With the headers of GET."""
    ask = asking(framework)

    head, get = ask("HEAD"), ask()

    assert (head.status, head.body) == (200, b"")
    assert head.headers == get.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_not_allowed(framework: Any, method: str) -> None:
    """405, and the answer names the ones that are."""
    answer = asking(framework)(method)

    assert answer.status == 405
    assert {name.strip() for name in answer.headers["allow"].split(",")} == {"GET", "HEAD"}


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_scrapes_count_for_no_slo(framework: Any, method: str) -> None:
    """Neither for the registry that is scraped nor for any other around it."""
    app = framework()
    registry = instrument(app, AVAILABILITY)
    around = SLORegistry.from_config(AVAILABILITY, service="around")

    serve(SLOMiddleware(app, registry=around), method, "/metrics")

    assert registry["availability"].snapshot().total == 0
    assert around["availability"].snapshot().total == 0


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
def test_the_route_is_exact(framework: Any) -> None:
    """`/metrics` answers itself: scrapers do not follow a redirect to `/metrics/`."""
    app = framework()
    instrument(app, AVAILABILITY)

    assert serve(app, path="/metrics").status == 200


@pytest.mark.parametrize("mount", [True, False])
def test_the_view_excludes_itself_wherever_it_is(mount: bool) -> None:
    """By its own mark, not by its path: below a mount and under another name."""
    registry = SLORegistry.from_config({"availability": {"target": 0.9, "unmatched": True}})
    app = Starlette(routes=[Mount("/ops", metrics_app(registry))] if mount else [])
    app.add_route("/internal/numbers", metrics_app(registry))
    app.add_middleware(SLOMiddleware, registry=registry)

    assert serve(app, path="/ops/" if mount else "/internal/numbers").status == 200
    assert registry["availability"].snapshot().total == 0


def test_the_view_is_not_in_the_schema() -> None:
    """FastAPI's documentation is for the users of the service."""
    app = FastAPI()
    instrument(app, AVAILABILITY)

    assert app.openapi()["paths"] == {}


def test_the_view_answers_http_only() -> None:
    """As an application of its own it refuses other connections, as ASGI asks of it."""
    with pytest.raises(ValueError, match="lifespan"):
        serve_lifespan(metrics_app(SLORegistry()), "lifespan.startup")


def test_a_scrape_sees_what_was_just_counted() -> None:
    """Requests show in the next scrape."""
    app = FastAPI()

    @app.get("/")
    async def view() -> str:
        return "answer"

    instrument(app, AVAILABILITY, clock=FakeClock())

    serve(app)
    serve(app)

    assert b'slo_events_total{outcome="good",slo="availability"} 2.0' in serve(app, path="/metrics").body


@pytest.mark.parametrize("of", [Starlette, FastAPI])
def test_our_endpoints_have_names(of: type[Any]) -> None:
    """Rate limits and tracing read `endpoint.__module__` and `endpoint.__name__` of the route that takes a request."""
    app = of()
    instrument(app, AVAILABILITY, status_path="/slo", clock=FakeClock())
    app.add_route("/mine", metrics_app(app.state.slo_registry))

    endpoints = [route.endpoint for route in app.routes if type(route.endpoint).__module__.startswith("slo_asgi.")]

    assert [f"{endpoint.__module__}.{endpoint.__name__}" for endpoint in endpoints] == [
        "slo_asgi.metrics.MetricsApp",
        "slo_asgi.status.StatusPageApp",
        "slo_asgi.status.StatusJSON",
        "slo_asgi.status.StatusAsset",
        "slo_asgi.metrics.MetricsApp",
    ]
    for endpoint in endpoints:
        wrapper = functools.update_wrapper(lambda *_: None, endpoint)
        assert wrapper.__qualname__ == endpoint.__name__
        assert wrapper.__doc__
    assert serve(app, path="/mine").status == serve(app, path="/slo.json").status == 200


async def status_of(app: Any, path: str) -> int | None:
    """The status of one answer."""
    answer = Answer()

    async def send(message: Any) -> None:
        answer.messages.append(dict(message))

    await app(http_scope("GET", path), None, send)
    return answer.status


def test_readers_of_a_store_that_hangs_leave_the_applications_threads_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`to_thread` and `getaddrinfo` share asyncio's pool, here of one thread: while pages wait for the store it is free."""
    app = Starlette()
    store = f"sqlite:///{tmp_path}/slo.db"
    registry = instrument(app, AVAILABILITY, store=store, service="shop", status_path="/slo", metrics_path="/metrics")
    app.mount("/mounted", metrics_app(registry))
    hung = HungReads(monkeypatch)
    paths = ["/metrics", "/mounted/", "/slo", "/slo.json"] * 4

    async def main() -> list[int | None]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        readers = [asyncio.ensure_future(status_of(app, path)) for path in paths]
        try:
            while not hung.began.is_set():
                await asyncio.sleep(0.01)
            assert await asyncio.wait_for(asyncio.to_thread(lambda: 1), 60) == 1
            assert await asyncio.wait_for(loop.getaddrinfo("localhost", 80), 60)
        finally:
            hung.release.set()
        return await asyncio.gather(*readers)

    assert asyncio.run(main()) == [200] * len(paths)
    registry.close()
