"""The FastAPI example and its demo, as a newcomer starts them."""

from __future__ import annotations

import http.client
import os
import pty
import re
import shutil
import signal
import subprocess
import termios
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from slo_servers import HOST, PATIENCE_SECONDS, Server, fetch, free_port, python, soon, start_server, wait_until
from slow_answers import DOUBTFUL_SECONDS, in_good_time

FOLDER = Path(__file__).resolve().parents[2] / "example_projects" / "fastapi_service"


UVICORN = ("-m", "uvicorn", "main:app", "--host", HOST, "--port")

# Method, path, status; then what it is to availability, checkout, checkout-latency and receipts: good, bad or (None)
# not theirs. A receipt is mailed after each payment that went through.
REQUESTS: tuple[tuple[str, str, int | None, tuple[bool | None, ...]], ...] = (
    ("GET", "/v1/products", 200, (True, None, None, None)),
    ("GET", "/v1/products/1", 200, (True, None, None, None)),
    ("GET", "/v1/products/99", 404, (True, None, None, None)),
    ("POST", "/v1/checkout/1", 201, (True, True, True, True)),
    ("POST", "/v1/checkout/1?delay=0.4", 201, (True, True, False, True)),
    ("POST", "/v1/checkout/1?delay=9", 422, (True, True, True, None)),
    ("POST", "/v1/checkout/1?fail=503", 503, (False, False, False, None)),
    ("POST", "/v1/checkout/1?fail=exception", 500, (False, False, False, None)),
    ("GET", "/v1/checkout/1", 405, (True, True, True, None)),
    ("GET", "/v1/report?rows=1000", 200, (True, None, None, None)),
    ("GET", "/v1/report?broken=true", None, (False, None, None, None)),  # the answer breaks off
    ("GET", "/nowhere", 404, (None, None, None, None)),
    ("GET", "/healthz", 200, (None, None, None, None)),
)


def ask(port: int, method: str, path: str) -> int | None:
    """The status of one answer; None when it broke off."""
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        response.read()
    except http.client.IncompleteRead:
        return None
    finally:
        connection.close()
    return response.status


def counted(server: Server) -> Counter[tuple[str, bool]]:
    """Events by SLO and outcome, as the metrics tell."""
    families = text_string_to_metric_families(fetch(f"{server.url}/metrics").decode())
    return Counter(
        {
            (sample.labels["slo"], sample.labels["outcome"] == "good"): int(sample.value)
            for family in families
            for sample in family.samples
            if sample.name == "slo_events_total" and sample.value
        }
    )


def test_the_metrics_agree_with_what_the_client_saw_behind_uvicorn() -> None:
    """Each request counts once, for the SLOs it belongs to, and each receipt once."""
    port = free_port()
    expected: Counter[tuple[str, bool]] = Counter()
    doubtful: Counter[str] = Counter()
    with start_server(python(*UVICORN, str(port)), port=port, ready="/healthz", cwd=FOLDER) as server:
        for method, path, status, outcomes in REQUESTS:
            began = time.monotonic()
            assert ask(port, method, path) == status, (method, path)
            is_doubtful = time.monotonic() - began > DOUBTFUL_SECONDS
            for slo, good in zip(("availability", "checkout", "checkout-latency", "receipts"), outcomes, strict=True):
                if good is not None:
                    expected[slo, good] += 1
                    doubtful[slo] += good and is_doubtful and slo.endswith("-latency")

        # Receipts are mailed after the response.
        assert soon(lambda: in_good_time(counted(server), expected, doubtful), expected) == expected


