"""The budget can be read in an async view, with the counts in the project's own database."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio, logging, sys
from django.conf import settings

settings.configure(
    SECRET_KEY="x", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, INSTALLED_APPS=["slo_django"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}}, SLO_STORE="django://default",
    MIDDLEWARE=["slo_django.middleware.SLOMiddleware"], SLO_DEFINITIONS={"availability": {"target": 0.99}},
)
import django
django.setup()
from django.core.management import call_command
from django.http import HttpResponse
from django.test import AsyncClient
from django.urls import path
from slo_django import get_registry

messages = []

class Listener(logging.Handler):
    def emit(self, record):
        messages.append(record.getMessage())

async def asks(request, what):
    registry = get_registry()
    if what == "flush":
        registry.flush()
    elif what == "close":
        registry.close()
    elif what == "all":
        assert [each.total for each in registry.snapshot_all()] == [1]
    elif what == "alerts":
        assert registry.check_burn_rates() == []
    else:
        assert registry["availability"].check_burn_rate() == []
        assert registry["availability"].snapshot().total == 4
    return HttpResponse()

urlpatterns = [path("<slug:what>/", asks)]
call_command("migrate", verbosity=0)
logging.getLogger("slo_core").addHandler(Listener())

async def main():
    client = AsyncClient()
    for what in ("flush", "all", "alerts", "close", "one"):
        assert (await client.get(f"/{what}/")).status_code == 200

asyncio.run(main())
assert get_registry().internals.errors.total == 0
assert messages == [], messages
print("counted", get_registry()["availability"].snapshot().total)
"""


def test_every_question_works_in_an_async_view(tmp_path: Path) -> None:
    """Django refuses the database to an event loop; no outage is reported, and nothing is lost."""
    ended = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, timeout=60)

    assert ended.stdout == "counted 5\n", ended.stderr


def test_the_store_can_do_in_async_views_all_that_it_can_elsewhere() -> None:
    """Whatever a protocol of stores names: what is missing would be taken for a store that cannot do it."""
    from slo_core.stores.buckets import BucketStore, DeletingStore
    from slo_core.stores.causes import CauseStore
    from slo_core.stores.closed_periods import PeriodStore
    from slo_core.stores.episodes import EpisodeStore
    from slo_django.async_callers import AsyncSafeBuckets
    from slo_django.store.bucket_store import open_django

    buckets = AsyncSafeBuckets(open_django("django://default", service="shop"))

    protocols = (BucketStore, CauseStore, DeletingStore, EpisodeStore, PeriodStore)
    assert [protocol.__name__ for protocol in protocols if not isinstance(buckets, protocol)] == []
