"""Causes on the page of a service are those in its store."""

from __future__ import annotations

import json

import pytest

from slo_core.status.causes import causes_json, read_causes
from slo_core.status.sources.published_causes import causes_of_json


def page_of(registry, name):
    tracker = registry[name]
    view = {"slos": [{"name": name}], **causes_json(read_causes(tracker, tracker.snapshot()))}
    return json.loads(json.dumps(view))


def test_they_are_read_as_they_were(registry):
    """Every share, count and second of each span."""
    registry["bare"].record_success()
    registry["bare"].record_failure(cause="charge_card")
    registry["bare"].record_failure()

    page = page_of(registry, "bare")

    for span, seconds in (("1h", 3600), ("1d", 86_400)):
        assert causes_of_json(page, slo="bare", span=span) == registry["bare"].causes(seconds)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ({"version": 1, "error": "unknown SLO"}, "unknown SLO"),
        ({"slos": [{"name": "b"}]}, "the page does not show it"),
        (
            {"slos": [{"name": "a"}]},
            "the page is of an older slo-suite, which does not say what failed; upgrade the service",
        ),
        (
            {"slos": [{"name": "a"}], "causes": {}, "causes_note": "its store keeps no causes"},
            "its store keeps no causes",
        ),
    ],
)
def test_why_there_are_none(page, reason):
    """In words for the one who asked."""
    assert causes_of_json(page, slo="a", span="1h") == reason
