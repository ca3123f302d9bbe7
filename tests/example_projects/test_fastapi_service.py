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

import pyte
from prometheus_client.parser import text_string_to_metric_families

from slo_servers import HOST, PATIENCE_SECONDS, Server, fetch, free_port, python, soon, start_server
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


def test_the_demo_wakes_somebody_within_seconds() -> None:
    """Thirty days of past, an incident at once, a page, a call of a real Alertmanager, three lines, and counts that agree."""
    has_pager = shutil.which("prometheus") and shutil.which("prometheus-alertmanager")
    # A machine with other work pages later; one that pages in time ends after the first.
    for seconds in ("15", "45"):
        done = subprocess.run(
            python("demo.py", "--seconds", seconds),
            cwd=FOLDER,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if not has_pager or "the telephone rang after" in done.stdout:
            break

    assert done.returncode == 0, done.stderr
    assert re.match(rf"in a browser: (http://{HOST}:\d+)/slo\nthe metrics:  \1/metrics\n", done.stdout)
    *_, seen, _, requests, woken, budgets = done.stdout.strip().splitlines()
    clients = re.fullmatch(r"clients saw (\d+) requests, (\d+) failed; availability counted \1 events, \2 bad", seen)
    assert clients is not None, seen
    assert int(clients[1]) > 100
    assert re.match(rf"{clients[1]} requests in \d+ s, {clients[2]} of them failed: ", requests)
    assert re.match(r"[a-z-]+ paged \d+ s after the incident began", woken)
    assert re.search(
        r"\n +\d+ s  availability pages: page 1h/5m, at [\d.]+ times the allowed rate; \d+% of what failed is .+\n",
        done.stdout,
    )
    if has_pager:
        assert re.search(r"and the telephone rang after \d+ s\.$", woken)
        assert re.search(r" s  Alertmanager rings: [a-z-]+ of payments burns its error budget", done.stdout)
    # A quarter of the budget was spent in thirty days.
    assert re.match(r"Budgets of thirty days: availability [67]\d% -> -?\d+%", budgets)


def test_the_demo_on_a_terminal_ends_at_ctrl_c_with_three_lines() -> None:
    """The addresses and the table stay in sight, nothing is wider than 60 columns, and no server is left behind."""
    port = free_port()
    terminal, other_end = pty.openpty()
    termios.tcsetwinsize(other_end, (24, 60))
    # Without Prometheus and Alertmanager.
    environment = {**os.environ, "TERM": "xterm", "PATH": "/nowhere"}
    process = subprocess.Popen(
        python("demo.py", "--port", str(port)),
        cwd=FOLDER,
        env=environment,
        stdout=other_end,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    os.close(other_end)
    screen = pyte.Screen(60, 24)
    stream, shown, before = pyte.ByteStream(screen), b"", []
    with suppress(OSError):  # Linux says so when the other end is closed
        while part := os.read(terminal, 65_536):
            stream.feed(part)
            shown += part
            if b"the incident begins" in shown and not before:
                before = [line.rstrip() for line in screen.display]
                for _ in range(3):  # as impatient people do
                    process.send_signal(signal.SIGINT)
                    time.sleep(0.1)
    os.close(terminal)

    assert process.wait(PATIENCE_SECONDS) == 0
    assert before[:2] == [f"in a browser: http://{HOST}:{port}/slo", f"the metrics:  http://{HOST}:{port}/metrics"]
    assert before[3].split()[:3] == ["SLO", "NOW", "BUDGET"]
    names = ("availability", "checkout", "checkout-latency", "receipts")
    assert sorted(line.split()[0] for line in before if line.startswith(names)) == list(names)
    assert "not installed: nothing will ring" in " ".join(before)
    end = shown.decode().replace("\r", "").rstrip().rpartition("\n\n")[2].splitlines()
    assert max(map(len, end)) <= 60
    assert re.fullmatch(
        r"\d+ requests in \d+ s, \d+ of them failed: .+\. "
        r"(No rule paged: .+|[a-z-]+ paged \d+ s after .+)\. Budgets of thirty days: .+\.",
        " ".join(end),
    )
    assert b"Traceback" not in shown
    assert screen.cursor.hidden is False
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
