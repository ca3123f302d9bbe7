"""The background worker on the plain library."""

from __future__ import annotations

import subprocess
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from slo_servers import fetch, free_port, python, soon, start_server, stop

FOLDER = Path(__file__).resolve().parents[2] / "example_projects" / "worker"


def test_a_hundred_jobs_end_with_the_numbers_its_readme_promises() -> None:
    """Every 20th job fails: 95 of 100. Of the 95 mails sent, the ten that end on 1 bounce: enough to page somebody."""
    command = python("worker.py", "--jobs", "100", "--port", str(free_port()))
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, timeout=180, check=True)

    lines = done.stdout.splitlines()
    sent = next(line for line in lines if line.startswith("receipts-sent"))
    delivered = next(line for line in lines if line.startswith("receipts-delivered"))
    # 0.5 % of 100 is half a failure: five of them are ten budgets, nine more than there was.
    assert sent == "receipts-sent: 95 of 100 good, error budget remaining -900.0%"
    assert delivered.startswith("receipts-delivered: 85 of 95 good")
    assert lines[lines.index(delivered) + 1].startswith("  page: burning")
    assert done.stderr == ""


def test_its_metrics_answer_while_it_runs_and_it_stops_when_asked() -> None:
    """40 jobs, then it idles: /metrics has them all, and SIGTERM ends it with a last report."""
    port = free_port()
    command = python("worker.py", "--jobs", "40", "--seconds", "60", "--every", "60", "--port", str(port))
    with start_server(command, port=port, cwd=FOLDER) as server:

        def events() -> dict[tuple[str, str], float]:
            families = text_string_to_metric_families(fetch(f"{server.url}/metrics").decode())
            return {
                (sample.labels["slo"], sample.labels["outcome"]): sample.value
                for family in families
                for sample in family.samples
                if sample.name == "slo_events_total"
            }

        # 20 and 40 fail; 1, 11, 21 and 31 bounce.
        expected = {
            ("receipts-sent", "good"): 38,
            ("receipts-sent", "bad"): 2,
            ("receipts-delivered", "good"): 34,
            ("receipts-delivered", "bad"): 4,
        }
        assert soon(events, expected) == expected
        assert b'slo_service="worker"' in fetch(f"{server.url}/metrics")

        assert stop(server.process) == 0
        assert "receipts-sent: 38 of 40 good" in server.output()
