"""WSGI servers of every kind start the application, and what they answer is what is counted: a short look at each."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import shutil
import socket
import struct
import sys
import urllib.error
from pathlib import Path

import pytest

from fleet_client import settled, workers_up
from slo_core import SLODefinition, SLORegistry
from slo_servers import HOST, fetch, free_port, python, start_server

SUPPORT = Path(__file__).parents[1] / "support"
PORT = "PORT"


def uwsgi(processes: int) -> list[str]:
    """Its command line; the executable comes with the wheel."""
    command = Path(sys.executable).with_name("uwsgi")
    executable = str(command) if command.exists() else shutil.which("uwsgi")
    if executable is None:
        pytest.skip("missing server: uwsgi (pip install pyuwsgi)")
    return [
        executable, "--http-socket", f"{HOST}:{PORT}", "--module", "fleet_service:flask_app()", "--master", "--die-on-term",
        "--enable-threads", "--need-app", "--lazy-apps", "--processes", str(processes),
    ]  # fmt: skip


SERVERS = {
    "waitress": (lambda: python("-m", "waitress", f"--listen={HOST}:{PORT}", "--call", "fleet_service:flask_app"), 1),
    "uwsgi, one process": (lambda: uwsgi(1), 1),
    "uwsgi, two processes": (lambda: uwsgi(2), 2),
    "gunicorn": (lambda: python("-m", "gunicorn", "-b", f"{HOST}:{PORT}", "-w", "2", "fleet_service:flask_app()"), 2),
    "gunicorn, all in its file": (lambda: python("-m", "gunicorn"), 2),
    "granian": (
        lambda: python(
            "-m", "granian", "--interface", "wsgi", "--port", PORT, "--workers", "2", "--factory", "fleet_service:flask_app"
        ),
        2,
    ),
}  # fmt: skip
# Read from the folder that it starts in.
GUNICORN_FILE = f"""
bind = "{HOST}:{PORT}"
workers = 2
wsgi_app = "fleet_service:flask_app()"
"""


def ask(port: int, path: str) -> int:
    try:
        fetch(f"http://{HOST}:{port}{path}")
    except urllib.error.HTTPError as exc:
        return exc.code
    return 200


def break_off_an_upload(port: int) -> None:
    """Announce a hundred bytes, send four, and reset the connection."""
    with socket.create_connection((HOST, port)) as client:
        client.sendall(b"POST /upload HTTP/1.1\r\nHost: shop\r\nContent-Length: 100\r\n\r\nfour")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def upload(port: int) -> int:
    connection = http.client.HTTPConnection(HOST, port, timeout=60)
    connection.request("POST", "/upload", b"four", {"Connection": "close"})
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize("name", SERVERS)
def test_it_starts_and_counts(name: str, tmp_path: Path) -> None:
    """Good, bad, an upload, and one that breaks off, which counts for nothing; scrapes do not count either."""
    command, processes = SERVERS[name]
    if name.startswith("granian") and importlib.util.find_spec("granian") is None:
        pytest.skip("granian is not installed")
    port = free_port()
    line = [part.replace(PORT, str(port)) for part in command()]
    (tmp_path / "gunicorn.conf.py").write_text(GUNICORN_FILE.replace(PORT, str(port)))
    environment = {"SERVICE_STORE": f"sqlite:///{tmp_path / 'slo.db'}", "PYTHONPATH": str(SUPPORT)}
    with start_server(line, port=port, ready="/metrics", env=environment, cwd=tmp_path):
        workers_up(port, processes)
        statuses = [ask(port, path) for path in ("/ok", "/bad", "/orders", "/nowhere")]
        break_off_an_upload(port)
        statuses.append(upload(port))

        assert statuses == [200, 500, 200, 404, 200]
        counted = settled(port)

    assert counted == {("availability", "good"): 3, ("availability", "bad"): 1, ("orders", "good"): 1}


FORKING = """
import sys
from fleet_service import flask_app
flask_app().run(port=int(sys.argv[1]), threaded=False, processes=2)
"""


def test_a_server_that_ends_each_process_before_it_hands_over_is_told(tmp_path: Path) -> None:
    """Werkzeug's, with `processes=`: its children end by `os._exit`."""
    port = free_port()
    environment = {"SERVICE_STORE": f"sqlite:///{tmp_path / 'slo.db'}", "PYTHONPATH": str(SUPPORT)}
    with start_server(
        python("-c", FORKING, str(port)), port=port, ready="/metrics", env=environment, cwd=tmp_path
    ) as running:
        assert ask(port, "/ok") == 200
        ask(port, "/metrics")

        assert "no request is counted, whatever the store" in running.output()


