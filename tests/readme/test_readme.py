"""Every Python block of the README runs as pasted, and does what the text around it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from slo_core import SLODefinition, SLORegistry
from slo_core.testing import FakeClock
from slo_servers import fetch, free_port, python, require, soon, start_server
from slow_answers import DOUBTFUL_SECONDS, in_good_time

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCK = re.compile(r"<!-- file: (\S+) -->\n```python\n(.*?)```", re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """All blocks, each saved under its name."""
    for name, code in BLOCK.findall(README):
        (tmp_path / name).write_text(code)
    return tmp_path


def run(folder: Path, *command: str) -> str:
    # Tests of Django in the same session set this for themselves; the reader of the README has not.
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(python(*command), cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def events(url: str) -> dict[tuple[str, bool], int]:
    """(SLO, whether good) to count, as a scraper reads it."""
    families = text_string_to_metric_families(fetch(f"{url}/metrics").decode())
    return {
        (sample.labels["slo"], sample.labels["outcome"] == "good"): int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == "slo_events_total"
    }


def test_every_python_block_is_tested():
    """A block without a name would be run by nobody."""
    assert README.count("```python") == len(BLOCK.findall(README))
    tested = set(re.findall(r'"(\w+\.py)"', Path(__file__).read_text())) | {
        "jobs.py",
        "tasks.py",  # these two need a broker: tests/e2e/test_job_runners.py
        "rq_worker.py",
        "main.py",
        "plain_asgi.py",
        "plain_wsgi.py",
        "app.py",
        "quart_app.py",  # these two: tests/integrations/asgi/test_recipes.py
        "falcon_app.py",
    }
    assert {name for name, _ in BLOCK.findall(README)} <= tested


def test_there_are_exactly_two_commands():
    """One runs the main job, one passes the tests."""
    assert re.findall(r"<!-- command: (\w+) -->\n```sh\n.+\n```", README) == ["demo", "test"]


def test_the_plain_library(folder: Path):
    """Four bad of 2,000 orders, one more by hand, one good block: 5 of 2,002."""
    out = run(folder, "worker.py")

    assert "5 of 2002 events were bad" in out
    assert "budget left: -149.8%, burning at 2.50" in out


def test_a_shared_store_goes_on_where_it_was(folder: Path):
    """One more event with each run."""
    assert run(folder, "shared.py").startswith("1 events")
    assert run(folder, "shared.py").startswith("2 events")


def test_a_job_of_a_process_that_ends_without_a_word_counts(folder: Path):
    """As RQ runs them: forked from a worker that may have loaded the module, and ended by `os._exit`."""
    worker = """
import os, jobs
for number in range(3):
    if os.fork() == 0:
        jobs.send_invoice(number)
        os._exit(0)
    os.wait()
