"""The status page on ASGI: off unless asked for, and counted for no SLO."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from asgi_driver import serve
from asgi_service import AVAILABILITY
from slo_asgi import instrument
from slo_core.errors import ConfigError

pytestmark = pytest.mark.parametrize("framework", [Starlette, FastAPI])


def test_the_page_its_json_and_its_files_answer(framework: type[Any]) -> None:
    """Where `status_path` says; none of it counts."""
    app = framework()
    registry = instrument(app, AVAILABILITY, status_path="/internal/slo")

    page, document = serve(app, path="/internal/slo"), serve(app, path="/internal/slo.json")

    assert page.status == document.status == 200
    assert b"availability" in page.body
    assert json.loads(document.body)["slos"][0]["name"] == "availability"
    (query,) = re.findall(r"slo[.]js[?](v=\w+)", page.body.decode())
    assert "immutable" in serve(app, path="/internal/slo/slo.js", query=query).headers["cache-control"]
    assert serve(app, path="/internal/slo/slo.js").headers["cache-control"] == "no-cache"
    assert serve(app, path="/internal/slo/other.js").status == 404
    assert registry["availability"].snapshot().total == 0


def test_it_is_off_unless_asked_for(framework: type[Any]) -> None:
    """Nobody shows budgets to the world by accident."""
    app = framework()
    instrument(app, AVAILABILITY)

    assert serve(app, path="/slo").status == 404


def test_it_asks_for_the_token(framework: type[Any]) -> None:
    """The one of the metrics."""
    app = framework()
    instrument(app, AVAILABILITY, status_path="/slo", metrics_token="s3cret")

    assert serve(app, path="/slo").status == 401
    assert serve(app, path="/slo.json").status == 401
    assert serve(app, path="/slo", headers={"authorization": "Bearer s3cret"}).status == 200


def test_a_path_that_is_taken_is_warned_of(framework: type[Any]) -> None:
    """The first route that matches answers."""
    app = framework()
    app.add_route("/slo", lambda request: None)

    with pytest.warns(UserWarning, match="status_path"):
        instrument(app, AVAILABILITY, status_path="/slo")


@pytest.mark.parametrize("path", ["slo", "/", 5, "/metrics"])
def test_a_path_that_cannot_be_is_refused(framework: type[Any], path: Any) -> None:
    """Where it stands, what was expected."""
    with pytest.raises(ConfigError, match="status_path"):
        instrument(framework(), AVAILABILITY, status_path=path)
