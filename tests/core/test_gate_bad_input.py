"""`slo gate` and `slo status` before pages that do not say enough: each says why, and nothing is decided by them."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from slo_core import PrometheusExporter, SLODefinition, SLORegistry
from slo_core.cli import main
from slo_core.status.json_view import status_json
from slo_core.stores.sql.sqlite import SQLiteBucketStore

Pages = Callable[..., str]


@pytest.fixture
def registry() -> Iterator[SLORegistry]:
    """A month that is met and thirty days that are breached, measured for years."""
    with SLORegistry("memory://", service="shop", clock=time.time) as registry:
        long_ago = time.time() - 20 * 86_400
        for name, options in (("monthly", {"window": "month", "timezone": "Asia/Tokyo"}), ("rolling", {})):
            tracker = registry.define(SLODefinition(name, 0.9, **options))  # type: ignore[arg-type]
            for number in range(100):
                tracker.record(number > 3 or name == "monthly", at=long_ago)
                tracker.record(number > 30 or name == "monthly")
        yield registry


@pytest.fixture
def serve(registry: SLORegistry) -> Iterator[Pages]:
    """`serve(path, change)`: the address of a page of the service, whose text was changed."""
    servers: list[HTTPServer] = []

    def start(path: str, change: Callable[[str], str]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if path == "/metrics":
                    body, content_type = PrometheusExporter(registry).render()
                else:
                    body, content_type = json.dumps(status_json(registry)).encode(), "application/json"
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.end_headers()
                self.wfile.write(change(body.decode()).encode())

            def log_message(self, format: str, *args: object) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}{path}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def without_info(text: str) -> str:
    """As the metrics of versions that do not say which window it is."""
    return re.sub(r"^.*slo_info.*\n", "", text, flags=re.MULTILINE)


def without_key(key: str) -> Callable[[str], str]:
    """As the JSON of versions that do not have it."""

    def change(text: str) -> str:
        view: dict[str, Any] = json.loads(text)
        for slo in view["slos"]:
            del slo[key]
        return json.dumps(view)

    return change


def findings_of(address: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, list[str]]]:
    """The exit code, and by SLO its verdict and reason."""
    code = main(["gate", address, "--json"])
    return code, {slo["name"]: [slo["verdict"], slo["reason"]] for slo in json.loads(capsys.readouterr().out)["slos"]}


OLDER = "the page is of an older slo-suite, which does not say"


@pytest.mark.parametrize(
    ("path", "change", "undecided"),
    [
        (
            "/metrics",
            without_info,
            dict.fromkeys(("monthly", "rolling"), "whether its window is a rolling"),
        ),
        ("/slo.json", without_key("timezone"), {"monthly": "in which time zone its window begins"}),
        ("/slo.json", without_key("is_warming_up"), {"rolling": "whether enough has been measured"}),
    ],
)
def test_the_page_of_an_older_version_decides_nothing_it_does_not_know(
    path: str, change: Callable[[str], str], undecided: dict[str, str], serve: Pages, capsys: pytest.CaptureFixture[str]
) -> None:
    """A month is not taken for thirty days, nor its midnight for that of UTC; what the page does say is judged."""
    _, findings = findings_of(serve(path, change), capsys)

    for slo, (verdict, reason) in findings.items():
        assert (verdict == "unknown") == (slo in undecided)
        if slo in undecided:
            assert reason.startswith(f"{OLDER} {undecided[slo]}")
    assert main(["status", serve(path, change)]) == 0
    assert OLDER in capsys.readouterr().err


@pytest.mark.parametrize("path", ["/metrics", "/slo.json"])
def test_a_zone_that_is_gone_hides_that_slo_alone(path: str, serve: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    """It is named, and the gate does not pass over it."""
    address = serve(path, lambda text: text.replace("Asia/Tokyo", "US/Pacific-New"))

    code, findings = findings_of(address, capsys)

    message = (
        "SLO 'monthly' cannot be shown: expected an IANA time zone such as \"Europe/Berlin\", got 'US/Pacific-New'"
    )
    assert findings.keys() == {"rolling", None}
    assert findings[None][0] == "unknown"  # type: ignore[index]
    assert findings[None][1].startswith(message)  # type: ignore[index]
    assert code == 1  # by the other
    assert main(["status", address]) == 2
    assert message in capsys.readouterr().err


def test_a_zone_that_is_gone_from_a_stored_definition_hides_that_slo_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """In the store as on the pages."""
    with SLORegistry("sqlite:///slo.db", service="shop") as registry:
        registry.define(SLODefinition("monthly", 0.9, window="month", timezone="Asia/Tokyo")).record_success()
        registry.define(SLODefinition("rolling", 0.9)).record_success()
    store = SQLiteBucketStore(registry.store._buckets._file.path, service="shop")  # type: ignore[attr-defined]
    with store._file.transaction(write=True) as connection:
        connection.execute("UPDATE slo SET definition = replace(definition, 'Asia/Tokyo', 'US/Pacific-New')")
    store.close()

    code, findings = findings_of("sqlite:///slo.db", capsys)

    assert code == 2
    assert findings["rolling"][0] == "young"
    assert "US/Pacific-New" in findings[None][1]  # type: ignore[index]
