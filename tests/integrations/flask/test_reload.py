"""`flask --debug run` and its reloader: each process starts afresh, and the metrics answer."""

from __future__ import annotations

import os
from pathlib import Path

from reloading import counts_one, save_and_wait
from slo_servers import fetch, free_port, python, start_server

APP = """
import threading
from flask import Flask
from slo_flask import SLO

def create_app():
    app = Flask(__name__)
    app.config["SLO_DEFINITIONS"] = {"availability": {"target": "99.9%"}}
    SLO(app)

    @app.get("/")
    def home():
        flushers = [thread for thread in threading.enumerate() if thread.name == "slo-flusher"]
        return f"generation 1, {len(flushers) > 1}"

    return app
"""


def test_metrics_answer_before_and_after_a_reload(tmp_path: Path) -> None:
    """Each process counts from its own start, with at most one flusher, and nothing of the old one is in the way."""
    source = tmp_path / "reloaded_app.py"
    source.write_text(APP)
    port = free_port()
    environment = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
        # Bytecode is told apart by size and second: a file saved twice in one second would stay as it was.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = python("-m", "flask", "--app", "reloaded_app", "--debug", "run", "--port", str(port))

    with start_server(command, port=port, cwd=tmp_path, env=environment, ready="/metrics") as server:
        assert fetch(server.url + "/") == b"generation 1, False"
        counts_one(server)

        save_and_wait(server, source, APP.replace("generation 1", "generation 2"), answer=b"generation 2, False")

        counts_one(server)
