"""Numbers and dates in the language of the project."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation

from slo_django import get_registry

DEFINITIONS = {"availability": {"target": "99.5%", "kind": "custom"}}


@pytest.fixture
def german(open_for: Any) -> Any:
    """A project in German with 1,000 events, of which 4 are bad."""
    settings = {"SLO_DEFINITIONS": DEFINITIONS, "SLO_STATUS_PATH": "/slo", "LANGUAGE_CODE": "de"}
    with override_settings(**settings), translation.override("de"):
        for number in range(1000):
            get_registry()["availability"].record(number >= 4)
        yield


def printed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("slo_status", *arguments, stdout=out, stderr=io.StringIO(), no_color=True)
    return out.getvalue()


@pytest.mark.usefixtures("german")
def test_the_page_and_the_table_are_written_as_the_project_writes() -> None:
    """Decimal comma, grouped digits, and the date in its order; the script is given the same signs."""
    page = Client().get(reverse("slo:status")).content.decode()

    assert "99,60%" in page
    assert "1.000" in page
    assert re.search(r"\d\d?\. \w+ \d{4} \d\d:\d\d:\d\d UTC", page)
    assert 'data-decimal="," data-thousands="."' in page
    assert "99,60%" in printed()


@pytest.mark.usefixtures("german")
def test_what_programs_read_and_people_copy_is_not() -> None:
    """JSON, metrics, and the definition as it may be typed."""
    for document in (json.loads(printed("--json")), Client().get(reverse("slo:status-json")).json()):
        assert (document["slos"][0]["success_ratio"], document["slos"][0]["total"]) == (0.996, 1000)
    assert 'slo_success_ratio{slo="availability"} 0.996' in Client().get(reverse("slo:metrics")).content.decode()
    detail = Client().get(reverse("slo:status"), {"slo": "availability"}).content.decode()
    assert re.search(r"<dt>Target</dt><dd[^>]*>99\.5%</dd>", detail)
