"""`slo incidents`: when alerts fired, from the outside."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from slo_core import AlertRule, SLODefinition, SLORegistry
from slo_core.cli import main
from slo_core.status_page.view import StatusView
from slo_core.stores.shared.write_behind import WriteBehindStore
from slo_core.stores.sql.sqlite import SQLiteBucketStore

STORE = ["--store", "sqlite:///slo.db"]
RULE = AlertRule("10m", "2m", severity="page", burn_rate=10)


@pytest.fixture
def registry() -> Iterator[SLORegistry]:
    """The service shop; `checkout` has failed two hours ago for five minutes."""
    store = WriteBehindStore(SQLiteBucketStore(Path("slo.db"), service="shop"), flush_interval=3600.0)
    with SLORegistry(store, service="shop") as registry:
        for name in ("checkout", "search"):
            registry.define(SLODefinition(name, 0.99, alert_rules=(RULE,)))
            began = time.time() // 60 * 60 - 7200
            for minute in range(-30, 60):
                bad = 8 if name == "checkout" and 0 <= minute < 5 else 0
                for success in [True] * (10 - bad) + [False] * bad:
                    registry[name].record(success, at=began + 60 * minute + 5)
        for _ in range(2):
            assert registry.flush()
        yield registry


@pytest.fixture
def url(registry: SLORegistry) -> Iterator[str]:
    """Its page."""
    view = StatusView(registry, path="/slo")

    def application(environ, start_response):  # type: ignore[no-untyped-def]
        answer = view.respond_json("GET", query=environ["QUERY_STRING"])
        start_response(f"{answer.status} .", list(answer.headers))
        return [answer.body]

    class Silent(WSGIRequestHandler):
        def log_message(self, format: str, *args: object) -> None: ...

    server = make_server("127.0.0.1", 0, application, handler_class=Silent)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/slo.json"
    server.shutdown()
    server.server_close()


def test_incidents_are_a_table(registry: SLORegistry, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same from the store and from the page."""
    assert main(["incidents", *STORE]) == 0
    from_store = capsys.readouterr().out
    assert main(["incidents", "checkout", "--url", url]) == 0
    from_page = capsys.readouterr().out

    heading, line = from_store.splitlines()
    assert heading.startswith("Start (UTC)")
    assert " checkout  page 10m/2m  40 " in line
    assert from_page == from_store
    assert main(["incidents", "search", *STORE]) == 0
    assert capsys.readouterr().out == "No incident.\n"
    assert main(["incidents", "--since", "1h", *STORE]) == 0
    assert capsys.readouterr().out == "No incident.\n"


def test_json_has_an_entry_for_each_rule(registry: SLORegistry, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With the name of its SLO."""
    outputs = []
    for source in (STORE, ["--url", url]):
        assert main(["incidents", "--json", *source]) == 0
        outputs.append(json.loads(capsys.readouterr().out))

    assert outputs[0] == outputs[1]
    (service,) = outputs[0]["services"]
    assert (service["service"], service["error"]) == ("shop", None)
    assert [(each["slo"], each["severity"], each["bad"]) for each in service["incidents"]] == [("checkout", "page", 40)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Expected one of --store and --url."),
        ([*STORE, "--url", "http://host/slo.json"], "Expected one of --store and --url."),
        (["--url", "sqlite:///slo.db"], "--url is for a page"),
        (["--store", "http://host/slo.json"], "--store is for a store"),
        (["--since", "soon", *STORE], "--since"),
        (["--since", "0s", *STORE], "expected a duration above 0"),
        (["chekout", *STORE], "expected the name of an SLO, got 'chekout'"),
    ],
)
def test_what_cannot_be_answered_is_an_error(
    registry: SLORegistry, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what to do, and exit code 2."""
    assert main(["incidents", *arguments]) == 2

    assert message in capsys.readouterr().err
