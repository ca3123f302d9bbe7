"""Whatever a client sends to the metrics view, and whatever an SLO is called: the answer can be read, by parsers too."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from slo_core import SLODefinition, SLORegistry
from slo_core.conventions import RESERVED_LABELS
from slo_core.http.answer import Answer
from slo_core.metrics.view import MetricsView
from slo_core.testing import FakeClock

OPENMETRICS = "application/openmetrics-text"

# What servers hand over of a header: its bytes as Latin-1, but nobody keeps others from calling the view.
garbage = st.text(st.characters(), max_size=40)
words = st.sampled_from(
    [
        OPENMETRICS, "text/plain", "*/*", "application/*", "version=1.0.0", "version=0.0.1", "version=0.0.4",
        "version=abc",
        "version=", "version=1", "version=99.9.9.9", "version=-1.0.0", "version=1.0.0.0.0", "charset=utf-8",
        "escaping=allow-utf-8",
        "escaping=values", "escaping=dots", "escaping=underscores", "escaping=nonsense", "escaping=", "q=0.5", "q=",
        "q=nan", "q=-1", ";", ",",
        "=", ";;", ",,", "gzip", "identity", "br", "q=0", "q=0.000", "Bearer ", "Bearer", "Basic ", "bearer secret",
        "Bearer secret", "\xff", " ",
    ]
)  # fmt: skip
headers = garbage | st.lists(words, max_size=8).map(";".join) | st.lists(words, max_size=8).map(",".join)
names = st.sampled_from(
    ["slo_target", "slo_events_total", "slo_events", "slo_events_created", "nothing", "", "%ff", "%", "\xff"]
)
queries = garbage | st.lists(names | garbage, max_size=4).map(
    lambda found: "&".join(f"name[]={name}" for name in found)
)


def registry_of(*names: str, labels: dict[str, str] | None = None, service: str = "default") -> SLORegistry:
    clock = FakeClock()
    registry = SLORegistry(clock=clock, service=service)
    for name in names:
        tracker = registry.define(SLODefinition(name, 0.999, labels=labels or {}))
        tracker.record_success()
        tracker.record_failure()
    return registry


def samples_of(answer: Answer) -> list[tuple[str, dict[str, str], float]]:
    """Every sample, by the parser of the format that the answer says it is in."""
    sent = dict(answer.headers)
    body = gzip.decompress(answer.body) if sent.get("Content-Encoding") == "gzip" else answer.body
    assert int(sent["Content-Length"]) == len(answer.body)
    text = body.decode("utf-8")
    parse = parse_openmetrics if sent["Content-Type"].startswith(OPENMETRICS) else parse_text
    return [(sample.name, sample.labels, sample.value) for family in parse(text) for sample in family.samples]


VIEWS = {token: MetricsView(registry_of("availability"), token=token) for token in (None, "secret", "gehe\xedm\u20ac")}


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "get", ""]) | garbage,
    accept=headers,
    accept_encoding=headers,
    authorization=headers,
    query=queries,
    token=st.sampled_from([None, None, "secret", "gehe\xedm\u20ac"]),
)
@example("GET", "application/openmetrics-text;version=abc", "", "", "", None)
@example("GET", "application/openmetrics-text;version=1.0.0;escaping=nonsense", "", "", "", None)
def test_any_headers_get_an_answer_that_can_be_read(
    method: str, accept: str, accept_encoding: str, authorization: str, query: str, token: str | None
) -> None:
    """Nothing that a client writes is an exception, and headers of the answer hold none of it."""
    answer = VIEWS[token].respond(
        method, accept=accept, accept_encoding=accept_encoding, authorization=authorization, query=query
    )

    assert answer.status in (200, 401, 405)
    for name, value in answer.headers:
        assert f"{name}{value}".isascii()
        assert f"{name}{value}".isprintable()
    if answer.status == 200 and method == "GET":
        found = samples_of(answer)
        assert found or "name[]" in query


encodable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30)
label_names = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_]{0,10}", fullmatch=True).filter(
    lambda name: name not in RESERVED_LABELS
)


FORMATS = [
    "",
    f"{OPENMETRICS};version=1.0.0",
    f"{OPENMETRICS};version=0.0.1",
    f"{OPENMETRICS};version=1.0.0;escaping=allow-utf-8",
    "text/plain;version=1.0.0;escaping=allow-utf-8",
    "text/plain;version=0.0.4;escaping=values",
]


@given(
    accept=st.sampled_from(FORMATS),
    slos=st.lists(encodable, min_size=1, max_size=3, unique=True),
    labels=st.dictionaries(label_names, encodable, max_size=3),
    service=encodable,
)
def test_any_name_comes_back_from_the_output(
    accept: str, slos: list[str], labels: dict[str, str], service: str
) -> None:
    """Whatever an SLO, a label or the service is called: nothing breaks out of its label."""
    comes_back(accept, slos, labels, service)


@pytest.mark.parametrize("accept", FORMATS)
@pytest.mark.parametrize(
    "text",
    [
        "\r", "\x85", "\u2028", '"', "\\", "\n", "\\n", '\\"', "a\\", "} 1", 'x",slo="y', "# EOF", "\n# EOF\n", "{",
        "#", " ", "\x01",
        "\ufeff", "\u202e", "a,b=c", "\x1b[31m", "\U0001f4a9",
    ],
)  # fmt: skip
def test_marks_of_the_formats_come_back(accept: str, text: str) -> None:
    """Line feeds, quotes, control characters, right-to-left marks."""
    comes_back(accept, [text, f"{text}{text}"], {"team": text}, text)


def comes_back(accept: str, slos: list[str], labels: dict[str, str], service: str) -> None:
    answer = MetricsView(registry_of(*slos, labels=labels, service=service)).respond("GET", accept=accept)
    found = samples_of(answer)

    assert {of["slo"] for name, of, _ in found if name == "slo_target"} == set(slos)
    for slo in slos:
        for outcome in ("good", "bad"):
            (value,) = [
                value
                for name, of, value in found
                if name == "slo_events_total" and (of["slo"], of["outcome"]) == (slo, outcome)
            ]
            assert value == 1
    for name, of, _ in found:
        if "slo" in of:
            assert {key: of[key] for key in labels} == labels
        assert name.startswith("slo_")
        assert of.get("slo_service", service) == service
