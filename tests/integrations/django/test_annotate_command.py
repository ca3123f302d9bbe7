"""`manage.py slo_annotate` and SLO_RELEASE: marks of a Django project."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from slo_core.stores.sql.sqlite import SQLiteBucketStore
from slo_django import get_registry
from slo_django.checks.settings import check_settings


def test_it_marks_a_change_in_the_store_of_the_settings(tmp_path: Path) -> None:
    """With one line; the release of the settings is none of the command's."""
    out = io.StringIO()
    with override_settings(SLO_STORE=f"sqlite:///{tmp_path}/slo.db", SLO_SERVICE="shop", SLO_RELEASE="4.2"):
        call_command("slo_annotate", "migration 0042", "--at", "2026-03-01T12:00Z", "--kind", "deploy", stdout=out)
        get_registry().close()
        assert [(mark.kind, mark.text) for mark in SQLiteBucketStore(tmp_path / "slo.db", service="shop").marks(0)] == [
            ("deploy", "migration 0042")
        ]
        get_registry()["availability"].record(True)
        get_registry().close()

    assert out.getvalue() == "shop: deploy migration 0042 is marked at 2026-03-01 12:00:00 UTC\n"
    store = SQLiteBucketStore(tmp_path / "slo.db", service="shop")
    assert [(mark.kind, mark.text) for mark in store.marks(0)] == [("deploy", "migration 0042"), ("release", "4.2")]
    store.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x"], "memory:// is this command's own"),
        (["x", "--at", "soon"], "expected a time"),
    ],
)
def test_a_mark_that_cannot_be_written_is_an_error(arguments: list[str], message: str) -> None:
    """Also one that would end with the command."""
    with override_settings(SLO_STORE="memory://"), pytest.raises(CommandError, match=message):
        call_command("slo_annotate", *arguments)


def test_a_wrong_release_is_a_message_of_check() -> None:
    """Before it stops the first request."""
    with override_settings(SLO_RELEASE="4.2\n", SLO_STORE="memory://"):
        (message,) = [each for each in check_settings() if "RELEASE" in each.msg]

    assert "settings.SLO_RELEASE: expected 1 to 100 printable characters, in one line" in message.msg
