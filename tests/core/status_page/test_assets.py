"""The files of a page."""

from __future__ import annotations

import re

from slo_core.status_page.view import StatusView
from status_page_text import registry_of_states


def test_every_file_of_a_page_is_there(clock):
    """For a year, because another version has another address; and all of them together are small."""
    view = StatusView(registry_of_states(clock), path="/internal/slo")
    html = view.respond_page("GET", query="slo=met").body.decode()
    names = set(re.findall(r'"slo/([a-z.]+)\?v=', html))

    assert names == {"slo.css", "slo.js", "slo.svg", "uplot.css", "uplot.js"}
    sizes = 0
    for name in names:
        answer = view.respond_asset("GET", name)
        assert answer.status == 200
        assert "immutable" in dict(answer.headers)["Cache-Control"]
        sizes += len(answer.body)
    assert sizes < 120_000
    assert view.respond_asset("GET", "../view.py").status == 404
    assert view.respond_asset("POST", "slo.js").status == 405
