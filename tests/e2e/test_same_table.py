"""`slo status`, `manage.py slo_status`, `flask slo status` and the demo."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from slo_servers import HOST, free_port, python

DEMO = Path(__file__).resolve().parents[2] / "example_projects" / "fastapi_service"
BETWEEN = "-----\n"

# The four in one process, each as its users start it, the demo with a real server for its page.
COMMANDS = f"""
import os, sys, threading, time

import uvicorn
from django.conf import settings
from django.core.management import execute_from_command_line
from flask import Flask
from flask.cli import ScriptInfo

from demo_pager import Pager
from demo_show import Show
from demo_traffic import Traffic
from main import SLO_DEFINITIONS, app
from slo_core import SLORegistry
from slo_core.cli import main
from slo_flask import SLO

store, port, day = os.environ["SLO_STORE"], int(sys.argv[1]), 86_400.0
common = dict(SLO_DEFINITIONS=SLO_DEFINITIONS, SLO_STORE=store, SLO_SERVICE="default")
with SLORegistry.from_config(SLO_DEFINITIONS, store=store) as registry:
    # One pages, one waits for a second failure, one has spent its budget and is quiet, and one is fine.
    for name, ago, good, bad in (
        ("availability", 9.3 * day, 900, 0),
        ("availability", 2.0, 90, 10),
        ("checkout", 9.3 * day, 500, 0),
        ("checkout", 2.0, 0, 1),
        ("checkout-latency", 9.3 * day, 95, 5),
        ("receipts", 9.3 * day, 1, 0),
    ):
        for number in range(good + bad):
            registry[name].record(number < good, at=time.time() - ago)

assert main(["status", store]) == 0

print({BETWEEN!r}, end="")
settings.configure(SECRET_KEY="x", INSTALLED_APPS=["slo_django"], **common)
execute_from_command_line(["manage.py", "slo_status"])

print({BETWEEN!r}, end="")
shop = Flask("shop")
shop.config.update(common)
SLO(shop)
print(shop.test_cli_runner().invoke(args=["slo", "status"], obj=ScriptInfo(create_app=lambda: shop)).stdout, end="")

print({BETWEEN!r}, end="", flush=True)
server = uvicorn.Server(uvicorn.Config(app, host="{HOST}", port=port, log_level="critical"))
thread = threading.Thread(target=server.run)
thread.start()
while not server.started:
    time.sleep(0.01)
print("\\n".join(Show(f"http://{HOST}:{{port}}", Traffic(1), Pager()).table(None)))
server.should_exit = True
thread.join()
"""


def test_four_commands_print_the_same_lines(tmp_path: Path) -> None:
    """State now, budget, why a rule waits, and exhaustion, the most urgent first: of a store, two frameworks and a page."""
    environment = {**os.environ, "SLO_STORE": f"sqlite:///{tmp_path / 'slo.db'}"}
    environment["PYTHONPATH"] = os.pathsep.join([str(DEMO), environment.get("PYTHONPATH", "")])
    environment.pop("FORCE_COLOR", None)

    done = subprocess.run(
        python("-c", COMMANDS, str(free_port())), cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    of_slo, *others = (part.splitlines() for part in done.stdout.split(BETWEEN))
    heading, paging, waiting, spent, quiet = of_slo
    assert re.match("availability +paging +breached .* page 1h/5m .* gone ", paging)
    assert re.match("checkout +waiting +met .* page 1h/5m waiting: needs 2 bad events, has 1 ", waiting)
    assert re.match("checkout-latency +- +breached .* gone ", spent)
    assert re.match("receipts +- +met ", quiet)
    columns = [heading.index(name) for name in ("NOW", "BUDGET LEFT", "ALERTS", "EXHAUSTED IN")]
    assert columns == sorted(columns)
    assert others == [of_slo, of_slo, of_slo]
