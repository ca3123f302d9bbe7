"""The status page on Flask: off unless asked for, and counted for no SLO."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask

from slo_core.errors import ConfigError
from slo_flask import SLO

DEFINITIONS = {"availability": {"target": "90%"}}


def app_with(**config: Any) -> Flask:
    app = Flask(__name__)
    app.config.update({"SLO_DEFINITIONS": DEFINITIONS, **config})
    SLO(app)
    return app


def test_the_page_its_json_and_its_files_answer() -> None:
    """Where `SLO_STATUS_PATH` says; none of it counts."""
    app = app_with(SLO_STATUS_PATH="/internal/slo")
    client = app.test_client()

    assert b"availability" in client.get("/internal/slo").data
    assert client.get("/internal/slo.json").json["slos"][0]["name"] == "availability"
    (script,) = re.findall(r"slo/slo[.]js[?]v=\w+", client.get("/internal/slo").text)
    assert "immutable" in client.get(f"/internal/{script}").headers["Cache-Control"]
    assert client.get("/internal/slo/slo.js").headers["Cache-Control"] == "no-cache"
    assert client.get("/internal/slo/other.js").status_code == 404
    assert client.post("/internal/slo").status_code == 405
    assert (
        client.head("/internal/slo").headers["Content-Length"] == client.get("/internal/slo").headers["Content-Length"]
    )
    assert app.extensions["slo"].registry["availability"].snapshot().total == 0


def test_it_is_off_unless_asked_for() -> None:
    """Nobody shows budgets to the world by accident."""
    assert app_with().test_client().get("/slo").status_code == 404
    assert app_with(SLO_STATUS_PATH="/slo", SLO_ENABLED=False).test_client().get("/slo").status_code == 404


def test_it_asks_for_the_token() -> None:
    """The one of the metrics."""
    client = app_with(SLO_STATUS_PATH="/slo", SLO_METRICS_TOKEN="s3cret").test_client()

    assert client.get("/slo").status_code == 401
    assert client.get("/slo", auth=("anyone", "s3cret")).status_code == 200


def test_a_path_that_is_taken_is_refused() -> None:
    """Flask would ask the first rule, and the page would never be seen."""
    app = Flask(__name__)
    app.add_url_rule("/slo", "mine", lambda: "mine")
    app.config.update(SLO_DEFINITIONS=DEFINITIONS, SLO_STATUS_PATH="/slo")

    with pytest.raises(ConfigError, match="SLO_STATUS_PATH.*'mine'"):
        SLO(app)


def test_it_answers_any_host() -> None:
    """With host matching a rule without a host would match none."""
    app = Flask(__name__, host_matching=True, static_host="static.example")
    app.config.update(SLO_DEFINITIONS=DEFINITIONS, SLO_STATUS_PATH="/slo")
    SLO(app)

    assert app.test_client().get("/slo", base_url="http://a.example").status_code == 200
