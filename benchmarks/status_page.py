"""The status view in Django's admin: 200 SLOs that a PostgreSQL holds full of 30 days, as a worker serves it."""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from types import ModuleType
from typing import Any, TypedDict

from benchmarks.contest import Result, hold_to, print_table
from benchmarks.servers import MissingServerError, postgres_server
from benchmarks.stores import definitions, fill
from slo_core import SLORegistry
from slo_core.conventions import DEFAULT_SERVICE
from slo_core.status_page.view import StatusView
from slo_core.stores.layout import WIDTHS, kept_from
from slo_core.stores.open import bucket_store_from_url

__all__ = ["measure", "run"]

SLO_COUNT = 200
_DAYS = 30
_LIST = "/admin/slo_django/slostatus/"
_PAGES = {
    "the list": _LIST,
    "the page of one SLO": f"{_LIST}slo-001/change/",
    "/slo": "/slo",
    "/slo.json": "/slo.json",
    "/metrics": "/metrics",
}
_COLD = "the list, a process's first request"
_WARM_READS = 5

# Longer than one read serves several readers: every measured request reads the store.
_REST_SECONDS = 0.6

# Of a thousand events of each second: within the budget, at its end, beyond it.
_BAD = "(slo.id % 3)"

# In the order in which a service writes them, so that neighbours in time are neighbours on the disk, and not those of an SLO.
_FILL = f"""
INSERT INTO slo_django_bucket (slo_id, width, bucket, good, bad)
SELECT slo.id, kept.width, bucket, kept.width * (1000 - {_BAD}), kept.width * {_BAD}
FROM slo_django_slo slo, (VALUES {{kept}}) kept (width, first, last), generate_series(kept.first, kept.last) bucket
ORDER BY (bucket + 1) * kept.width, slo.id, kept.width
"""


class Taken(TypedDict):
    """What one process has measured: seconds, and what there was to count."""

    cold: float
    warm: dict[str, list[float]]
    bytes: dict[str, int]
    compressed: int
    assets: dict[str, int]
    statements: list[str]