print(jobs.invoices.snapshot().total, "of 3 are counted")
"""
    assert "3 of 3 are counted" in run(folder, "-c", worker)


def test_a_report_of_last_month(folder: Path):
    """Written by a process of its own, from what others have counted."""
    clock = FakeClock(time.time() - 45 * 86_400)
    registry = SLORegistry(f"sqlite:///{folder}/slo.db", service="shop", clock=clock)
    orders = registry.define(SLODefinition("orders", 0.999, window="month"))
    for day in range(46):
        orders.record(day != 44)
        registry.flush()
        clock.advance(days=1)
    registry.close()

    assert re.search(r"^\w+ \d{4}: [01] of \d+ bad, ", run(folder, "report.py"))


@pytest.mark.parametrize("name", ["classification.py", "beside_others.py", "changes.py"])
def test_a_block_that_only_defines(folder: Path, name: str):
    """It runs to its end."""
    run(folder, name)


def test_the_tests_of_a_user(folder: Path):
    """The shipped fixtures are found without a word of configuration."""
    out = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_checkout.py")

    assert "2 passed" in out


Served = Callable[[int], list[str]]


def uvicorn(application: str) -> Served:
    return lambda port: python("-m", "uvicorn", application, "--port", str(port))


@pytest.mark.parametrize(
    ("command", "method", "path", "expected"),
    [
        pytest.param(
            uvicorn("main:app"),
            "POST",
            "/checkout/1",
            {("availability", True): 1, ("checkout-latency", True): 1},
            id="fastapi",
        ),
        pytest.param(uvicorn("plain_asgi:app"), "GET", "/", {("availability", True): 1}, id="asgi"),
        pytest.param(
            lambda port: python(
                "-c",
                f"from plain_wsgi import app, make_server; make_server('127.0.0.1', {port}, app).serve_forever()",
            ),
            "GET",
            "/hello",
            {("availability", True): 1},
            id="wsgi",
        ),
        pytest.param(
            lambda port: python("manage.py", "runserver", "--noreload", str(port)),
            "GET",
            "/checkout/",
            {("availability", True): 1, ("checkout-latency", True): 1},
            id="django",
        ),
        pytest.param(
            lambda port: python("-m", "flask", "--app", "app", "run", "--port", str(port)),
            "POST",
            "/checkout/1",
            {("availability", True): 1, ("checkout-latency", True): 1},
            id="flask",
        ),
    ],
)
def test_a_served_block(folder: Path, command: Served, method: str, path: str, expected: dict[tuple[str, bool], int]):
    """The commands of the text start it, and one request is one good event of each SLO it belongs to."""
    port = free_port()
    if path == "/checkout/":
        run(folder, "manage.py", "migrate")
    with start_server(command(port), port=port, ready="/metrics", cwd=folder) as server:
        began = time.monotonic()
        fetch(server.url + path, method=method)
        doubtful = {"checkout-latency": int(time.monotonic() - began > DOUBTFUL_SECONDS)}

        assert soon(lambda: in_good_time(events(server.url), expected, doubtful), expected) == expected


def test_django_names_nothing_to_mend(folder: Path):
    """`manage.py check` is clean, and `slo_status` prints the table."""
    run(folder, "manage.py", "migrate")
    assert "no issues" in run(folder, "manage.py", "check")
    assert "checkout-latency" in run(folder, "manage.py", "slo_status")


def test_the_definitions_of_the_sre(folder: Path):
    """The file is valid, its rules are written, and both dashboards: as the block below it says."""
    (name, text) = re.search(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", README, re.DOTALL).groups()
    (folder / name).write_text(text)

    assert "2 SLOs of service shop, valid" in run(folder, "-m", "slo_core.cli", "validate", name)
    run(folder, "-m", "slo_core.cli", "rules", name, "--out", "slo.yml")
    assert "alert: SLOErrorBudgetBurn" in (folder / "slo.yml").read_text()
    for page in ("overview", "detail"):
        run(folder, "-m", "slo_core.cli", "dashboard", page, "--out", f"slo-{page}.json")
        assert json.loads((folder / f"slo-{page}.json").read_text())["panels"]
    rehearsal = run(folder, "-m", "slo_core.cli", "simulate", name, *"--errors 15% --for 10m --rate 50/s".split())
    assert "page 1h/5m     14.4x  5m46s" in rehearsal


def test_prometheus_takes_what_it_is_told(tmp_path: Path):
    """The block is a whole prometheus.yml."""
    (block,) = re.findall(r"```yaml\n(rule_files:.*?)```", README, re.DOTALL)
    (tmp_path / "prometheus.yml").write_text(block)
    command = [
        require("promtool", package="prometheus"),
        "check",
        "config",
        "--syntax-only",
        str(tmp_path / "prometheus.yml"),
    ]

    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_alertmanager_is_told_is_what_the_alerts_are_labelled_with():
    """The block of the text holds the rules that the tests run with."""
    import yaml

    from slo_core.rules.names import ALERTMANAGER_INHIBIT_RULES

    (block,) = re.findall(r"```yaml\n(inhibit_rules:\n.*?)```", README, re.DOTALL)
    assert yaml.safe_load(block) == {"inhibit_rules": list(ALERTMANAGER_INHIBIT_RULES)}


def test_the_interpreter_of_this_test_is_the_installed_one():
    """Under tox the wheel is tested, not the checkout."""
    import os

    import slo_core

    if os.environ.get("SLO_EXPECT_INSTALLED"):
        assert "site-packages" in slo_core.__file__, (slo_core.__file__, sys.path)
