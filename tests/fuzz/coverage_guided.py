"""
Fuzzing that is guided by what the code does, with Atheris: the configuration, the metrics view, the names in its output.

    python coverage_guided.py configuration|files|headers|names [-max_total_time=60] [FOLDER]

What it finds is written to a file `crash-...`, and goes into the tests as an example.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["slo_core", "yaml", "tomllib", "prometheus_client"]):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
    from prometheus_client.parser import text_string_to_metric_families as parse_text

    from slo_core import ConfigError, SLODefinition, SLORegistry
    from slo_core.config.definitions import parse_definitions
    from slo_core.config.sources.file import ENDINGS
    from slo_core.config.sources.json_file import read_json  # noqa: F401  # imported when they are needed, else
    from slo_core.config.sources.load import load_definitions
    from slo_core.config.sources.toml_file import read_toml  # noqa: F401
    from slo_core.config.sources.yaml_file import read_yaml  # noqa: F401
    from slo_core.errors import SLOError
    from slo_core.metrics.view import MetricsView
    from slo_core.testing import FakeClock

KEYS = [
    "name", "target", "window", "timezone", "description", "kind", "burn_rate_windows", "burn_rate_threshold",
    "alert_rules",
    "labels", "runbook", "dashboard", "routes", "views", "methods", "exclude", "latency", "bad_statuses", "client_disconnect",
    "unmatched",
    "long_window", "short_window", "severity", "burn_rate", "budget_share", "min_failures",
]  # fmt: skip
FOLDER = Path(tempfile.mkdtemp(prefix="slo-fuzz-"))


def registry_of(*names: str, labels: dict[str, str] | None = None) -> SLORegistry:
    registry = SLORegistry(clock=FakeClock())
    for name in names:
        registry.define(SLODefinition(name, 0.999, labels=labels or {})).record_failure()
    return registry


VIEW = MetricsView(registry_of("availability"))


def value(data: Any, depth: int = 0) -> Any:
    kind = data.ConsumeIntInRange(0, 8 if depth < 4 else 6)
    if kind == 7:
        return [value(data, depth + 1) for _ in range(data.ConsumeIntInRange(0, 3))]
    if kind == 8:
        return mapping(data, depth + 1)
    makers: list[Callable[[], Any]] = [
        lambda: None,
        data.ConsumeBool,
        lambda: data.ConsumeInt(8),
        data.ConsumeFloat,
        lambda: data.ConsumeUnicode(12),
        lambda: f"{data.ConsumeFloat()}%",
        lambda: f"{data.ConsumeIntInRange(0, 10**6)}{data.PickValueInList(['ms', 's', 'm', 'h', 'd', 'w'])}",
    ]
    return makers[kind]()


def mapping(data: Any, depth: int) -> dict[Any, Any]:
    keys = (
        data.PickValueInList(KEYS) if data.ConsumeBool() else data.ConsumeUnicode(6)
        for _ in range(data.ConsumeIntInRange(0, 5))
    )
    return {key: value(data, depth) for key in keys}


def configuration(content: bytes) -> None:
    """Any data: definitions or a `ConfigError`."""
    data = atheris.FuzzedDataProvider(content)
    config: Any = {"a": {"target": 0.9, **mapping(data, 0)}} if data.ConsumeBool() else value(data)
    try:
        parse_definitions(config)
    except ConfigError as exc:
        str(exc).encode()


def files(content: bytes) -> None:
    """Any bytes in a file: definitions or an `SLOError`."""
    ending = ENDINGS[content[0] % len(ENDINGS)] if content else ".yaml"
    file = FOLDER / f"slos{ending}"
    file.write_bytes(content[1:])
    try:
        load_definitions(str(file))
    except SLOError as exc:
        str(exc).encode()


def headers(content: bytes) -> None:
    """Any headers: an answer that the parsers read."""
    data = atheris.FuzzedDataProvider(content)
    accept = data.ConsumeUnicode(60)
    if data.ConsumeBool():
        accept = f"application/openmetrics-text;{accept}"
    answer = VIEW.respond(
        "GET",
        accept=accept,
        accept_encoding=data.ConsumeUnicode(20),
        authorization=data.ConsumeUnicode(20),
        query=data.ConsumeUnicode(40),
    )
    read(dict(answer.headers), answer.body)


def read(sent: dict[str, str], body: bytes) -> set[str]:
    text = (gzip.decompress(body) if sent.get("Content-Encoding") == "gzip" else body).decode("utf-8")
    parse = parse_openmetrics if "openmetrics" in sent["Content-Type"] else parse_text
    samples = [sample for family in parse(text) for sample in family.samples]
    return {sample.labels["slo"] for sample in samples if sample.name == "slo_target"}


def names(content: bytes) -> None:
    """Any names and labels: they come back from the output."""
    data = atheris.FuzzedDataProvider(content)
    slos = {data.ConsumeUnicodeNoSurrogates(12) for _ in range(2)} - {""}
    labels = {"team": data.ConsumeUnicodeNoSurrogates(12)}
    for accept in ("", "application/openmetrics-text;version=1.0.0"):
        answer = MetricsView(registry_of(*slos, labels=labels)).respond("GET", accept=accept)
        assert read(dict(answer.headers), answer.body) == slos, json.dumps(sorted(slos))


TARGETS = {found.__name__: found for found in (configuration, files, headers, names)}

if __name__ == "__main__":
    target, arguments = TARGETS[sys.argv[1]], sys.argv[2:]
    atheris.Setup([sys.argv[0], *arguments], target)
    atheris.Fuzz()
