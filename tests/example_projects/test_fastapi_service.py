"""The FastAPI example and its demo, as a newcomer starts them."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from slo_servers import HOST, fetch, free_port, python, start_server, wait_until

FOLDER = Path(__file__).resolve().parents[2] / "example_projects" / "fastapi_service"


def test_the_service_runs_as_its_readme_says():
    """One good checkout is one good event of three SLOs, and one receipt."""
    port = free_port()
    command = python("-m", "uvicorn", "main:app", "--port", str(port))
    with start_server(command, port=port, ready="/healthz", cwd=FOLDER) as server:
        fetch(f"{server.url}/v1/checkout/1", method="POST")

        def counted() -> dict[str, str]:
            text = fetch(f"{server.url}/metrics").decode()
            return dict(re.findall(r'slo_events_total\{outcome="good",slo="([\w-]+)"\} (\S+)', text))

        # The receipt is mailed after the response.
        wait_until(lambda: counted()["receipts"] == "1.0", message="the receipt was not counted")
        assert set(counted().values()) == {"1.0"}


def test_the_demo_shows_what_its_clients_saw():
    """Events in the last table are the requests in the line below it, and the bad ones those that failed."""
    done = subprocess.run(
        python("demo.py", "--seconds", "3"), cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert re.search(rf"http://{HOST}:\d+/metrics", done.stdout)
    availability = re.findall(r"availability\s+│\s+99.90%\s+│\s+(\d+)\s+│\s+(\d+)\s+│", done.stdout)[-1]
    seen = re.findall(r"clients saw (\d+) requests: \d+ answered, (\d+) failed\n", done.stdout)[-1]
    assert availability == seen
    assert int(seen[0]) > 20


def test_the_demo_ends_at_ctrl_c():
    """It says so, ends with 0 and leaves no server behind."""
    port = free_port()
    process = subprocess.Popen(
        python("demo.py", "--port", str(port)), cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_until(lambda: _is_up(port), message="the demo did not start its service")

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)

    assert (process.returncode, out.splitlines()[-1]) == (0, "stopped"), err
    assert not _is_up(port)


def test_a_taken_port_is_named():
    """And what to do about it."""
    port = free_port()
    with start_server(python("-m", "http.server", str(port), "--bind", HOST), port=port):
        done = subprocess.run(
            python("demo.py", "--port", str(port)), cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
        )

    assert done.returncode == 1
    assert f"port {port} is taken" in done.stdout
    assert "--port" in done.stdout


def _is_up(port: int) -> bool:
    try:
        fetch(f"http://{HOST}:{port}/healthz", timeout=1)
    except OSError:
        return False
    return True
