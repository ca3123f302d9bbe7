"""The metrics view through Django's URLs and middlewares."""

from __future__ import annotations

import gzip

import prometheus_client.exposition as exposition
import pytest
from django.test import Client, override_settings
from django.urls import reverse
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from slo_test_project.project import COMMON, MIDDLEWARE, OpenProject, Project

from slo_django import get_registry

OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def test_a_scrape_shows_what_was_counted(project: Project) -> None:
    """One good request of two: the counters say so, and the scrape itself is not among them."""
    project.get("/")
    project.get("/boom/")

    samples = {
        (sample.name, sample.labels.get("slo"), sample.labels.get("outcome")): sample.value
        for family in parse_text(project.get("/metrics").body.decode())
        for sample in family.samples
    }

    assert samples["slo_events_total", "availability", "good"] == 1
    assert samples["slo_events_total", "availability", "bad"] == 1
    assert samples["slo_target", "availability", None] == 0.999
    assert len(project.events) == 2


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain", OPENMETRICS])
def test_the_content_type_is_what_was_negotiated(project: Project, accept: str) -> None:
    """Prometheus 3 refuses a scrape whose content type does not fit its body."""
    answer = project.get("/metrics", headers={"Accept": accept} if accept else {})

    encoder, content_type = exposition.choose_encoder(accept)
    assert answer.status == 200
    assert answer.header("Content-Type") == content_type
    parse = parse_openmetrics if "openmetrics" in content_type else parse_text
    assert {family.name for family in parse(answer.body.decode())} >= {"slo_target", "slo_breached"}


def test_gzip_and_names(project: Project) -> None:
    """What the shared view offers passes through Django: compression and a selection of names."""
    answer = project.get("/metrics?name[]=slo_target", headers={"Accept-Encoding": "gzip"})

    assert answer.header("Content-Encoding") == "gzip"
    families = list(parse_text(gzip.decompress(answer.body).decode()))
    assert [family.name for family in families] == ["slo_target"]


def test_head_has_the_headers_and_no_body(project: Project) -> None:
    """HEAD is answered, with the length that GET would have."""
    answer = project.ask("HEAD", "/metrics")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.header("Content-Length") or 0) > 100


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_405(project: Project, method: str) -> None:
    """Not 403, though CSRF protection stands before the view."""
    answer = project.ask(method, "/metrics")

    assert (answer.status, answer.header("Allow")) == (405, "GET, HEAD")


def test_a_token_is_asked_for(open_project: OpenProject) -> None:
    """Without it 401 and how to give it; with it the metrics."""
    project = open_project(SLO_METRICS_TOKEN="s3cret")

    refused = project.get("/metrics")
    assert (refused.status, refused.header("WWW-Authenticate")) == (401, 'Bearer realm="metrics"')
    assert project.get("/metrics", headers={"Authorization": "Bearer s3cret"}).status == 200


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text; version=abc", "text/plain; version=\xff", "," * 1_000_000]
)
def test_an_odd_accept_header_is_no_error(project: Project, accept: str) -> None:
    """And nothing of it is in the answer."""
    answer = project.get("/metrics", headers={"Accept": accept})

    assert (answer.status, answer.header("Content-Type")) == (200, exposition.choose_encoder("")[1])
    assert answer.header("X-Content-Type-Options") == "nosniff"


@pytest.mark.parametrize("authorization", ["Bearer \xff\xfe", "Basic \xe9", "Bearer \x00", "\xff" * 100_000])
def test_odd_bytes_in_the_token_open_nothing(open_project: OpenProject, authorization: str) -> None:
    """401, and no error."""
    project = open_project(SLO_METRICS_TOKEN="s3cret")

    assert project.get("/metrics", headers={"Authorization": authorization}).status == 401


def test_nothing_is_cached(project: Project) -> None:
    """Proxies and browsers must ask each time."""
    assert "no-store" in (project.get("/metrics").header("Cache-Control") or "")


def test_the_login_requirement_spares_the_metrics(open_project: OpenProject) -> None:
    """LoginRequiredMiddleware sends visitors of every other view to the login page."""
    project = open_project(
        MIDDLEWARE=[
            MIDDLEWARE,
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
    )

    assert project.get("/").status == 302
    assert project.get("/metrics").status == 200


def test_the_include_decides_the_prefix() -> None:
    """The same view answers wherever it is included, and nowhere counts itself."""
    assert reverse("slo:metrics") == "/metrics"
    assert reverse("prefixed:metrics") == "/prefixed/metrics"
    assert Client().get("/prefixed/metrics").status_code == 200
    assert get_registry()["availability"].snapshot().total == 0


def test_the_path_comes_from_the_settings() -> None:
    """An override moves the view, and takes it back."""
    with override_settings(SLO_METRICS_PATH="/internal/slo"):
        assert reverse("slo:metrics") == "/internal/slo"
        assert Client().get("/internal/slo").status_code == 200
        assert Client().get("/metrics").status_code == 404

    assert reverse("slo:metrics") == "/metrics"
    assert Client().get("/metrics").status_code == 200


def test_switched_off_it_is_not_found() -> None:
    """SLO_METRICS_PATH = None answers 404; `{% url %}` in a template still works."""
    with override_settings(SLO_METRICS_PATH=None):
        assert Client().get("/metrics").status_code == 404
        assert reverse("slo:metrics") == "/metrics"


def test_a_scrape_never_counts_not_even_when_named(open_project: OpenProject) -> None:
    """Our own view is out of every SLO, also of those that name its route, and also when it is refused."""
    project = open_project(
        SLO_DEFINITIONS={"metrics": {"target": 0.9, "routes": ["/metrics"], "unmatched": True}},
        MIDDLEWARE=[MIDDLEWARE, COMMON],
        SLO_METRICS_TOKEN="s3cret",
    )

    assert project.get("/metrics").status == 401
    assert project.counts("metrics") == (0, 0)


def test_a_scope_of_somebody_elses_is_no_trouble() -> None:
    """OAuth libraries put the granted `scope` on requests, as text."""
    from django.test import RequestFactory

    from slo_django.views import metrics

    request = RequestFactory().get("/metrics")
    request.scope = "read write"  # type: ignore[attr-defined]  # that is the point

    assert metrics(request).status_code == 200
