"""`example_projects/django_shop` from its own folder: its checks, its migrations and its commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SHOP = Path(__file__).parents[3] / "example_projects" / "django_shop"
PRODUCTION = {"SHOP_DEBUG": "0", "SHOP_SECRET_KEY": "only-for-tests-" + "x" * 50, "SHOP_METRICS_TOKEN": "s3cret"}


def manage(database: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One of the shop's commands."""
    own = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=SHOP,
        env={**own, "SHOP_DATABASE": str(database), **environment},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [["check"], ["makemigrations", "--check"], ["check", "--deploy", "--tag", "slo", "--fail-level", "WARNING"]],
)
def test_the_shop_passes_its_checks(tmp_path: Path, arguments: list[str]) -> None:
    """What the README tells people to run says nothing, in production either."""
    done = manage(tmp_path / "shop.sqlite3", *arguments, **PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "slo." not in done.stdout + done.stderr


def test_the_shop_can_be_stocked(tmp_path: Path) -> None:
    """Migrations bring three products; the import counts good and bad lines for its SLO."""
    database, stock = tmp_path / "shop.sqlite3", tmp_path / "stock.csv"
    stock.write_text("Sofa,50000\nno price\nRug,9900\n")

    assert manage(database, "migrate", "--verbosity", "0").returncode == 0
    done = manage(database, "import_stock", str(stock))

    assert done.stdout == "2 of 3 lines imported\n"
    assert "no price" in done.stderr
    status = json.loads(manage(database, "slo_status", "--format", "json").stdout)
    (imported,) = [slo for slo in status["slos"] if slo["name"] == "stock-import"]
    assert (imported["total"], imported["failures"]) == (3, 1)
