"""`slo status` and `slo gate` as processes, asking a service that runs: its pages, its store, and an exporter's page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from redis_servers import start_redis
from slo_core import SLODefinition, SLORegistry
from slo_servers import HOST, Server, fetch, free_port, python, start_server, stop, wait_until

EXAMPLE = Path(__file__).parents[2] / "example_projects" / "fastapi_service"
TOKEN = "s3cret"

# Ten days ago 1,996 orders were paid for. With four that fail today, 4 of 2,000 are bad: at 99.5 % ten may be.
SEED = """
import time
from main import registry
at = time.time() - 10 * 86_400
for _ in range(1_996):
    registry["checkout"].record_success(at=at)
registry.close()
"""


def slo(*arguments: str, token: str = "") -> subprocess.CompletedProcess[str]:
    """The installed command, in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in ("SLO_TOKEN", "FORCE_COLOR")}
    if token:
        environment["SLO_TOKEN"] = token
    command = [str(Path(sys.executable).with_name("slo")), *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


KINDS = ("slo.json", "metrics", "store", "exporter")


@dataclass
class Running:
    """The example under uvicorn, and everything that can be asked about it."""

    service: Server
    addresses: dict[str, str]

    def status(self, kind: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return slo("status", self.addresses[kind], *arguments, token=TOKEN)

    def gate(self, kind: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return slo("gate", self.addresses[kind], *arguments, token=TOKEN)

    def checkout(self, kind: str) -> dict[str, Any]:
        """What is said of the SLO `checkout`."""
        done = self.status(kind, "--json")
        assert done.returncode == 0, done.stderr
        (found,) = [entry for entry in json.loads(done.stdout)["slos"] if entry["name"] == "checkout"]
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The service, seeded, with four failed orders; and an exporter beside it."""
    store = f"sqlite:///{tmp_path_factory.mktemp('cli')}/slo.db"
    environment = {"SLO_STORE": store, "API_METRICS_TOKEN": TOKEN}
    subprocess.run(python("-c", SEED), cwd=EXAMPLE, env={**os.environ, **environment}, timeout=180, check=True)
    port, exporter_port = free_port(), free_port()
    serve = python("-m", "uvicorn", "main:app", "--host", HOST, "--port", str(port), "--no-access-log")
    export = python("-m", "slo_core.cli", "exporter", "--store", store, "--port", str(exporter_port))
    with (
        start_server(serve, port=port, ready="/healthz", cwd=EXAMPLE, env=environment) as service,
        start_server(export, port=exporter_port, ready="/healthz") as exporter,
    ):
        for order in range(4):
            with pytest.raises(urllib.error.HTTPError):
                fetch(f"{service.url}/v1/checkout/{order}?fail=503", method="POST")
        found = Running(
            service,
            {
                "slo.json": f"{service.url}/slo.json",
                "metrics": f"{service.url}/metrics",
                "store": store,
                "exporter": f"{exporter.url}/metrics",
            },
        )
        # What the exporter and the service show may be a second old.
        for kind in KINDS:
            wait_until(
                lambda kind=kind: found.checkout(kind)["total"] == 2_000, message=f"{kind}: failures are missing"
            )
        yield found


@pytest.mark.parametrize("kind", KINDS)
def test_status_says_the_same_wherever_it_asks(running: Running, kind: str) -> None:
    """4 of 2,000 at 99.5 % are two fifths of the budget; the last hour burns at 200."""
    found = running.checkout(kind)

    assert (found["service"], found["target"], found["window_seconds"]) == ("default", 0.995, 2_592_000)
    assert (found["total"], found["failures"], found["success_ratio"]) == (2_000, 4, 0.998)
    assert (found["error_budget_remaining"], found["state"]) == (0.6, "burning")
    assert (found["burn_rate"], found["burn_rate_window_seconds"]) == (200.0, 3600)
    assert 864_000 <= found["measured_seconds"] < 866_000
    hours = [window for window in found["windows"] if window["window_seconds"] == 3600]
    assert [(hour["total"], hour["failures"], hour["is_complete"]) for hour in hours] == [(4, 4, True)]
    firing = [alert["long_window_seconds"] for alert in found["alerts"] if alert["is_firing"]]
    assert 3600 in firing


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_has_a_line_for_each_slo(running: Running, kind: str) -> None:
    """What pages first, and no colour in a pipe."""
    done = running.status(kind)

    assert (done.returncode, done.stderr) == (0, "")
    heading, *lines = done.stdout.splitlines()
    assert heading.startswith("SLO")
    assert "\x1b" not in done.stdout
    by_name = {line.split()[0]: line.split() for line in lines}
    assert set(by_name) == {"availability", "checkout", "checkout-latency", "receipts"}
    assert by_name["checkout"][1:4] == ["paging", "met", "60.0%"]
    assert by_name["checkout"][-8:-3] == ["99.5%", "30d", "2000", "4", "99.80%"]
    assert lines[0].startswith("checkout")  # it pages
    assert by_name["availability"][2:4] == ["warming", "up"]  # without a past, four failures say little about its month


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--min-budget", "60%"], 0, "PASS     checkout: 60% of the error budget left, at least 60% asked"),
        (["--min-budget", "60.01%"], 1, "FAIL     checkout: 60% of the error budget left, at least 60.01% asked"),
        (["--max-burn", "200/1h"], 0, "PASS     checkout: 60% of the error budget left"),
        (
            ["--max-burn", "199.9/1h"],
            1,
            "FAIL     checkout: burn rate 200x in 1h, at most 199.9x accepted: 4 of 4 events",
        ),
        (["--max-burn", "6/11m"], 2, "UNKNOWN  checkout: its burn rate over 11m is not counted"),
    ],
)
def test_the_gate_answers_the_same_wherever_it_asks(
    running: Running, kind: str, arguments: list[str], code: int, said: str
) -> None:
    """By its exit code, and with the reason in one line."""
    done = running.gate(kind, "--slo", "checkout", *arguments)

    assert done.returncode == code, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith(said)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_measured_for_minutes_is_young(running: Running, kind: str) -> None:
    """The other SLOs are as old as the process; one custom SLO has no event at all, and is unknown: 2."""
    done = running.gate(kind)

    assert done.returncode == 2
    by_name = {line.split()[1].rstrip(":"): line for line in done.stdout.splitlines()}
    assert by_name["checkout"].startswith("PASS")
    assert by_name["receipts"] == "UNKNOWN  receipts: no events in 30d"
    assert by_name["availability"].startswith("YOUNG    availability: measured ")
    assert by_name["availability"].endswith(" of 30 days; a tenth is needed to judge the budget")
    assert running.gate(kind, "--on-unknown", "pass").returncode == 0
    assert running.gate(kind, "--on-unknown", "pass", "--on-young", "fail").returncode == 2


@pytest.mark.parametrize("kind", ["slo.json", "metrics"])
def test_a_page_asks_for_its_token(running: Running, kind: str, tmp_path: Path) -> None:
    """Which comes from the environment or from a file; a wrong one is told, and is never an answer."""
    address = running.addresses[kind]
    (tmp_path / "token").write_text(f"{TOKEN}\n")

    without = slo("gate", address, "--on-unknown", "pass")
    wrong = slo("status", address, token="wrong")

    assert (without.returncode, without.stdout) == (2, "")
    assert "it asks for a token" in without.stderr
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "the token is refused" in wrong.stderr
    assert "wrong" not in wrong.stderr
    assert slo("status", address, "--token-file", str(tmp_path / "token")).returncode == 0


def test_a_redis_is_asked_from_outside() -> None:
    """4 bad of 100 at 90 % leave 60 %; nothing else is said."""
    with start_redis() as server:
        with SLORegistry(server.url, service="shop") as registry:
            tracker = registry.define(SLODefinition("availability", 0.9))
            for number in range(100):
                tracker.record(number >= 4, at=time.time() - 4 * 86_400)

        status = slo("status", server.url, "--json")
        gate = slo("gate", server.url, "--min-budget", "60%")

    (found,) = json.loads(status.stdout)["slos"]
    assert (found["service"], found["total"], found["failures"]) == ("shop", 100, 4)
    assert gate.stdout.startswith("PASS     availability: 60% of the error budget left")
    for done in (status, gate):
        assert (done.returncode, done.stderr) == (0, "")


def test_another_page_of_the_service_is_told(running: Running) -> None:
    """The page for people, a page that is not there, and JSON of the service's own."""
    url = running.service.url

    for path, said in (
        ("/slo", "expected JSON or metrics, got text/html"),
        ("/nothing", "the address ends with /slo.json"),
        ("/v1/products", "expected the JSON of slo-suite"),
    ):
        done = slo("status", url + path, token=TOKEN)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_the_command_ends_when_the_service_has_ended(tmp_path: Path) -> None:
    """Cannot tell: 2, in one line."""
    port = free_port()
    serve = python("-m", "uvicorn", "main:app", "--host", HOST, "--port", str(port), "--no-access-log")
    with start_server(serve, port=port, ready="/healthz", cwd=EXAMPLE, env={"SLO_STORE": "memory://"}) as service:
        note = slo("status", f"{service.url}/slo.json")
        assert note.returncode == 0
        assert "counts in each process for itself" in note.stderr
        stop(service.process)

        done = slo("gate", f"{service.url}/slo.json")

    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith(f"UNKNOWN  -: {service.url}/slo.json: no answer: ")