def _set_up(database: dict[str, object]) -> None:
    import django
    from django.conf import settings

    urls = ModuleType("benchmarks.status_page_urls")
    sys.modules[urls.__name__] = urls
    settings.configure(
        ALLOWED_HOSTS=["*"], DEBUG=False, ROOT_URLCONF=urls.__name__, SECRET_KEY="benchmark", USE_TZ=True,
        STATIC_URL="/static/", DATABASES={"default": database}, SLO_STORE="django://default", SLO_STATUS_PATH="/slo",
        SLO_FLUSH_INTERVAL=3600.0,
        SLO_DEFINITIONS={
            f"slo-{index:03}": {
                "target": "99.9%", "kind": "custom", "description": "Customers get what they have asked for.",
                "runbook": f"https://wiki.example/run/slo-{index:03}", "dashboard": f"https://grafana.example/d/slo-{index:03}",
                "labels": {"team": f"team-{index % 8}"},
            }
            for index in range(SLO_COUNT)
        },
        INSTALLED_APPS=[
            "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages",
            "django.contrib.sessions", "django.contrib.staticfiles", "slo_django",
        ],
        MIDDLEWARE=[
            "slo_django.middleware.SLOMiddleware", "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
    )  # fmt: skip
    django.setup()
    from django.contrib import admin
    from django.urls import include, path

    urls.urlpatterns = [  # type: ignore[attr-defined]
        path("admin/", admin.site.urls),
        path("", include("slo_django.urls")),
    ]


def _fill() -> int:
    """Have the database fill every bucket that is kept; how many there are for each SLO."""
    from django.db import connection

    from slo_django import get_registry

    registry = get_registry()
    registry.snapshot_all()  # declares them
    now = math.floor(time.time())
    keeps = max(tracker.definition.longest_seconds for tracker in registry)
    kept = [(width, kept_from(width, newest=now, keeps_seconds=keeps), now // width) for width in WIDTHS]
    with connection.cursor() as cursor:
        cursor.execute(_FILL.format(kept=", ".join(map(str, kept))))
        cursor.execute(
            f"UPDATE slo_django_slo slo SET good = (1000 - {_BAD}) * {_DAYS} * 86400::bigint, "
            f"bad = {_BAD} * {_DAYS} * 86400::bigint, newest = {now}, since = {now - _DAYS * 86_400}"
        )
        cursor.execute("VACUUM ANALYZE")  # as the server does by itself, in time
    return sum(last - first + 1 for _, first, last in kept)


def _sign_in() -> str:
    """The session of a user who may look."""
    from django.contrib.auth.models import Permission, User
    from django.test import Client

    sre = User.objects.create_user("sre", is_staff=True)
    sre.user_permissions.add(Permission.objects.get(codename="view_slostatus"))
    client = Client()
    client.force_login(sre)
    return str(client.cookies["sessionid"].value)


def measure(database: dict[str, object], session: str) -> Taken:
    """Ask for the pages, in a process that has asked its store nothing yet."""
    _set_up(database)
    from django.db import connections
    from django.db.backends.signals import connection_created
    from django.test import Client

    client = Client()
    client.cookies["sessionid"] = session
    sizes: dict[str, int] = {}
    texts: dict[str, str] = {}

    def seconds(name: str, path: str) -> float:
        connections.close_all()  # as after each request, unless a project sets CONN_MAX_AGE
        started = time.perf_counter()
        response = client.get(path)
        taken = time.perf_counter() - started
        assert response.status_code == 200, (path, response.status_code, response.content)
        assert b"cannot be read" not in response.content
        sizes[name] = len(response.content)
        texts[name] = response.content.decode()
        return taken

    cold = seconds("the list", _LIST)
    assert texts["the list"].count("2,592,") >= SLO_COUNT * 2 // 3  # every bucket is counted
    warm: dict[str, list[float]] = {}
    for name, path in _PAGES.items():
        warm[name] = []
        seconds(name, path)
        for _ in range(_WARM_READS):
            time.sleep(_REST_SECONDS)
            warm[name].append(seconds(name, path))
    statements: list[str] = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        statements.append(sql)
        return execute(sql, *rest)

    def watch(connection: Any, **_: object) -> None:
        connection.execute_wrappers.append(note)

    seconds("the list", _LIST)  # with new sparklines, if those of the last one are old
    connection_created.connect(watch)
    time.sleep(_REST_SECONDS)
    seconds("the list", _LIST)
    connection_created.disconnect(watch)
    connections.close_all()
    compressed = client.get("/slo", HTTP_ACCEPT_ENCODING="gzip")
    assert compressed["Content-Encoding"] == "gzip"
    assets = re.findall(r'"(/admin/[^"]+/assets/([\w.]+)\?[^"]*)"', texts["the list"] + texts["the page of one SLO"])
    return Taken(
        cold=cold,
        warm=warm,
        bytes=sizes,
        compressed=len(compressed.content),
        assets={name: len(client.get(path).content) for path, name in assets},
        statements=statements,
    )


def _in_a_process_of_its_own(database: dict[str, object], session: str, *, cache: str) -> Taken:
    code = (
        "import json, sys; from benchmarks.status_page import measure; "
        "print(json.dumps(measure(json.loads(sys.argv[1]), sys.argv[2])))"
    )
    command = [sys.executable, "-c", code, json.dumps(database), session]
    # With the modules' bytecode, which an installed package has.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONPYCACHEPREFIX": cache}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
    taken: Taken = json.loads(done.stdout)
    return taken


def _print(samples: list[Taken], buckets: int) -> None:
    results = {_COLD: Result(*_middle_and_least([taken["cold"] for taken in samples]))}
    for name in _PAGES:
        results[name] = Result(*_middle_and_least([seconds for taken in samples for seconds in taken["warm"][name]]))
    print_table(
        f"server time of a page of {SLO_COUNT} SLOs, {buckets:,} buckets each, PostgreSQL (Django's admin)",
        results,
        reference="the list",
        unit="ms",
    )
    last = samples[-1]
    of_store = [sql for sql in last["statements"] if "slo_django_" in sql and "permission" not in sql]
    for name, most in ((_COLD, 400), ("the list", 150)):
        least = results[name].minimum * 1e3
        hold_to(f"{name}, {SLO_COUNT} SLOs", f"< {most} ms", f"{least:.0f} ms", is_met=least < most)
    # The numbers of the SLOs, their sums, and the causes of what burns.
    hold_to("its statements on the store's tables", "<= 3", str(len(of_store)), is_met=len(of_store) <= 3)
    hold_to(
        "bytes of /slo, compressed by gzip", "<= 60,000", f"{last['compressed']:,}", is_met=last["compressed"] <= 60_000
    )
    print("  bytes: " + ", ".join(f"{name} {size:,}" for name, size in last["bytes"].items()))
    files = ", ".join(f"{name} {size:,}" for name, size in last["assets"].items())
    weight = sum(last["assets"].values())
    print(f"  files: {files}")
    hold_to("bytes of the page's files", "< 120,000", f"{weight:,}", is_met=weight < 120_000)


def _one_from_sqlite(rounds: int) -> None:
    """The page of one SLO, of a file full of 30 days: an event waits to be written before each read."""
    with tempfile.TemporaryDirectory(prefix="slo-") as folder:
        url = f"sqlite:///{folder}/slo.db"
        buckets = fill(bucket_store_from_url(url, service=DEFAULT_SERVICE), now=time.time(), count=1)
        with SLORegistry(url) as registry:
            tracker = registry.define(definitions(1)[0])
            view = StatusView(registry, path="/slo")

            def seconds() -> float:
                tracker.record(True)
                time.sleep(_REST_SECONDS)
                started = time.perf_counter()
                answer = view.respond_page("GET", query=f"slo={tracker.name}")
                taken = time.perf_counter() - started
                assert b"slo-headline" in answer.body
                return taken

            seconds()
            times = [seconds() for _ in range(rounds * _WARM_READS)]
    print_table(
        f"server time of the page of one SLO, {buckets:,} buckets, SQLite",
        {"the page of one SLO": Result(*_middle_and_least(times))},
        reference="the page of one SLO",
        unit="ms",
    )
    least = min(times) * 1e3
    hold_to("the page of one SLO, SQLite", "<= 100 ms", f"{least:.0f} ms", is_met=least <= 100)


def _middle_and_least(seconds: list[float]) -> tuple[float, float]:
    return statistics.median(seconds), min(seconds)


def run(rounds: int) -> None:
    """Print what the pages take, first and later, with what they weigh."""
    _one_from_sqlite(rounds)
    try:
        with postgres_server() as database:
            _set_up(database)
            from django.core.management import call_command
            from django.db import connections

            call_command("migrate", verbosity=0)
            buckets = _fill()
            session = _sign_in()
            connections.close_all()
            with tempfile.TemporaryDirectory(prefix="slo-") as cache:
                _in_a_process_of_its_own(database, session, cache=cache)  # writes the bytecode
                _print([_in_a_process_of_its_own(database, session, cache=cache) for _ in range(rounds)], buckets)
    except MissingServerError as exc:
        print(f"left out: {exc}")
