"""WSGI servers of every kind start the application, and what they answer is what is counted: a short look at each."""

from __future__ import annotations

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
