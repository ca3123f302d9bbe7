"""The files of a page."""

from __future__ import annotations

import re

import pytest

from slo_core.status_page.view import StatusView
from status_page_text import registry_of_states


def test_every_file_of_a_page_is_there(clock):
    """All of them together are small."""
    view = StatusView(registry_of_states(clock), path="/internal/slo")
    html = view.respond_page("GET", query="slo=met").body.decode()
    names = set(re.findall(r'"slo/([a-z.]+)\?v=', html))

    assert names == {"slo.css", "slo.js", "slo.svg", "uplot.css", "uplot.js"}
    sizes = 0
    for name in names:
        answer = view.respond_asset("GET", name)
        assert answer.status == 200
        sizes += len(answer.body)
    assert sizes < 120_000
    assert view.respond_asset("GET", "../view.py").status == 404
    assert view.respond_asset("POST", "slo.js").status == 405


@pytest.mark.parametrize(("change", "kept"), [("", "immutable"), ("0", "no-cache"), (None, "no-cache")])
def test_caches_keep_a_file_of_the_version_that_was_asked_for_only(clock, change, kept):
    """For a year. While a service is replaced an instance of one version may be asked for the files of another."""
    view = StatusView(registry_of_states(clock), path="/slo")
    version = re.findall(r"slo[.]js[?]v=(\w+)", view.respond_page("GET").body.decode())[0]
    query = "" if change is None else f"v={version}{change}"

    assert kept in dict(view.respond_asset("GET", "slo.js", query=query).headers)["Cache-Control"]
