"""The settings of recent failures: each mistake is named, with what was expected."""

from __future__ import annotations

import pytest

from slo_core import ConfigError, SLORegistry
from slo_core.config.failure_settings import failure_settings_problems
from slo_core.config.settings import SLOSettings


@pytest.mark.parametrize(
    "url",
    [
        "https://tempo.example/trace/{trace_id}", "http://localhost:16686/trace/{trace_id}?uiFind={trace_id}#top",
        "https://grafana.example/explore?left=%7B%22query%22:%22{trace_id}%22%7D",
    ],
)  # fmt: skip
def test_addresses_of_traces(url: str) -> None:
    """With a port, a query, escaped braces."""
    assert list(failure_settings_problems(recent_failures=50, request_id_header=None, trace_url=url)) == []
    assert SLORegistry(trace_url=url).internals.trace_url == url


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://tempo.example/trace/", "which has no {trace_id}"),
        ("https://tempo.example/{trace}/{trace_id}", "'{trace}' is not known"),
        ("https://tempo.example/{trace_id}/{", "'{' is not known"),
        ("https://tempo.example/{trace_id}}", "'}' is not known"),
        ("javascript:alert('{trace_id}')", "begins with http:// or https://"),
        ("data:text/html,{trace_id}", "begins with http:// or https://"),
        ("ftp://tempo.example/{trace_id}", "begins with http:// or https://"),
        ("//tempo.example/{trace_id}", "begins with http:// or https://"),
        ("https://{trace_id}.example/", "with a host before the placeholder"),
        ("https:///{trace_id}", "with a host before the placeholder"),
        ("https://tempo.example:port/{trace_id}", "which is no address"),
        ("https://tempo.example/{trace_id}\nSet-Cookie: a", "without spaces"),
        ("https://tempo.example/ {trace_id}", "without spaces"),
        ("https://tempo.example/é/{trace_id}", "ASCII"),
        ("https://tempo.example/{trace_id}" + "a" * 2_000, "at most 2,000"),
        (7, "got int"),
        ("", "which has no {trace_id}"),
    ],
)
def test_another_address_is_a_problem(url: object, named: str) -> None:
    """An unknown placeholder, another scheme, a host that is the trace id, line breaks; the message is one line."""
    (problem,) = failure_settings_problems(recent_failures=50, request_id_header=None, trace_url=url)

    assert problem.path == "trace_url"
    assert named in problem.message
    assert str(problem).isprintable()
    assert len(str(problem)) < 500


@pytest.mark.parametrize("header", ["X-Request-ID", "traceparent", "x.id"])
def test_names_of_headers(header: str) -> None:
    """Any name that HTTP allows, with hyphens."""
    assert list(failure_settings_problems(recent_failures=0, request_id_header=header, trace_url=None)) == []


@pytest.mark.parametrize("header", ["", "X Request", "HTTP_X_REQUEST_ID", "a\r\nb", "a:", "é", 7, "a" * 65])
def test_another_name_is_a_problem(header: object) -> None:
    """Such as the key of an environ, which no header has."""
    (problem,) = failure_settings_problems(recent_failures=0, request_id_header=header, trace_url=None)

    assert problem.path == "request_id_header"
    assert problem.message.startswith("expected the name of a header, such as")
    assert str(problem).isprintable()


def test_settings_name_each_mistake_by_its_setting() -> None:
    """All in one error, as with every other setting."""
    wrong = {"SLO_RECENT_FAILURES": "50", "SLO_REQUEST_ID_HEADER": "a b", "SLO_TRACE_URL": "tempo"}

    with pytest.raises(ConfigError) as caught:
        SLOSettings.from_mapping(wrong, where="settings.")

    assert [problem.path for problem in caught.value.problems] == [f"settings.{name}" for name in wrong]


def test_a_registry_refuses_them_too() -> None:
    """Under the names of its arguments."""
    with pytest.raises(ConfigError) as caught:
        SLORegistry(recent_failures=501, request_id_header="", trace_url="https://a/{b}")

    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["recent_failures", "request_id_header", "trace_url"]