def test_the_demo_shows_what_its_clients_saw() -> None:
    """Events in the last table are the requests in the line below it, and the bad ones those that failed."""
    done = subprocess.run(
        python("demo.py", "--seconds", "3"), cwd=FOLDER, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 0, done.stderr
    assert re.search(rf"http://{HOST}:\d+/metrics", done.stdout)
    bad, events = re.findall(r"availability\s+│.*│\s+(\d+)\s+│\s+(\d+)\s+│[^│]*│\n", done.stdout)[-1]
    seen = re.findall(r"clients saw (\d+) requests: \d+ answered, (\d+) failed(?:\n|;)", done.stdout)[-1]
    assert (events, bad) == seen
    assert int(seen[0]) > 20


def test_the_demo_wakes_somebody_within_seconds() -> None:
    """Thirty days of past, an incident at once, a page, a call of a real Alertmanager, and three lines at the end."""
    done = subprocess.run(
        python("demo.py", "--seconds", "20"), cwd=FOLDER, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 0, done.stderr
    assert re.match(rf"in a browser: http://{HOST}:\d+/slo\n", done.stdout)
    requests, woken, budgets = done.stdout.strip().splitlines()[-3:]
    assert re.match(r"\d+ requests, \d+ of them failed: ", requests)
    assert re.match(r"[a-z-]+ paged \d+ s after the incident began", woken)
    if shutil.which("prometheus") and shutil.which("prometheus-alertmanager"):
        assert re.search(r"and the telephone rang after \d+ s\.$", woken)
        assert re.search(r"Alertmanager \(page\): [a-z-]+ of default burns its error budget", done.stdout)
    # A quarter of the budget was spent in thirty days.
    assert re.match(r"Budgets of thirty days: availability from [67]\d% to -?\d+%", budgets)


def test_the_demo_fits_a_terminal_of_80_columns() -> None:
    """Two SLOs whose names begin alike can be told apart, and whether one fires."""
    terminal, other_end = pty.openpty()
    termios.tcsetwinsize(other_end, (24, 80))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    process = subprocess.Popen(
        python("demo.py", "--seconds", "2"), cwd=FOLDER, env=environment, stdout=other_end, stderr=subprocess.STDOUT
    )
    os.close(other_end)
    shown = b""
    with suppress(OSError):  # Linux says so when the other end is closed
        while part := os.read(terminal, 65_536):
            shown += part
    os.close(terminal)

    assert process.wait(PATIENCE_SECONDS) == 0
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode()).replace("\r", "").splitlines()
    assert max(map(len, lines[2:])) <= 80
    table = [[cell.strip() for cell in re.split("[┃│]", line)[1:-1]] for line in lines if line[:1] in ("┃", "│")]
    assert table[-5] == ["SLO", "now", "budget left", "burn 1h", "bad", "events"]
    assert sorted(row[0] for row in table[-4:]) == ["availability", "checkout", "checkout-latency", "receipts"]


def test_the_demo_ends_at_ctrl_c() -> None:
    """It says so, ends with 0 and leaves no server behind."""
    port = free_port()
    process = subprocess.Popen(
        python("demo.py", "--port", str(port)), cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: _is_up(port), message="the demo did not start its service")

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)

    assert (process.returncode, out.splitlines()[-1]) == (0, "stopped"), err
    assert not _is_up(port)


def test_a_taken_port_is_named() -> None:
    """And what to do about it."""
    port = free_port()
    with start_server(python("-m", "http.server", str(port), "--bind", HOST), port=port):
        done = subprocess.run(
            python("demo.py", "--port", str(port)), cwd=FOLDER, capture_output=True, text=True, timeout=180, check=False
        )

    assert done.returncode == 1
    assert f"port {port} is not free" in done.stdout
    assert "--port" in done.stdout


def test_an_impossible_port_is_named() -> None:
    """Before anything is started."""
    done = subprocess.run(
        python("demo.py", "--port", "70000"), cwd=FOLDER, capture_output=True, text=True, timeout=180, check=False
    )

    assert done.returncode == 2
    assert "expected a port between 1 and 65535, got '70000'" in done.stderr


def _is_up(port: int) -> bool:
    try:
        fetch(f"http://{HOST}:{port}/healthz")
    except OSError:
        return False
    return True
