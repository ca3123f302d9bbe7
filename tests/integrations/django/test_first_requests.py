"""An SLO that is never fed although requests pass is named in the log, once."""

from __future__ import annotations

import logging

import pytest
from slo_test_project.project import OpenProject

from slo_core.http import first_requests


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests are enough."""
    monkeypatch.setattr(first_requests, "_ENOUGH_REQUESTS", 3)


def test_an_slo_that_nothing_feeds_is_named_once(open_for: OpenProject, caplog: pytest.LogCaptureFixture) -> None:
    """Its method is one that the view does not answer. SLOs that are fed, or by hand, are not named."""
    from django.core.handlers.wsgi import WSGIHandler
    from slo_test_project.drivers import serve_wsgi

    project = open_for(
        "wsgi",
        SLO_DEFINITIONS={
            "all": {"target": 0.9},
            "writes": {"target": 0.9, "methods": ["POST"], "views": ["home"]},
            "jobs": {"target": 0.9, "kind": "custom"},
        },
    )
    application = WSGIHandler()

    with caplog.at_level(logging.WARNING, logger="slo_core"):
        for path in ["/", "/no/such/page/", "/"]:
            serve_wsgi("GET", path, application=application)
        assert caplog.messages == []
        for path in ["/", "/", "/", "/", "/"]:
            serve_wsgi("GET", path, application=application)

    (message,) = caplog.messages
    assert message.startswith("none of the first 3 requests of this process belongs to the SLO 'writes'")
    assert message.endswith("in settings.SLO_DEFINITIONS")
    assert project.counts("all") == (7, 0)