FILES = """
import sys
from flask import Flask, send_file
from slo_flask import SLO

class Remote:
    reads = 0
    def read(self, size=-1):
        self.reads += 1
        if self.reads > 2:
            raise OSError(5, "Input/output error")
        return b"x" * 8192
    def close(self):
        pass

app = Flask("shop")
app.config["SLO_DEFINITIONS"] = {"availability": {"target": 0.9}}
SLO(app)
app.add_url_rule("/ok", "ok", lambda: "ok")
app.add_url_rule("/remote", "remote", lambda: send_file(Remote(), mimetype="text/plain"))
app.add_url_rule("/disk", "disk", lambda: send_file(__file__))
app.add_url_rule("/text", "text", lambda: Texts())

class Texts(app.response_class):
    def __call__(self, environ, start_response):
        start_response("200 OK", [])
        return ["a text"]
"""
FILE_SERVERS = {
    "waitress": lambda: python("-m", "waitress", f"--listen={HOST}:{PORT}", "shop:app"),
    "gunicorn": lambda: python("-m", "gunicorn", "-b", f"{HOST}:{PORT}", "shop:app"),
    "uwsgi": lambda: [PORT if part == PORT else part.replace("fleet_service:flask_app()", "shop:app") for part in uwsgi(1)],
}  # fmt: skip


@pytest.mark.parametrize("name", FILE_SERVERS)
def test_what_a_server_cannot_send_is_bad(name: str, tmp_path: Path) -> None:
    """A file that no server sends by itself, whose read fails midway; a body of text. A file on the disk is good."""
    port = free_port()
    (tmp_path / "shop.py").write_text(FILES)
    line = [part.replace(PORT, str(port)) for part in FILE_SERVERS[name]()]
    with start_server(line, port=port, ready="/ok", env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path):
        before = settled(port)
        assert fetch(f"http://{HOST}:{port}/disk") == FILES.encode()
        for path in ("/remote", "/text"):
            with contextlib.suppress(http.client.HTTPException, OSError):
                fetch(f"http://{HOST}:{port}{path}")
        after = settled(port)

    counted = [after[key] - before[key] for key in (("availability", "good"), ("availability", "bad"))]
    assert counted == [1, 2]


def test_granian_hands_over_at_its_stop(tmp_path: Path) -> None:
    """Its workers are children of `multiprocessing`, which do not run what is registered with `atexit`."""
    if importlib.util.find_spec("granian") is None:
        pytest.skip("granian is not installed")
    command, processes = SERVERS["granian"]
    port, store = free_port(), f"sqlite:///{tmp_path / 'slo.db'}"
    line = [part.replace(PORT, str(port)) for part in command()]
    environment = {"SERVICE_STORE": store, "PYTHONPATH": str(SUPPORT), "SERVICE_INTERVAL": "600"}
    with start_server(line, port=port, ready="/metrics", env=environment, cwd=tmp_path):
        workers_up(port, processes)
        for _ in range(10):
            ask(port, "/ok")

    with SLORegistry(store, service="fleet") as registry:
        snapshot = registry.define(SLODefinition("availability", 0.9)).snapshot()
    assert (snapshot.total, snapshot.failures) == (10, 0)
