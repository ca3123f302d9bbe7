"""The status page of Django outside its admin, and the admin's view as far as it needs no database."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import NoReverseMatch, reverse

from slo_django import get_registry

DEFINITIONS = {"availability": {"target": "90%"}}


@pytest.fixture
def client(open_for: Any) -> Client:
    return Client(raise_request_exception=False)


def test_the_page_its_json_and_its_files_answer(client: Client) -> None:
    """Where `SLO_STATUS_PATH` says, below the include; none of it counts."""
    with override_settings(SLO_DEFINITIONS=DEFINITIONS, SLO_STATUS_PATH="/internal/slo"):
        address = reverse("slo:status")
        page = client.get(address)

        assert address.endswith("/internal/slo")
        assert page.status_code == 200
        assert b"availability" in page.content
        assert client.get(reverse("slo:status-json")).json()["slos"][0]["name"] == "availability"
        script = reverse("slo:status-asset", args=["slo.js"])
        (query,) = re.findall(r"slo[.]js([?]v=\w+)", page.content.decode())
        assert "immutable" in client.get(f"{script}{query}").headers["Cache-Control"]
        assert client.get(script).headers["Cache-Control"] == "no-cache"
        assert client.get(reverse("slo:status-asset", args=["other.js"])).status_code == 404
        assert client.post(address).status_code == 405
        assert get_registry()["availability"].snapshot().total == 0


def test_it_is_off_unless_asked_for(client: Client) -> None:
    """The paths below it are the project's own."""
    with override_settings(SLO_DEFINITIONS=DEFINITIONS), pytest.raises(NoReverseMatch):
        reverse("slo:status")


def test_it_asks_for_the_token(client: Client) -> None:
    """The one of the metrics."""
    with override_settings(SLO_DEFINITIONS=DEFINITIONS, SLO_STATUS_PATH="/slo", SLO_METRICS_TOKEN="s3cret"):
        address = reverse("slo:status")
        assert client.get(address).status_code == 401
        assert client.get(address, headers={"Authorization": "Bearer s3cret"}).status_code == 200


def test_wrong_settings_are_no_server_error(client: Client) -> None:
    """Whoever looks is told to read the log, and sees nothing of the settings."""
    with override_settings(SLO_DEFINITIONS={"availability": {"target": 99.9}}, SLO_STATUS_PATH="/slo"):
        answer = client.get(reverse("slo:status"))

        assert answer.status_code == 503
        assert b"99.9" not in answer.content


def test_a_cache_of_the_whole_site_holds_nothing_back_and_shows_nothing_without_the_token(client: Client) -> None:
    """Earlier releases of Django heed neither `no-store` nor `Authorization` there, but `private`."""
    cached = {
        "MIDDLEWARE": [
            "django.middleware.cache.UpdateCacheMiddleware",
            "slo_django.middleware.SLOMiddleware",
            "django.middleware.cache.FetchFromCacheMiddleware",
        ],
        "CACHES": {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    }
    with override_settings(SLO_DEFINITIONS=DEFINITIONS, SLO_STATUS_PATH="/slo", SLO_METRICS_TOKEN="s3cret", **cached):
        client = Client()
        for address in (reverse("slo:status"), reverse("slo:status-json"), reverse("slo:metrics")):
            allowed = {"headers": {"Authorization": "Bearer s3cret"}}
            first = client.get(address, **allowed)
            assert "private" in first["Cache-Control"]
            get_registry()["availability"].record_failure()

            assert client.get(address).status_code == 401
            assert client.get(address, **allowed).content != first.content
