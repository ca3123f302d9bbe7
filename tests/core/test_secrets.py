"""Secrets in messages, logs and rules: each test has a row in SECURITY.md."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from slo_core import SLODefinition, SLORegistry, store_from_url
from slo_core.cli import main
from slo_core.config.settings import SLOSettings
from slo_core.errors import ConfigError, StoreError
from slo_core.metrics.view import MetricsView
from slo_core.status_page.view import StatusView


def test_the_exporters_store_may_stand_in_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Everybody on a machine may read the arguments of a process, and with them the password of a store."""
    monkeypatch.setenv("SLO_STORE", "nowhere://somebody:hunter2@host/0")

    assert main(["exporter"]) == 2

    message = capsys.readouterr().err
    assert "nowhere://somebody:***@host/0" in message
    assert "hunter2" not in message


def test_no_password_is_shown_while_a_store_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """Not in the log at its most talkative, nor on any page, in any JSON, metric or repr."""
    pytest.importorskip("redis")
    caplog.set_level(logging.DEBUG)
    url = "redis://somebody:hunter2@127.0.0.1:1/0?client_name=hunter3"
    registry = SLORegistry(url, service="shop", store_options={"password": "hunter4"})
    registry.define(SLODefinition("a", 0.99)).record_failure()
    view = StatusView(registry, path="/slo")
    shown = [repr(registry), repr(registry.store), repr(view)]
    for answer in (
        view.respond_page("GET"),
        view.respond_page("GET", query="slo=a"),
        view.respond_json("GET"),
        view.respond_json("GET", query="slo=a"),
        MetricsView(registry).respond("GET"),
    ):
        shown.append(answer.body.decode())
    with pytest.raises(StoreError) as caught:
        registry["a"].snapshot()
    shown.append(str(caught.value))
    registry.flush()
    registry.close()

    shown += [record.getMessage() for record in caplog.records]
    shown.append(caplog.text)  # with tracebacks
    assert "127.0.0.1" in caplog.text
    assert "store cannot be read" in shown[3]
    assert not any("hunter" in text for text in shown)


@pytest.mark.parametrize(
    "settings",
    [
        {"store": {"url": "redis://:hunter2@host"}},
        {"store": b"redis://:hunter2@host"},
        {"store_options": "password=hunter2"},
        {"store_options": [("password", "hunter2")]},
        {"metrics_token": ["hunter2"]},
        {"metrics_token": b"hunter2"},
    ],
)
def test_a_bad_setting_is_not_repeated_where_it_may_be_secret(settings: dict[str, Any]) -> None:
    """Checks, start-up errors and logs say what type came."""
    with pytest.raises(ConfigError) as caught:
        SLOSettings(**settings)

    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("store", [b"redis://:hunter2@host", {"url": "redis://:hunter2@host"}])
def test_a_store_of_another_type_is_not_repeated(store: Any) -> None:
    """In code as in settings."""
    with pytest.raises(TypeError) as caught:
        SLORegistry(store)
    with pytest.raises(StoreError) as refused:
        store_from_url(store)

    assert "hunter2" not in f"{caught.value}{refused.value}"


@pytest.mark.parametrize(
    "address", ["redis://somebody:hunter2@host/0", "redis://host/0?password=hunter2", "redis:/:hunter2@host"]
)
def test_rules_know_nothing_of_the_stores_address(
    tmp_path: Path, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a store they say whose events it holds; and a mistake in its address is told without it."""
    path = tmp_path / "slos.yaml"
    path.write_text(f"service: shop\nstore: {address!r}\nslos: {{a: {{target: 0.9}}}}\n")

    main(["rules", str(path)])
    main(["validate", str(path)])

    out, err = capsys.readouterr()
    assert "shop" in out or "store" in err
    assert "hunter2" not in out + err
