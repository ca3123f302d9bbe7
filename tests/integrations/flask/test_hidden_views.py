"""Our views and others at the same path: what never answers is named, once, at the first request."""

from __future__ import annotations

import logging

import pytest
from flask import Flask

from flask_service import AVAILABILITY, Service
from slo_flask import SLO


@pytest.mark.parametrize("path", ["/metrics", "/slo", "/slo.json"])
def test_a_later_view_that_never_answers_is_named_once(path: str, caplog: pytest.LogCaptureFixture) -> None:
    """As the exporter of another library: Flask keeps both and says nothing."""
    app = Flask("shop")
    app.config["SLO_STATUS_PATH"] = "/slo"
    app.config["SLO_DEFINITIONS"] = AVAILABILITY

    SLO(app)
    app.add_url_rule(path, "exporter", lambda: "theirs")
    with caplog.at_level(logging.WARNING, logger="slo_core"):
        client = app.test_client()
        bodies = [client.get(path).data for _ in range(2)]

    assert b"theirs" not in bodies
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith(f"{path} goes to slo-suite: the endpoint 'exporter' was added at the same path later")


def test_a_view_beside_ours_is_not_named(caplog: pytest.LogCaptureFixture) -> None:
    """Neither a catch-all, nor a path below that of the page."""
    service = Service(SLO_STATUS_PATH="/slo")
    for index, path in enumerate(("/<path:page>", "/slo/handbook", "/metrics/theirs")):
        service.app.add_url_rule(path, f"view{index}", lambda page="": "theirs")
    service.ask(path="/page")

    assert caplog.records == []
    assert b"slo_target" in service.ask(path="/metrics").content
