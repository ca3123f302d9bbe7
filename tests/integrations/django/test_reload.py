"""`manage.py runserver` and its reloader: the metrics are there before and after a file was saved."""

from __future__ import annotations

import os
from pathlib import Path

from reloading import counts_one, save_and_wait
from slo_servers import fetch, free_port, python, start_server

PROJECT = """
import os, threading
from django.conf import settings
from django.http import HttpResponse
from django.urls import include, path

SECRET_KEY = "only-for-tests"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = __name__
INSTALLED_APPS = ["slo_django"]
MIDDLEWARE = ["slo_django.middleware.SLOMiddleware"]
SLO_DEFINITIONS = {"availability": {"target": "99.9%"}}

def home(request):
    flushers = [thread for thread in threading.enumerate() if thread.name == "slo-flusher"]
    return HttpResponse(f"generation 1, {len(flushers) > 1}")

urlpatterns = [path("", home), path("", include("slo_django.urls"))]
"""


def test_metrics_answer_before_and_after_a_reload(tmp_path: Path) -> None:
    """Each process counts from its own start, with at most one flusher, and nothing of the old one is in the way."""
    source = tmp_path / "reloaded_project.py"
    source.write_text(PROJECT)
    port = free_port()
    environment = {
        "DJANGO_SETTINGS_MODULE": "reloaded_project",
        # Bytecode is told apart by size and second: a file saved twice in one second would stay as it was.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
    }
    command = python("-m", "django", "runserver", f"127.0.0.1:{port}")

    with start_server(command, port=port, cwd=tmp_path, env=environment, ready="/metrics") as server:
        assert fetch(server.url + "/") == b"generation 1, False"
        counts_one(server)

        save_and_wait(server, source, PROJECT.replace("generation 1", "generation 2"), answer=b"generation 2, False")

        counts_one(server)
